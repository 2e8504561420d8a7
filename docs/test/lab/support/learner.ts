// Learner: a repository of its own below the temporary folder, with the tiny lab in it, and the real command run in it.
//
// node_modules is a link to the real one, so that nothing is installed. close() removes everything, also after a failure:
// `await using learner = newLearner()`.
import { spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileCache } from '../../support/compile-cache.ts';

export const repositoryRoot = join(import.meta.dirname, '../../../..');
const fixture = join(import.meta.dirname, '../fixtures/repo');
const command = join(repositoryRoot, 'docs/bin/lab.mjs');
const DEADLINE_MS = 240_000;

export interface Said {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly pid: number | undefined;
  /** Resolves when stdout matches; rejects after a deadline with what there was. */
  until(pattern: RegExp, fromOffset?: number): Promise<string>;
  readonly stdout: string;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<Said>;
}

export class Learner implements AsyncDisposable {
  readonly root: string;
  readonly #running = new Set<() => void>();

  constructor() {
    this.root = realpathSync(mkdtempSync(join(tmpdir(), 'kube-labs-learner-')));
    cpSync(fixture, this.root, { recursive: true });
    symlinkSync(join(repositoryRoot, 'node_modules'), join(this.root, 'node_modules'));
    mkdirSync(this.path('tmp'));
  }

  path(...parts: string[]): string {
    return join(this.root, ...parts);
  }

  /** A file of the learner's lab. */
  read(file: string): string {
    return readFileSync(this.path('work/01-tiny', file), 'utf8');
  }

  write(file: string, text: string): void {
    writeFileSync(this.path('work/01-tiny', file), text);
  }

  edit(file: string, change: (text: string) => string): void {
    const before = this.read(file);
    const after = change(before);
    if (after === before) throw new Error(`The edit of ${file} changes nothing`);
    this.write(file, after);
  }

  /** Writes what the reference has; the learner has solved it. */
  solve(...files: string[]): void {
    for (const file of files)
      this.write(file, readFileSync(this.path('labs/01-tiny', file), 'utf8'));
  }

  /** Processes in which a test of this learner runs right now, as they said themselves. */
  workers(): number[] {
    const files = readdirSync(this.path('tmp'), { recursive: true, encoding: 'utf8' });
    const traces = files
      .filter((file) => file.endsWith('.trace'))
      .map((file) => readFileSync(this.path('tmp', file), 'utf8'));
    return traces
      .filter((text) => text.includes('["test",'))
      .flatMap((text) => [...text.matchAll(/^\["worker",(\d+)\]$/gm)].map(([, pid]) => Number(pid)))
      .filter(isAlive);
  }

  lab(...args: string[]): Promise<Said> {
    return this.start(args).ended;
  }

  start(
    args: readonly string[],
    { cwd = this.root, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
  ): Running {
    const child = spawn(process.execPath, [command, ...args], {
      cwd,
      env: { ...ownEnv(), KUBE_LABS_ROOT: this.root, TMPDIR: this.path('tmp'), ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    const waiting = new Set<() => void>();
    const told = () => {
      for (const look of waiting) look();
    };
    child.stdout.on('data', (chunk) => {
      stdout += chunk;
      told();
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const kill = () => child.kill('SIGKILL');
    this.#running.add(kill);
    const timer = setTimeout(kill, DEADLINE_MS);
    const ended = new Promise<Said>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => {
        clearTimeout(timer);
        this.#running.delete(kill);
        resolve({ code, stdout, stderr });
        told();
      });
    });
    return {
      pid: child.pid,
      ended,
      get stdout() {
        return stdout;
      },
      signal: (name) => child.kill(name),
      until: (pattern, fromOffset = 0) =>
        new Promise((resolve, reject) => {
          const look = () => {
            if (pattern.test(stdout.slice(fromOffset)))
              finish(() => resolve(stdout.slice(fromOffset)));
            else if (child.exitCode !== null) fail('it has ended');
          };
          const fail = (why: string) =>
            finish(() =>
              reject(
                new Error(
                  `No ${pattern} in what lab ${args.join(' ')} said; ${why}:\n${stdout}\n${stderr}`,
                ),
              ),
            );
          const deadline = setTimeout(() => fail('the time is over'), DEADLINE_MS / 2);
          const finish = (then: () => void) => {
            clearTimeout(deadline);
            waiting.delete(look);
            then();
          };
          waiting.add(look);
          look();
        }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const kill of this.#running) kill();
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Without what the vitest that runs this test has put there. No lesson is out of time because the machine stands still for a second. */
function ownEnv(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(
    ([name]) =>
      !/^(VITEST|KUBE_LABS_|NODE_OPTIONS$|TEST$|NODE_ENV$|FORCE_COLOR$|MODE$|DEV$|PROD$|SSR$|BASE_URL$)/.test(
        name,
      ),
  );
  const own = {
    NO_COLOR: '1',
    COLUMNS: '80',
    NODE_COMPILE_CACHE: compileCache,
    KUBE_LABS_PATIENCE: '12',
  };
  return { ...Object.fromEntries(entries), ...own };
}
