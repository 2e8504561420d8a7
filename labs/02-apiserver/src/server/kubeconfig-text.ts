// kubeconfig-text: the file by which clients find a server and prove who they are.
//
// Same form upstream: client-go, tools/clientcmd/api/v1.

import { stringify } from 'yaml';

export interface KubeconfigParts {
  readonly server: string;
  /** PEM texts. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly cluster?: string;
  readonly user?: string;
}

export function kubeconfigText(parts: KubeconfigParts): string {
  const { server, cluster = 'kube-labs', user = 'kubernetes-admin' } = parts;
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const name = `${user}@${cluster}`;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: cluster, cluster: { server, 'certificate-authority-data': base64(parts.ca) } },
    ],
    users: [
      {
        name: user,
        user: {
          'client-certificate-data': base64(parts.cert),
          'client-key-data': base64(parts.key),
        },
      },
    ],
    contexts: [{ name, context: { cluster, user } }],
    'current-context': name,
  });
}
