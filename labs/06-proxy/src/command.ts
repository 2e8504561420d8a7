// runCommand: runs a program of the node (nft, ip) to its end and gives back what it printed.
//
// A Command is the proxy's only way to the kernel, so a test can hand in one that enters a network namespace first.
// Input goes to standard input, never through a shell. A program that takes longer than its time is ended.
// Same idea upstream: k8s.io/utils/exec.

import { spawn } from 'node:child_process';

export interface CommandOptions {
  readonly input?: string;
}

/** Resolves to standard output; throws CommandError when the program fails or cannot be started. */
export type Command = (
  file: string,
  args: readonly string[],
  options?: CommandOptions,
) => Promise<string>;

export class CommandError extends Error {
  readonly exitCode: number | undefined;

  constructor(message: string, exitCode: number | undefined, cause?: unknown) {
    super(message, { cause });
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }

  static is(error: unknown): error is CommandError {
    return error instanceof CommandError;
  }
}

const TIMEOUT_MS = 30_000;
const STDERR_LENGTH_MAX = 2_000;

export const runCommand: Command = (file, args, { input = '' } = {}) =>
  new Promise((resolve, reject) => {
    const child = spawn(file, args, { stdio: 'pipe', timeout: TIMEOUT_MS, killSignal: 'SIGKILL' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(0, STDERR_LENGTH_MAX);
    });
    child.on('error', (error) => {
      reject(new CommandError(`Cannot run ${file}`, undefined, error));
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(stdout);
      const why = stderr.trim() || (signal === null ? `exit code ${code}` : `ended by ${signal}`);
      const message = `Cannot run ${[file, ...args].join(' ')}: ${why}`;
      reject(new CommandError(message, code ?? undefined));
    });
    // A program that ends before it has read everything closes the pipe; its exit code says why.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
