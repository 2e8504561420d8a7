// BaseImage: Debian with the tools that a node needs, from a registry or from Debian's packages.
//
// A registry that answers gives debian:bookworm-slim in seconds; where none does (an office behind a wall, a
// CI machine), mmdebstrap makes the same file system from Debian's own packages and it is imported. Both ways
// end in the tag kube-labs/base:bookworm with the same list of packages (image/packages.txt).
//
// Invariants: no wait without an end (a registry that is silent for 10 s is not there); the label holds the
// hash of the recipe, so that a changed list makes a new image.

import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { checkoutDir } from './cluster-config.ts';
import { ClusterError, messageOf } from './cluster-error.ts';
import { baseImage, inputsLabel } from './image-names.ts';

export type Say = (line: string) => void;

export const imageDir = resolve(import.meta.dirname, '../image');
const registryImage = 'debian:bookworm-slim';
const registrySilenceMs = 10_000;
const pullMaxMs = 180_000;

export async function makeBaseImage(docker: Docker, inputs: string, say: Say): Promise<void> {
  const labels = { [inputsLabel]: inputs };
  if (await hasRegistryImage(docker, say)) {
    try {
      say(`Installing the node's tools on ${registryImage}`);
      await buildImage(docker, {
        context: imageDir,
        files: ['base.Dockerfile', 'packages.txt'],
        dockerfile: 'base.Dockerfile',
        tag: baseImage,
        labels,
      });
      return;
    } catch (error) {
      say(`That did not work (${messageOf(error)})`);
    }
  }
  await importDebian(docker, labels, say);
}

async function hasRegistryImage(docker: Docker, say: Say): Promise<boolean> {
  const local = await docker.listImages({ filters: { reference: [registryImage] } });
  if (local.length > 0) return true;
  say(`Asking the registry for ${registryImage}`);
  const abort = new AbortController();
  const deadline = setTimeout(() => abort.abort(), registrySilenceMs);
  try {
    const stream = await docker.pull(registryImage, { abortSignal: abort.signal });
    clearTimeout(deadline);
    await finished(docker, stream, pullMaxMs);
    return true;
  } catch {
    say('No registry answers: making the base image from Debian packages instead');
    return false;
  } finally {
    clearTimeout(deadline);
  }
}

export interface BuildOptions {
  readonly context: string;
  readonly files: readonly string[];
  readonly dockerfile: string;
  readonly tag: string;
  readonly labels: Record<string, string>;
}

export async function buildImage(docker: Docker, options: BuildOptions): Promise<void> {
  const { context, files, dockerfile, tag, labels } = options;
  const stream = await docker.buildImage(
    { context, src: [...files] },
    { t: tag, dockerfile, labels, forcerm: true },
  );
  await finished(docker, stream, 600_000);
}

/** The engine answers builds and pulls with a stream of JSON; a failure is its last record. */
function finished(docker: Docker, stream: NodeJS.ReadableStream, maxMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = setTimeout(() => reject(new Error(`no end after ${maxMs / 1000} s`)), maxMs);
    docker.modem.followProgress(stream, (error) => {
      clearTimeout(deadline);
      if (error) reject(error);
      else resolve();
    });
  });
}

async function importDebian(
  docker: Docker,
  labels: Record<string, string>,
  say: Say,
): Promise<void> {
  await requireMmdebstrap(say);
  const scratch = resolve(checkoutDir, '.kube-labs');
  await mkdir(scratch, { recursive: true });
  const dir = await mkdtemp(`${scratch}/base-`);
  try {
    const tar = `${dir}/root.tar`;
    await bootstrap(tar, say);
    const changes = Object.entries(labels).map(([name, value]) => `LABEL ${name}=${value}`);
    const [repo, tag] = baseImage.split(':');
    const stream = await docker.importImage(tar, { repo, tag, changes });
    await finished(docker, stream, pullMaxMs);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function requireMmdebstrap(say: Say): Promise<void> {
  if (existsSync('/usr/bin/mmdebstrap')) return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !existsSync('/usr/bin/apt-get')) {
    throw new ClusterError(
      `The node image needs a base and no registry answers: make ${registryImage} reachable for Docker, or install mmdebstrap (apt-get install mmdebstrap) and try again`,
    );
  }
  say('Installing mmdebstrap and debian-archive-keyring from your distribution');
  const install = ['install', '-y', '--no-install-recommends'];
  await run('apt-get', ['update', '-q']);
  await run('apt-get', [...install, 'mmdebstrap', 'debian-archive-keyring']);
}

async function bootstrap(tar: string, say: Say): Promise<void> {
  const packages = (await readFile(`${imageDir}/packages.txt`, 'utf8')).trim().split('\n');
  const options = [
    '--variant=minbase',
    `--include=${packages.join(',')}`,
    ...['man', 'doc', 'locale', 'info'].map(
      (documents) => `--dpkgopt=path-exclude=/usr/share/${documents}/*`,
    ),
    ...(await hostAptOptions()),
  ];
  // Debian's own mirrors first; the machine's own list may name a nearer one, or the only one it reaches.
  const mirrors = ['', '/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'];
  let failure: unknown;
  for (const mirror of mirrors.filter((path) => path === '' || existsSync(path))) {
    say('Making the base image with mmdebstrap: about 20 s');
    try {
      await run('mmdebstrap', [...options, 'bookworm', tar, ...(mirror === '' ? [] : [mirror])]);
      return;
    } catch (error) {
      failure = error;
    }
  }
  throw new ClusterError(
    `mmdebstrap could not make the base image: check that this machine reaches a Debian mirror (${messageOf(failure)})`,
    { cause: failure },
  );
}

/** What this machine's apt needs to reach its mirrors: proxies, and how strict it is about dates. */
async function hostAptOptions(): Promise<string[]> {
  try {
    const { stdout } = await promisify(execFile)('apt-config', ['dump']);
    return stdout
      .split('\n')
      .filter((line) =>
        /^Acquire::(https?|ftp|Check-|Max-|Force|Retries)[^ ]* "[^"]+";$/.test(line),
      )
      .map((line) => `--aptopt=${line}`);
  } catch {
    return [];
  }
}

/** Rejects with the last line of what the command printed. */
function run(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
    let tail = '';
    const keep = (chunk: Buffer) => {
      tail = `${tail}${chunk}`.slice(-2000);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0
        ? resolve()
        : reject(new Error(tail.trim().split('\n').at(-1) ?? `exit code ${code}`)),
    );
  });
}
