// process: runs a command to its end, as a person's shell would.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

export interface RunOptions {
  /** Written to standard input. An object is written as JSON. */
  readonly input?: string | object;
  /** Milliseconds until the command is killed; 60,000 by default. */
  readonly timeoutMs?: number;
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
  const { input, timeoutMs = 60_000, env } = options;
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

/** Runs docker and returns what it printed; throws when it fails. */
export async function docker(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run('docker', args);
  if (code !== 0) throw new Error(`docker ${args.join(' ')} ended with ${code}: ${stderr}`);
  return stdout.trim();
}
