// HostCommand: the one place that starts processes on the node (ip, nsenter, mount).
//
// Every command has a timeout and bounded output; arguments go as a list, never through a shell that
// would read them. A failure carries what the command said, for the event that a person will read.
//
// Same idea upstream: k8s.io/utils/exec.

import { execFile } from 'node:child_process';

const TIMEOUT_MS = 10_000;
const OUTPUT_BYTES_MAX = 4 * 1024 * 1024;

export interface CommandOptions {
  /** Written to the command's stdin, e.g. an `ip -batch` script. */
  readonly input?: string;
  readonly timeoutMs?: number;
}

export type HostCommand = (
  command: string,
  args: readonly string[],
  options?: CommandOptions,
) => Promise<string>;

export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly stdout: string;
  readonly stderr: string;

  constructor(command: string, output: { stdout: string; stderr: string }, cause: unknown) {
    super(`Command failed: ${command}: ${output.stderr.trim() || String(cause)}`, { cause });
    this.stdout = output.stdout;
    this.stderr = output.stderr;
  }
}

/** Resolves with stdout. */
export const runHostCommand: HostCommand = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    const settings = {
      timeout: options.timeoutMs ?? TIMEOUT_MS,
      maxBuffer: OUTPUT_BYTES_MAX,
      killSignal: 'SIGKILL' as const,
    };
    const child = execFile(command, [...args], settings, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new CommandError([command, ...args].join(' '), { stdout, stderr }, error));
    });
    // A command that ended early closes its stdin; its exit code says why.
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
