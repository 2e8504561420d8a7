// The API server as a process of its own, started as a person starts it, on a free port with an authority of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { vi } from 'vitest';
import { Client } from '#src/client/client.ts';
import { loadKubeconfig } from '#src/client/kubeconfig.ts';

const MAIN = join(import.meta.dirname, '../../src/main.ts');
const TSX = import.meta.resolve('tsx');
/** A machine that builds and tests beside us is slow; that it starts quickly is for the benchmark to say. */
const START = { timeout: 90_000, interval: 20 };

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServerProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly kubeconfig: string;
  log(): string;
  /** Waits until it is ready. */
  client(): Promise<Client>;
  /** Waits for the end; what it printed. */
  readonly ended: Promise<Ended>;
}

/** `folder` is the caller's: certificates and kubeconfig are made there. */
export function startServerProcess(folder: string, flags: readonly string[]): ServerProcess {
  const kubeconfig = join(folder, 'kubeconfig');
  const serving = ['--secure-port=0', `--cert-dir=${folder}`, `--write-kubeconfig=${kubeconfig}`];
  const child = spawn(process.execPath, ['--import', TSX, MAIN, ...serving, ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...output }));
  const clients: Client[] = [];
  return {
    child,
    kubeconfig,
    ended,
    log: () => output.stderr,
    async client() {
      await vi.waitFor(async () => {
        if (child.exitCode !== null) return;
        await readFile(kubeconfig);
      }, START);
      if (child.exitCode !== null) throw new Error(`the server ended: ${output.stderr}`);
      const client = new Client(loadKubeconfig(kubeconfig));
      clients.push(client);
      return client;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await ended;
    },
  };
}
