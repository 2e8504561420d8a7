// The store as a process of its own, started as a person starts it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';

const SRC = process.env.KUBE_LABS_SRC;
const MAIN =
  SRC === undefined
    ? fileURLToPath(new URL('../../src/main.ts', import.meta.url))
    : `${SRC}/main.ts`;

/** Node, a loader and fifty sources, from a cold disk. */
const START_MS_MAX = 60_000;

export interface StoreProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  /** What it has logged so far. */
  log(): string;
  /** Waits until it serves; the URLs in the order of the flags. */
  urls(count?: number): Promise<string[]>;
  /** Sends the signal and waits for the end. */
  end(signal: NodeJS.Signals): Promise<{ code: number | null; stderr: string }>;
}

export function startStore(args: readonly string[], env: NodeJS.ProcessEnv = {}): StoreProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return { code: await ended, stderr };
  };
  return {
    child,
    log: () => stderr,
    urls: (count = 1) =>
      eventually(() => {
        if (child.exitCode !== null) throw new Error(`it ended: ${stderr}`);
        const urls = [...stderr.matchAll(/Serving \w+ url="([^"]+)"/g)].map(([, url]) => url ?? '');
        if (urls.length < count) throw new Error(`it does not serve yet: ${stderr}`);
        return urls;
      }, START_MS_MAX),
    end,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) await end('SIGKILL');
    },
  };
}

/** One that ends by itself. */
export async function runStore(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  await using store = startStore(args, env);
  let stdout = '';
  store.child.stdout?.on('data', (chunk) => {
    stdout += chunk;
  });
  const [code] = (await once(store.child, 'close')) as [number | null];
  return { code, stdout, stderr: store.log() };
}
