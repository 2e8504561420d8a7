// KubeconfigFile: a file with which somebody reaches the cluster's API: where it is, whom to trust, who one is.
//
// Upstream: kubeadm, app/phases/kubeconfig, with the certificates inside the file as there.

import { issueCertificate } from '@kube-labs/apiserver';
import { stringify } from 'yaml';
import { writePrivate } from './cluster-state.ts';

/** PEM texts. */
export interface CertificateAuthority {
  readonly cert: string;
  readonly key: string;
}

export interface User {
  readonly name: string;
  readonly groups?: readonly string[];
}

export function userCertificate(ca: CertificateAuthority, { name, groups = [] }: User) {
  return issueCertificate(ca, { commonName: name, organizations: [...groups], client: true });
}

export interface KubeconfigOptions {
  readonly ca: CertificateAuthority;
  readonly cluster: string;
  readonly server: string;
}

export async function writeKubeconfig(
  path: string,
  { ca, cluster, server }: KubeconfigOptions,
  user: User,
): Promise<void> {
  const { cert, key } = await userCertificate(ca, user);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const context = `${user.name}@${cluster}`;
  await writePrivate(
    path,
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: cluster, cluster: { server, 'certificate-authority-data': base64(ca.cert) } },
      ],
      users: [
        {
          name: user.name,
          user: { 'client-certificate-data': base64(cert), 'client-key-data': base64(key) },
        },
      ],
      contexts: [{ name: context, context: { cluster, user: user.name } }],
      'current-context': context,
    }),
  );
}
