// kubectl-process: stock kubectls as processes that last: with input that is given bit by bit, and output that is watched.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Layer, toolPath } from '../support/tools.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string | Uint8Array;
  /** Through script(1), which gives it a terminal of 100 × 40. */
  readonly terminal?: boolean;
}

export interface Running {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  readonly ended: Promise<Outcome>;
}

export interface KubectlBinary extends AsyncDisposable {
  readonly directory: string;
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
  /** Goes on until it ends by itself, or with the binary. */
  start(args: readonly string[], options?: RunOptions & { keepOpen?: boolean }): Running;
}

const TIMEOUT_MS = 90_000;

/** `minor` is 28, 33 or 35. */
export async function installKubectl(minor: number, kubeconfig: string): Promise<KubectlBinary> {
  const path = await toolPath('kubectl', String(minor) as Layer);
  const directory = await mkdtemp(join(tmpdir(), `kube-labs-kubectl-${minor}-`));
  const children = new Set<ChildProcess>();
  const start: KubectlBinary['start'] = (args, { input = '', terminal, keepOpen } = {}) => {
    const env = { PATH: process.env.PATH ?? '', HOME: directory, KUBECONFIG: kubeconfig };
    const quoted = [path, ...args].map((part) => `'${part}'`).join(' ');
    const shell = ['-qefc', `stty rows 40 cols 100; exec ${quoted}`, '/dev/null'];
    const child = terminal ? spawn('script', shell, { env }) : spawn(path, args, { env });
    children.add(child);
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.stdin.on('error', () => undefined);
    if (keepOpen) child.stdin.write(input);
    else child.stdin.end(input);
    const stdout = () => Buffer.concat(out).toString();
    const stderr = () => Buffer.concat(err).toString();
    const ended = new Promise<Outcome>((resolve) => {
      child.once('close', (code) => {
        children.delete(child);
        resolve({ code: code ?? -1, stdout: Buffer.concat(out), stderr: stderr() });
      });
    });
    return { child, stdout, stderr, ended };
  };
  return {
    directory,
    start,
    async run(args, options) {
      const running = start(args, options);
      const timer = setTimeout(() => running.child.kill('SIGKILL'), TIMEOUT_MS);
      const outcome = await running.ended;
      clearTimeout(timer);
      return outcome;
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}
