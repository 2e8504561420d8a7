// Registry: an image registry of the test's own on 127.0.0.1, which engines trust without TLS.
//
// Any image may be pulled, each with a layer of its own. What is below `private/` only the user it is told of gets, by tokens as
// from a real registry. Layers can be held back, and it counts how many pulls are on their way at once.
//
// Speaks the registry protocol: github.com/distribution/distribution, docs/spec/api.md.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json';
const BLOCK_BYTES = 512;
const digestOf = (data: Buffer) => `sha256:${createHash('sha256').update(data).digest('hex')}`;

interface Image {
  readonly manifest: Buffer;
  readonly blobs: ReadonlyMap<string, Buffer>;
  readonly layer: string;
}

export class Registry implements AsyncDisposable {
  readonly user = { username: 'puller', password: 'secret:1' };
  /** Images whose layer was asked for, and not given yet. */
  readonly held: string[] = [];
  heldMax = 0;
  readonly #server: Server;
  readonly #images = new Map<string, Image>();
  readonly #holding = new Map<string, () => void>();
  #holds = (_image: string) => false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Registry> {
    const server = createServer((request, response) => void registry.#answer(request, response));
    const registry = new Registry(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** As `kubectl create secret docker-registry` makes them. */
  dockerConfig(password = this.user.password): string {
    const { username } = this.user;
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    return JSON.stringify({ auths: { [this.host]: { username, password, auth } } });
  }

  /** From now on these images' layers come only when they are let go. */
  hold(which: (image: string) => boolean): void {
    this.#holds = which;
  }

  release(image: string): void {
    this.#holding.get(image)?.();
    this.#holding.delete(image);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', `http://${this.host}`);
    if (url.pathname === '/token') return this.#giveToken(request, response);
    const [, image = '', kind, reference = ''] =
      /^\/v2\/(.+)\/(manifests|blobs)\/(.+)$/.exec(url.pathname) ?? [];
    const isAllowed = request.headers.authorization?.startsWith('Bearer ') === true;
    const isUser = request.headers.authorization === 'Bearer user';
    if (!isAllowed || (image.startsWith('private/') && !isUser)) {
      const realm = `Bearer realm="http://${this.host}/token",service="test"`;
      response.setHeader('www-authenticate', `${realm},scope="repository:${image}:pull"`);
      const errors = [{ code: 'UNAUTHORIZED', message: 'authentication required' }];
      return send(response, 401, JSON.stringify({ errors }));
    }
    if (kind === undefined) return send(response, 200, '{}');
    const { manifest, blobs, layer } = this.#imageOf(image);
    if (kind === 'manifests') {
      response.setHeader('docker-content-digest', digestOf(manifest));
      response.setHeader('content-type', MANIFEST_TYPE);
      return send(response, 200, manifest);
    }
    if (reference === layer) await this.#maybeHold(image);
    const blob = blobs.get(reference);
    send(response, blob === undefined ? 404 : 200, blob ?? '');
  }

  #giveToken(request: IncomingMessage, response: ServerResponse): void {
    const { username, password } = this.user;
    const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    const { authorization } = request.headers;
    const isWrong = authorization !== undefined && authorization !== wanted;
    const token = authorization === undefined ? 'anonymous' : 'user';
    send(response, isWrong ? 401 : 200, isWrong ? '{}' : JSON.stringify({ token }));
  }

  async #maybeHold(image: string): Promise<void> {
    if (!this.#holds(image)) return;
    this.held.push(image);
    this.heldMax = Math.max(this.heldMax, this.held.length);
    await new Promise<void>((resolve) => this.#holding.set(image, resolve));
    this.held.splice(this.held.indexOf(image), 1);
  }

  #imageOf(name: string): Image {
    const known = this.#images.get(name);
    if (known !== undefined) return known;
    const made = makeImage(`${this.host}/${name}`);
    this.#images.set(name, made);
    return made;
  }
}

function send(response: ServerResponse, status: number, body: string | Buffer): void {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body) }).end(body);
}

/** One layer: links, so that a node's own /usr, mounted as a volume, is enough to run something. */
function makeImage(name: string): Image {
  const links = ['bin', 'lib', 'lib64'].map((link) => tarEntry(link, { linkTo: `usr/${link}` }));
  const end = Buffer.alloc(2 * BLOCK_BYTES);
  const tar = Buffer.concat([...links, tarEntry('image-name', { text: name }), end]);
  const layer = gzipSync(tar);
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
      os: 'linux',
      config: { Cmd: ['/bin/sh'] },
      rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
    }),
  );
  const blob = (mediaType: string, data: Buffer) => ({
    mediaType: `application/vnd.docker.${mediaType}`,
    size: data.length,
    digest: digestOf(data),
  });
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST_TYPE,
    config: blob('container.image.v1+json', config),
    layers: [blob('image.rootfs.diff.tar.gzip', layer)],
  };
  const blobs = new Map([config, layer].map((data) => [digestOf(data), data]));
  return { manifest: Buffer.from(JSON.stringify(manifest)), blobs, layer: digestOf(layer) };
}

function tarEntry(name: string, { text = '', linkTo = '' }): Buffer {
  const header = Buffer.alloc(BLOCK_BYTES);
  const octal = (value: number, digits: number) => value.toString(8).padStart(digits, '0');
  header.write(name, 0);
  header.write(octal(0o644, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.write(octal(Buffer.byteLength(text), 11), 124);
  header.write(octal(0, 11), 136);
  header.write(' '.repeat(8), 148);
  header.write(linkTo === '' ? '0' : '2', 156);
  header.write(linkTo, 157);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  const content = Buffer.alloc(Math.ceil(Buffer.byteLength(text) / BLOCK_BYTES) * BLOCK_BYTES);
  content.write(text);
  return Buffer.concat([header, content]);
}
