// Serve: the site on 127.0.0.1, from memory, built again when something that it is made of changes.
//
// A page that is open reloads itself after a build (one line of script that is added here and is not in the built files). When a build
// fails, the last good site stays, and the reason is printed. Nobody but this machine is answered.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname } from 'node:path';
import type { BuiltSite } from './build.ts';

export interface SiteServer extends AsyncDisposable {
  readonly url: string;
  /** What is served from now on; open pages reload. */
  show(site: BuiltSite): void;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
};
const RELOAD_PATH = '/-/reload';
const RELOAD = `<script>new EventSource('${RELOAD_PATH}').onmessage = () => location.reload();</script>`;

export async function serveSite(
  first: BuiltSite,
  { port }: { readonly port: number },
): Promise<SiteServer> {
  let site = first;
  const readers = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (!isLocal(request)) return answer(response, 403, 'Only this machine is answered');
    const path = decodedPath(request);
    if (path === RELOAD_PATH) return follow(response, readers);
    return sendFile(site, path, response);
  });
  await listen(server, port);
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${actual}/`,
    show(next) {
      site = next;
      for (const reader of readers) reader.write('data: reload\n\n');
    },
    async [Symbol.asyncDispose]() {
      for (const reader of readers) reader.end();
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

async function listen(server: Server, port: number): Promise<void> {
  server.listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (error) {
    const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
    if (!inUse) throw error;
    throw new Error(`Cannot serve the site: port ${port} is in use; choose another with --port`);
  }
}

/** A page of another site must not read this one by a name that it points at 127.0.0.1. */
function isLocal({ headers }: IncomingMessage): boolean {
  return /^(127\.0\.0\.1|localhost)(:\d+)?$/.test(headers.host ?? '');
}

function decodedPath({ url = '/' }: IncomingMessage): string {
  try {
    return decodeURIComponent(new URL(url, 'http://127.0.0.1').pathname);
  } catch {
    return '/'; // Not a path at all.
  }
}

function sendFile({ files }: BuiltSite, path: string, response: ServerResponse): void {
  const name = path.slice(1);
  const file = [name, `${name}index.html`, `${name}/index.html`].find((candidate) =>
    files.has(candidate),
  );
  const content = file === undefined ? undefined : files.get(file);
  if (file === undefined || content === undefined) {
    answer(response, 404, `There is no ${path} here`);
    return;
  }
  // Links are relative, so a folder needs its slash.
  if (file === `${name}/index.html`) {
    response.writeHead(302, { location: `${path}/` }).end();
    return;
  }
  const type = TYPES[extname(file)] ?? 'application/octet-stream';
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-cache' });
  response.end(extname(file) === '.html' ? `${content}${RELOAD}` : content);
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}

function follow(response: ServerResponse, readers: Set<ServerResponse>): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.write('retry: 1000\n\n');
  readers.add(response);
  response.on('close', () => readers.delete(response));
}
