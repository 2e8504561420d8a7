// ServingFlags: where this kubelet is asked, and by whom.
//
// Flags and defaults are upstream's: kubernetes, cmd/kubelet/app/options.

import type { Command } from 'commander';
import { count } from './flag-values.ts';

export interface ServingOptions {
  readonly address: string;
  readonly port: number;
  readonly healthzPort: number;
  readonly tlsCertFile: string | undefined;
  readonly tlsPrivateKeyFile: string | undefined;
  readonly clientCaFile: string | undefined;
}

export interface ServingFlags {
  readonly address: string;
  readonly port: number;
  readonly healthzPort: number;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly clientCaFile?: string;
}

export function addServingFlags(command: Command): void {
  command
    .option('--tls-cert-file <file>', 'certificate of the server on --port')
    .option('--tls-private-key-file <file>', 'its key')
    .option('--client-ca-file <file>', 'authority whose clients may ask')
    .option('--address <address>', 'where the server listens', '0.0.0.0')
    .option('--port <port>', 'port of the server', count, 10_250)
    .option('--healthz-port <port>', 'port of /healthz on 127.0.0.1', count, 10_248);
}

export function servingOptionsOf(flags: ServingFlags): ServingOptions {
  const { address, port, healthzPort, tlsCertFile, tlsPrivateKeyFile, clientCaFile } = flags;
  return { address, port, healthzPort, tlsCertFile, tlsPrivateKeyFile, clientCaFile };
}
