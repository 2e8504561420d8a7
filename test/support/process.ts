// process: runs a command to its end, as a person's shell would.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface RunOptions {
  /** Written to standard input. An object is written as JSON. */
  readonly input?: string | object;
  /** Milliseconds until the command is killed; 60,000 by default. */
  readonly timeoutMs?: number;
  /** Ends the command as soon as its standard output is like that: for one that follows something for ever. */
  readonly until?: (stdout: string) => boolean;
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export const repositoryRoot = join(import.meta.dirname, '..', '..');

/** Runs any command to its end. Never throws for an exit code. */
export function run(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { input, timeoutMs = 60_000, until, env } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: repositoryRoot,
      env: { ...process.env, ...env },
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (until?.(stdout)) child.kill();
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, stdout, stderr }));
    child.stdin.on('error', () => {});
    child.stdin.end(typeof input === 'object' ? JSON.stringify(input) : (input ?? ''));
  });
}

/** Flags for every cluster of a run: see cluster.ts. */
export const upFlags = (process.env.KUBE_LABS_UP ?? '').split(' ').filter(Boolean);

/** The launcher, as `npx tsx labs/08-full-cluster …` runs it. */
export function launcher(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(
    join(repositoryRoot, 'node_modules/.bin/tsx'),
    ['labs/08-full-cluster', ...args],
    options,
  );
}

/** Runs docker and returns what it printed; throws when it fails. It acts on several containers one after the other. */
export async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('docker', args, { timeoutMs: 240_000 });
  if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout.trim();
}
