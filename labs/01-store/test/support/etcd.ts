// A real etcd for a test: Debian's, on free loopback ports, with its data in a temporary directory.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEtcd3Store } from '#src/etcd3-store.ts';
import { freePort } from '../../../../test/free-port.ts';
import { eventually } from './eventually.ts';

/** The program comes from a cold disk, and so does its log. */
const START_MS_MAX = 60_000;
/** For a request that shall succeed: a put waits for a disk, and a thousand at once for a processor. */
export const PATIENT_MS = 60_000;

export type Flags = Readonly<Record<string, string>>;

export interface Etcd extends AsyncDisposable {
  readonly endpoint: string;
  readonly dataDir: string;
  /** Ends it at once; start() brings it back with its data. */
  kill(): Promise<void>;
  /** Resolves when it does nothing any more; what it was doing when the signal was sent, it may still have finished. */
  pause(): Promise<void>;
  resume(): void;
  start(): Promise<void>;
}

export interface EtcdOptions {
  /** Besides those that every test needs, or instead of them. */
  readonly flags?: Flags;
  readonly scheme?: 'http' | 'https';
  /** Throws as long as the etcd does not serve; by default, a look at its status. */
  readonly probe?: (endpoint: string) => Promise<void>;
}

/** One process of etcd, which can be killed, paused and started again. */
export class EtcdProcess {
  readonly #flags: Flags;
  #child: ChildProcess | undefined;

  constructor(flags: Flags) {
    this.#flags = {
      '--log-level': 'error',
      '--logger': 'zap',
      '--log-outputs': 'stderr',
      ...flags,
    };
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  async start(): Promise<void> {
    const flags = Object.entries(this.#flags).map(([name, value]) => `${name}=${value}`);
    const child = spawn('etcd', flags, { stdio: 'ignore' });
    try {
      await once(child, 'spawn');
    } catch (cause) {
      const text = 'These tests need a real etcd: install it with `apt-get install etcd-server`';
      throw new Error(text, { cause });
    }
    this.#child = child;
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  async pause(): Promise<void> {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('there is no etcd to pause');
    process.kill(pid, 'SIGSTOP');
    await eventually(async () => {
      const threads = await readdir(`/proc/${pid}/task`);
      const states = await Promise.all(threads.map((thread) => stateOf(pid, thread)));
      if (states.some((state) => state !== 'T')) throw new Error(`etcd still runs: ${states}`);
    });
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }
}

/** `T` = stopped. The name of the program, in brackets, may have blanks of its own. */
async function stateOf(pid: number, thread: string): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/task/${thread}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2)[0];
}

export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  const { flags = {}, scheme = 'http', probe = looksAlive } = options;
  const dataDir = await mkdtemp(join(tmpdir(), 'kube-labs-etcd-'));
  const endpoint = `${scheme}://127.0.0.1:${await freePort()}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const child = new EtcdProcess({
    '--data-dir': dataDir,
    '--listen-client-urls': endpoint,
    '--advertise-client-urls': endpoint,
    '--listen-peer-urls': peer,
    '--initial-advertise-peer-urls': peer,
    '--initial-cluster': `default=${peer}`,
    '--experimental-watch-progress-notify-interval': '300ms',
    ...flags,
  });
  const etcd: Etcd = {
    endpoint,
    dataDir,
    start: async () => {
      await child.start();
      await eventually(() => probe(endpoint), START_MS_MAX);
    },
    kill: () => child.kill(),
    pause: () => child.pause(),
    resume: () => child.resume(),
    [Symbol.asyncDispose]: async () => {
      await child.kill();
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

async function looksAlive(endpoint: string): Promise<void> {
  await using _store = await openEtcd3Store({ endpoints: [endpoint] });
}
