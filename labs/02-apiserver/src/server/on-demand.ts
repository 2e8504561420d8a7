// on-demand: the server's part of this package, loaded when it is first asked for.
//
// Every component imports the package for its client. The server behind the same door is 400 files more, which took 30 MiB in each
// scheduler, kubelet and proxy; only tests and whoever makes certificates or reads pods from files need something of it in their own process.

import type { Pod } from 'kubernetes-types/core/v1';
import type { PreparedPod } from '../registry/pod-manifest.ts';
import type { ApiServerOptions } from './api-server-options.ts';
import type { CertificatePair, CertificateRequest } from './pki.ts';
import type { TestApiServer } from './test-api-server.ts';

export async function createCertificateAuthority(commonName: string): Promise<CertificatePair> {
  const pki = await import('./pki.ts');
  return pki.createCertificateAuthority(commonName);
}

export async function issueCertificate(
  authority: CertificatePair,
  request: CertificateRequest,
): Promise<CertificatePair> {
  const pki = await import('./pki.ts');
  return pki.issueCertificate(authority, request);
}

export async function startTestApiServer(
  options: Partial<ApiServerOptions> = {},
): Promise<TestApiServer> {
  const server = await import('./test-api-server.ts');
  return server.startTestApiServer(options);
}

/** See registry/pod-manifest.ts. */
export async function preparePod(text: string, complete?: (pod: Pod) => Pod): Promise<PreparedPod> {
  const manifest = await import('../registry/pod-manifest.ts');
  return manifest.preparePod(text, complete);
}
