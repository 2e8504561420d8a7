// kubectls: two real kubectls, an old one and a new one, for one test; and kubeconfigs of whoever they are to be.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestApiServer } from '#src/server/test-api-server.ts';
import { type Ran, runTool, toolPath } from '../support/tools.ts';

export const KUBECTL_VERSIONS = ['v28', 'v35'] as const;
export type KubectlVersion = (typeof KUBECTL_VERSIONS)[number];

export interface Credentials {
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
}

export interface Kubectls extends AsyncDisposable {
  /** Runs it with the kubeconfig of these credentials; never rejects. */
  run(
    version: KubectlVersion,
    args: readonly string[],
    credentials: Credentials,
    input?: string,
  ): Promise<Ran>;
}

export async function installKubectls(server: TestApiServer): Promise<Kubectls> {
  const folder = await mkdtemp(join(tmpdir(), 'kube-labs-kubectls-'));
  let configs = 0;
  return {
    async run(version, args, credentials, input) {
      configs += 1;
      const config = join(folder, `config-${configs}`);
      await writeFile(config, kubeconfigOf(server, credentials), { mode: 0o600 });
      const path = await toolPath('kubectl', version === 'v28' ? '28' : '35');
      const env = { KUBECONFIG: config, HOME: folder };
      return runTool(path, args, input === undefined ? { env } : { env, input });
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
