// Certificate signing flags: the authority that signs approved CertificateSigningRequests.
//
// Same names upstream, but there they are flags of kube-controller-manager. A server that makes its own authority signs with that;
// one that is given its certificates signs only when it is told with what.

import type { Command } from 'commander';
import type { CertificateSigningOptions } from '../auth/certificate-controllers.ts';
import { ownAuthority } from './certificates.ts';
import type { Flags } from './flag-group.ts';
import { hasOwnFiles } from './serving.ts';
import { checkTogether, defined, durationOf, fileOf } from './values.ts';

const CERT_FLAG = '--cluster-signing-cert-file';
const KEY_FLAG = '--cluster-signing-key-file';

export function addCertificateSigningFlags(command: Command): void {
  command
    .option(
      `${CERT_FLAG} <file>`,
      "authority that signs approved certificate requests; default: the server's own, none with --tls-cert-file",
    )
    .option(`${KEY_FLAG} <file>`, 'its key')
    .option(
      '--cluster-signing-duration <duration>',
      'how long such certificates hold at most',
      '8760h',
    );
}

export async function certificateSigningOf(
  flags: Flags,
): Promise<CertificateSigningOptions | undefined> {
  checkTogether(flags, [CERT_FLAG, KEY_FLAG]);
  const cert = await fileOf(flags, CERT_FLAG);
  const key = await fileOf(flags, KEY_FLAG);
  if (cert === undefined && hasOwnFiles(flags)) return undefined;
  const authority =
    cert === undefined || key === undefined ? await ownAuthority(flags) : { cert, key };
  const milliseconds = durationOf(flags, '--cluster-signing-duration');
  const durationSeconds = milliseconds === undefined ? undefined : Math.floor(milliseconds / 1000);
  return { authority, ...defined({ durationSeconds }) };
}
