// The processes of the benchmark: our server on its own store, our server on etcd, the plain server, the load generator.
//
// All get a directory of the same disk, with every sync on, the same certificates, and are reached over TLS on 127.0.0.1.
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createCertificateAuthority, issueCertificate } from '#src/server/pki.ts';
import { freePort } from '../../../test/free-port.ts';
import { HttpConnection, requestBytes, type Target } from './http-connection.ts';
import type { Answer, Order } from './load.ts';
import type { Result, Workload } from './workloads.ts';

const START_MS_MAX = 120_000;
/** A workload that takes longer has lost an answer somewhere. */
const RUN_MS_MAX = 300_000;
const POLL_MS = 5;
const MIB = 1024 * 1024;
/** Of /proc/PID/stat; the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;
const TSX = ['--import', 'tsx'];
const MAIN = join(import.meta.dirname, '../src/main.ts');

export type ServerName = 'ours' | 'onEtcd';

/** Certificates as files for the servers, and as text for the client. */
export interface Pki {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
  readonly client: Omit<Target, 'port'>;
}

export async function makePki(directory: string): Promise<Pki> {
  const ca = await createCertificateAuthority('kubernetes');
  const serving = await issueCertificate(ca, {
    commonName: 'kube-apiserver',
    server: true,
    ipAddresses: ['127.0.0.1'],
  });
  const who = { commonName: 'kubernetes-admin', organizations: ['system:masters'], client: true };
  const admin = await issueCertificate(ca, who);
  const write = async (name: string, text: string) => {
    const file = join(directory, name);
    await writeFile(file, text, { mode: 0o600 });
    return file;
  };
  return {
    certFile: await write('serving.crt', serving.cert),
    keyFile: await write('serving.key', serving.key),
    caFile: await write('ca.crt', ca.cert),
    client: { ca: ca.cert, cert: admin.cert, key: admin.key },
  };
}

/** What tsx has not compiled yet, it compiles in the server's process: that costs time and memory once on a machine. */
export async function compile(): Promise<void> {
  const child = spawn(process.execPath, [...TSX, MAIN, '--help'], { stdio: 'ignore' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`the server cannot say what its flags are: code ${code}`);
}

/** Our API server as a process, with the etcd that it needs, if any. */
export class Server {
  readonly name: ServerName;
  readonly #directory: string;
  readonly #pki: Pki;
  #child: ChildProcess | undefined;
  #etcd: ChildProcess | undefined;
  #port = 0;

  constructor(name: ServerName, directory: string, pki: Pki) {
    this.name = name;
    this.#directory = join(directory, name);
    this.#pki = pki;
  }

  get target(): Target {
    return { ...this.#pki.client, port: this.#port };
  }

  /** Milliseconds from the start of the process until it says that it is ready. */
  async start(): Promise<number> {
    const backend =
      this.name === 'ours'
        ? `--data-dir=${this.#directory}/data`
        : `--etcd-servers=${await this.#startEtcd()}`;
    this.#port = await freePort();
    const { certFile, keyFile, caFile } = this.#pki;
    const flags = [
      backend,
      `--secure-port=${this.#port}`,
      `--cert-dir=${this.#directory}/certs`,
      `--tls-cert-file=${certFile}`,
      `--tls-private-key-file=${keyFile}`,
      `--client-ca-file=${caFile}`,
      '--authorization-mode=Node,RBAC',
      '--v=0',
    ];
    const startMs = performance.now();
    this.#child = spawn(process.execPath, [...nodeOptions(), MAIN, ...flags], {
      stdio: ['ignore', 'ignore', openSync(`${this.#directory}/server.log`, 'a')],
    });
    await this.#ready();
    return performance.now() - startMs;
  }

  async stop(): Promise<void> {
    await stop(this.#child);
    await stop(this.#etcd);
  }

  /** MiB that the server's process holds; of an etcd beside it nothing. */
  async residentMiB(): Promise<number> {
    const status = await readFile(`/proc/${this.#child?.pid}/status`, 'utf8');
    return (Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024) / MIB;
  }

  /** Percent of one core that the process takes while nobody asks it for anything. */
  async idlePercent(ms: number): Promise<number> {
    const before = await this.cpuSeconds();
    await wait(ms);
    return (((await this.cpuSeconds()) - before) / (ms / 1000)) * 100;
  }

  /** What the process has taken of a processor since its start; of an etcd beside it nothing. */
  cpuSeconds(): Promise<number> {
    return cpuSecondsOf(this.#child?.pid);
  }

  async #ready(): Promise<void> {
    await until(
      `the server ${this.name} (${this.#directory}/server.log)`,
      this.#child,
      async () => {
        const connection = await HttpConnection.connect(this.target);
        try {
          const { status } = await connection.request(requestBytes('GET', '/readyz'));
          return status === 200;
        } finally {
          connection.close();
        }
      },
    );
  }

  async #startEtcd(): Promise<string> {
    const port = await freePort();
    const client = `http://127.0.0.1:${port}`;
    const peer = `http://127.0.0.1:${await freePort()}`;
    const flags = {
      'data-dir': `${this.#directory}/etcd`,
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': `default=${peer}`,
      logger: 'zap',
      'log-level': 'error',
    };
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    this.#etcd = spawn('etcd', args, { stdio: 'ignore' });
    await until('etcd', this.#etcd, async () => {
      const response = await fetch(`${client}/health`);
      return response.ok;
    });
    return client;
  }
}

/** The process that runs workloads. */
export class Load {
  readonly #child = fork(join(import.meta.dirname, 'load.ts'), { execArgv: TSX });

  async run(target: Target, workload: Workload): Promise<Result> {
    const answered = once(this.#child, 'message', { signal: AbortSignal.timeout(RUN_MS_MAX) });
    this.#child.send({ target, workload } satisfies Order);
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
): Promise<{ said: T; pid: number | undefined; stop(): Promise<void> }> {
  const child = fork(join(import.meta.dirname, script), args, { execArgv: TSX });
  const exited = once(child, 'exit').then(() => {
    throw new Error(`${script} ended without a word`);
  });
  const [said] = await Promise.race([once(child, 'message'), exited]);
  exited.catch(() => undefined);
  return { said: said as T, pid: child.pid, stop: () => stop(child) };
}

export async function cpuSecondsOf(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

export async function isEtcdThere(): Promise<boolean> {
  const child = spawn('etcd', ['--version'], { stdio: 'ignore' });
  const found = await Promise.race([
    once(child, 'exit').then(() => true),
    once(child, 'error').then(() => false),
  ]).catch(() => false);
  return found;
}

/** Profiles, for whoever asks for them: BENCH_NODE_OPTIONS=--cpu-prof. */
function nodeOptions(): string[] {
  const extra = process.env.BENCH_NODE_OPTIONS ?? '';
  return [...TSX, ...extra.split(' ').filter(Boolean)];
}

async function until(
  what: string,
  child: ChildProcess | undefined,
  check: () => Promise<boolean>,
): Promise<void> {
  const deadlineMs = performance.now() + START_MS_MAX;
  for (;;) {
    const isReady = await check().catch(() => false);
    if (isReady) return;
    if (child?.exitCode !== null || performance.now() > deadlineMs) {
      throw new Error(`${what} does not answer`);
    }
    await wait(POLL_MS);
  }
}

async function stop(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const tooLate = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(tooLate);
}
