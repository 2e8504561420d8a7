// Serving flags: address, port, certificates, protocols, limits, and how the server ends.
//
// Same names upstream: apiserver, server/options/serving.go and server_run_options.go. Ours listens on 127.0.0.1 unless told
// otherwise, and makes its certificates with an authority of its own, so that it can write a kubeconfig.

import { advertiseAddressOf, ownServingCertificate } from './certificates.ts';
import type { FlagGroup, Flags } from './flag-group.ts';
import {
  booleanOf,
  checkTogether,
  defined,
  durationOf,
  fileOf,
  numberOf,
  textOf,
} from './values.ts';

const PORT_MAX = 65_535;

export const servingFlags: FlagGroup = {
  title: 'Serving flags:',
  add(command) {
    command
      .option('--bind-address <address>', 'address to listen on', '127.0.0.1')
      .option('--secure-port <port>', 'port to listen on, TLS', '6443')
      .option('--advertise-address <address>', 'where the cluster reaches this server')
      .option(
        '--cert-dir <dir>',
        'where certificates are made when none are given',
        './kube-labs-certs',
      )
      .option(
        '--tls-cert-file <file>',
        "this server's certificate, with those that lead to its authority",
      )
      .option('--tls-private-key-file <file>', "this server's key")
      .option('--disable-http2-serving', 'speak HTTP/1.1 only')
      .option(
        '--request-timeout <duration>',
        'how long a request may take, except watches and streams',
        '1m0s',
      )
      .option(
        '--shutdown-delay-duration <duration>',
        'how long to go on serving, no longer ready, when told to stop',
        '0s',
      )
      .option(
        '--write-kubeconfig <file>',
        'write a kubeconfig of an administrator; not with --tls-cert-file',
      );
  },
  async options(flags) {
    checkTogether(flags, ['--tls-cert-file', '--tls-private-key-file']);
    if (hasOwnFiles(flags) && textOf(flags, '--write-kubeconfig') !== undefined) {
      throw new Error(
        'Cannot write a kubeconfig with --tls-cert-file: only the authority that this server makes itself can sign one; leave the TLS flags out',
      );
    }
    const options = {
      advertiseAddress: advertiseAddressOf(flags),
      ...defined({
        bindAddress: textOf(flags, '--bind-address'),
        securePort: numberOf(flags, '--secure-port', { max: PORT_MAX }),
        disableHttp2Serving: booleanOf(flags, '--disable-http2-serving'),
        requestTimeoutMs: durationOf(flags, '--request-timeout') || undefined,
        shutdownDelayMs: durationOf(flags, '--shutdown-delay-duration'),
      }),
    };
    return { ...options, tls: await certificateOf(flags) };
  },
};

export function hasOwnFiles(flags: Flags): boolean {
  return textOf(flags, '--tls-cert-file') !== undefined;
}

async function certificateOf(flags: Flags): Promise<{ cert: string; key: string }> {
  const cert = await fileOf(flags, '--tls-cert-file');
  const key = await fileOf(flags, '--tls-private-key-file');
  return cert === undefined || key === undefined ? ownServingCertificate(flags) : { cert, key };
}
