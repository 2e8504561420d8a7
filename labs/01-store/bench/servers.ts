// The processes of the benchmark: the two servers that are compared, the load generator, the server that does nothing.
//
// Both servers get a directory of the same disk, with every sync on, and are reached over 127.0.0.1.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { freePort } from '../../../test/free-port.ts';
import { GrpcClient } from './grpc-client.ts';
import type { Answer, Order } from './load.ts';
import { PATHS, rangeRequest } from './messages.ts';
import type { Result, Workload } from './workloads.ts';

const START_MS_MAX = 120_000;
/** A workload that takes longer has lost an answer somewhere. */
const RUN_MS_MAX = 300_000;
const POLL_MS = 2;
const QUOTA_BYTES = 8 * 1024 ** 3;
const TSX = ['--import', 'tsx'];

export type ServerName = 'ours' | 'etcd';

/** One server process with its directory. */
export class Server {
  readonly name: ServerName;
  readonly #dataDir: string;
  #child: ChildProcess | undefined;
  port = 0;

  constructor(name: ServerName, directory: string) {
    this.name = name;
    this.#dataDir = join(directory, name);
  }

  /** Milliseconds from the start of the process to its first answer. */
  async start(): Promise<number> {
    this.port = await freePort();
    const startMs = performance.now();
    this.#child = this.name === 'etcd' ? await this.#spawnEtcd() : this.#spawnOurs();
    await this.#firstAnswer();
    return performance.now() - startMs;
  }

  async stop(): Promise<void> {
    await stop(this.#child);
  }

  /** Bytes of memory that the process holds. */
  async residentBytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#child?.pid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
  }

  async #spawnEtcd(): Promise<ChildProcess> {
    const client = `http://127.0.0.1:${this.port}`;
    const peer = `http://127.0.0.1:${await freePort()}`;
    const flags = {
      'data-dir': this.#dataDir,
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': `default=${peer}`,
      'quota-backend-bytes': QUOTA_BYTES,
      'log-level': 'error',
      logger: 'zap',
      'log-outputs': 'stderr',
    };
    return spawn('etcd', flagsOf(flags), { stdio: 'ignore' });
  }

  #spawnOurs(): ChildProcess {
    const main = join(import.meta.dirname, '../src/main.ts');
    const flags = {
      'data-dir': this.#dataDir,
      'listen-client-urls': `http://127.0.0.1:${this.port}`,
      'log-level': 'error',
      'quota-backend-bytes': QUOTA_BYTES,
      'auto-compaction-retention': 0,
    };
    return spawn(process.execPath, [...TSX, main, ...flagsOf(flags)], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  async #firstAnswer(): Promise<void> {
    const deadlineMs = performance.now() + START_MS_MAX;
    for (;;) {
      try {
        const client = await GrpcClient.connect(this.port);
        try {
          await client.callOnce(PATHS.range, rangeRequest({ key: Buffer.from('first') }));
          return;
        } finally {
          client.close();
        }
      } catch (error) {
        if (this.#child?.exitCode !== null || performance.now() > deadlineMs) {
          throw new Error(`${this.name} does not answer on port ${this.port}`, { cause: error });
        }
      }
      await wait(POLL_MS);
    }
  }
}

/** The process that runs workloads. */
export class Load {
  readonly #child = fork(join(import.meta.dirname, 'load.ts'), { execArgv: TSX });

  async run(port: number, workload: Workload): Promise<Result> {
    const answered = once(this.#child, 'message', { signal: AbortSignal.timeout(RUN_MS_MAX) });
    this.#child.send({ port, workload } satisfies Order);
    const [answer] = (await answered) as [Answer];
    if ('error' in answer) throw new Error(`the workload ${workload.kind} failed: ${answer.error}`);
    return answer.result;
  }

  stop(): Promise<void> {
    return stop(this.#child);
  }
}

/** Runs a script of this folder that says one thing and waits; returns what it said. */
export async function forkScript<T>(
  script: string,
  args: readonly string[],
): Promise<{ said: T; stop(): Promise<void> }> {
  const child = fork(join(import.meta.dirname, script), args, { execArgv: TSX });
  const exited = once(child, 'exit').then(() => {
    throw new Error(`${script} ended without a word`);
  });
  const [said] = await Promise.race([once(child, 'message'), exited]);
  exited.catch(() => undefined);
  return { said: said as T, stop: () => stop(child) };
}

async function stop(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const tooLate = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(tooLate);
}

function flagsOf(flags: Readonly<Record<string, string | number>>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}
