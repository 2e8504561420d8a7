// A real etcd for a test: Debian's, on free loopback ports, with its data in a temporary directory.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEtcd3Store } from '../../src/etcd3-store.ts';
import { eventually } from './eventually.ts';

export interface Etcd extends AsyncDisposable {
  readonly endpoint: string;
  /** Ends it at once; start() brings it back with its data. */
  kill(): Promise<void>;
  pause(): void;
  resume(): void;
  start(): Promise<void>;
}

export async function startEtcd(): Promise<Etcd> {
  const dataDir = await mkdtemp(join(tmpdir(), 'kube-labs-etcd-'));
  const [endpoint, peer] = [
    `http://127.0.0.1:${await freePort()}`,
    `http://127.0.0.1:${await freePort()}`,
  ];
  let child: ChildProcess | undefined;
  const etcd: Etcd = {
    endpoint,
    start: async () => {
      child = await run(dataDir, endpoint, peer);
      await eventually(async () =>
        (await openEtcd3Store({ endpoints: [endpoint] }))[Symbol.asyncDispose](),
      );
    },
    kill: async () => {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    [Symbol.asyncDispose]: async () => {
      await etcd.kill();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  try {
    await etcd.start();
    return etcd;
  } catch (error) {
    await etcd[Symbol.asyncDispose]();
    throw error;
  }
}

async function run(dataDir: string, endpoint: string, peer: string): Promise<ChildProcess> {
  const flags = {
    '--data-dir': dataDir,
    '--listen-client-urls': endpoint,
    '--advertise-client-urls': endpoint,
    '--listen-peer-urls': peer,
    '--initial-advertise-peer-urls': peer,
    '--initial-cluster': `default=${peer}`,
    '--log-level': 'error',
    '--logger': 'zap',
    '--log-outputs': 'stderr',
    '--experimental-watch-progress-notify-interval': '300ms',
  };
  const child = spawn('etcd', Object.entries(flags).flat(), { stdio: 'ignore' });
  try {
    await once(child, 'spawn');
  } catch (cause) {
    throw new Error('These tests need a real etcd: install it with `apt-get install etcd-server`', {
      cause,
    });
  }
  return child;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
