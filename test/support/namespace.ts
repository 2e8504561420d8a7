// namespace: a namespace of its own for a test file, gone afterwards with all that is in it.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll } from 'vitest';
import { eventually } from './eventually.ts';
import { apply, getJson, kubectl, type RunOptions, tryKubectl } from './kubectl.ts';
import type { RunResult } from './process.ts';

export interface TestNamespace {
  readonly name: string;
  kubectl(line: string | readonly string[], options?: RunOptions): Promise<string>;
  tryKubectl(line: string | readonly string[], options?: RunOptions): Promise<RunResult>;
  apply(objects: object | readonly object[], options?: RunOptions): Promise<string>;
  getJson<T>(line: string): Promise<T>;
  /** Runs a shell command in a pod and returns its standard output; throws when it fails. */
  sh(pod: string, command: string, options?: RunOptions): Promise<string>;
  /** The condition Ready of every named object, or an error after the deadline. */
  ready(what: string, timeoutSeconds?: number): Promise<string>;
}

/** Call it at the top of a test file. */
export function useNamespace(prefix: string): TestNamespace {
  const name = `${prefix}-${randomBytes(3).toString('hex')}`;
  const inside = (options: RunOptions = {}): RunOptions => ({ namespace: name, ...options });
  beforeAll(async () => {
    await kubectl(`create namespace ${name}`);
    // Pods are refused until the controller manager has made it.
    await eventually(() => kubectl(`-n ${name} get serviceaccount default`));
  });
  afterAll(async () => {
    await kubectl(`delete namespace ${name} --timeout=180s`, { timeoutMs: 190_000 });
  });
  return {
    name,
    kubectl: (line, options) => kubectl(line, inside(options)),
    tryKubectl: (line, options) => tryKubectl(line, inside(options)),
    apply: (objects, options) => apply(objects, inside(options)),
    getJson: (line) => getJson(line, inside()),
    sh: (pod, command, options) =>
      kubectl(['exec', pod, '--', 'sh', '-c', command], inside(options)),
    ready: (what, timeoutSeconds = 90) =>
      // What a selector names may not have been made yet, which kubectl does not wait for.
      eventually(
        () =>
          kubectl(`wait --for=condition=Ready ${what} --timeout=${timeoutSeconds}s`, {
            ...inside(),
            timeoutMs: (timeoutSeconds + 10) * 1000,
          }),
        { timeoutMs: timeoutSeconds * 1000 },
      ),
  };
}
