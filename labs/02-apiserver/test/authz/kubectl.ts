// kubectl: stock kubectls of several versions, with a home of their own for a test file.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Layer, type Ran, runTool, toolPath } from '../support/tools.ts';

export interface Kubectl extends AsyncDisposable {
  run(kubeconfig: string, args: readonly string[], input?: string): Promise<Ran>;
}

export async function unpackKubectl(minor: number): Promise<Kubectl> {
  const path = await toolPath('kubectl', String(minor) as Layer);
  const HOME = await mkdtemp(join(tmpdir(), `kube-labs-kubectl-${minor}-`));
  return {
    run: (KUBECONFIG, args, input = '') =>
      runTool(path, args, { env: { HOME, KUBECONFIG }, input }),
    [Symbol.asyncDispose]: () => rm(HOME, { recursive: true, force: true }),
  };
}
