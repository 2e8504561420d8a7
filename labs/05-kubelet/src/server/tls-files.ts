// TlsFiles: the server's certificate, its key, and the authority of its clients, from the files that the options name.
//
// Same idea upstream: InitializeTLS in kubernetes, cmd/kubelet/app/server.go (which makes a certificate of its own when none is given).

import { readFile } from 'node:fs/promises';

export interface TlsFileOptions {
  readonly tlsCertFile: string | undefined;
  readonly tlsPrivateKeyFile: string | undefined;
  readonly clientCaFile: string | undefined;
}

export async function readTlsFiles(options: TlsFileOptions) {
  const { tlsCertFile, tlsPrivateKeyFile, clientCaFile } = options;
  if (tlsCertFile === undefined || tlsPrivateKeyFile === undefined) {
    throw new Error(
      'Cannot serve without a certificate: give --tls-cert-file and --tls-private-key-file',
    );
  }
  return {
    cert: await readFile(tlsCertFile, 'utf8'),
    key: await readFile(tlsPrivateKeyFile, 'utf8'),
    clientCa: clientCaFile === undefined ? undefined : await readFile(clientCaFile, 'utf8'),
  };
}
