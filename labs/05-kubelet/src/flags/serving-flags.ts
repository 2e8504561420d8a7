// ServingFlags: where this kubelet is asked, and by whom.
//
// Flags are upstream's: kubernetes, cmd/kubelet/app/options. Who may ask is by default as in its configuration file and in kubeadm's
// clusters (no anonymous requests, tokens by TokenReview, rights by SubjectAccessReview), and not as upstream's bare flags,
// which let everybody do everything.

import { type Command, InvalidArgumentError } from 'commander';
import { AUTHORIZATION_MODES, type AuthorizationMode } from '../server/authorization.ts';
import { bool, count, time } from './flag-values.ts';

export interface ServingOptions {
  readonly address: string;
  readonly port: number;
  readonly healthzPort: number;
  readonly tlsCertFile: string | undefined;
  readonly tlsPrivateKeyFile: string | undefined;
  readonly clientCaFile: string | undefined;
  readonly anonymousAuth: boolean;
  readonly authenticationTokenWebhook: boolean;
  readonly authenticationTokenWebhookCacheTtlMs: number;
  readonly authorizationMode: AuthorizationMode;
  readonly authorizationWebhookCacheAuthorizedTtlMs: number;
  readonly authorizationWebhookCacheUnauthorizedTtlMs: number;
}

export interface ServingFlags {
  readonly address: string;
  readonly port: number;
  readonly healthzPort: number;
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
  readonly clientCaFile?: string;
  readonly anonymousAuth: boolean;
  readonly authenticationTokenWebhook: boolean;
  readonly authenticationTokenWebhookCacheTtl: number;
  readonly authorizationMode: AuthorizationMode;
  readonly authorizationWebhookCacheAuthorizedTtl: number;
  readonly authorizationWebhookCacheUnauthorizedTtl: number;
}

const MINUTE_MS = 60_000;

export function addServingFlags(command: Command): void {
  command
    .option('--tls-cert-file <file>', 'certificate of the server on --port')
    .option('--tls-private-key-file <file>', 'its key')
    .option('--client-ca-file <file>', 'authority whose certificates prove users')
    .option('--address <address>', 'where the server listens', '0.0.0.0')
    .option('--port <port>', 'port of the server', count, 10_250)
    .option('--healthz-port <port>', 'port of /healthz on 127.0.0.1', count, 10_248)
    .option('--read-only-port <port>', 'only 0: there is no such port', readOnlyPort, 0);
  addAccessFlags(command);
}

function addAccessFlags(command: Command): void {
  command
    .option('--anonymous-auth [bool]', 'whether who shows nothing may ask', bool, false)
    .option('--authentication-token-webhook [bool]', 'ask whose a token is', bool, true)
    .option(
      '--authentication-token-webhook-cache-ttl <time>',
      'how long the answer is good',
      time,
      2 * MINUTE_MS,
    )
    .option(
      '--authorization-mode <mode>',
      'who may do what: Webhook asks the API server, AlwaysAllow nobody',
      authorizationMode,
      'Webhook',
    )
    .option(
      '--authorization-webhook-cache-authorized-ttl <time>',
      'how long a yes is good',
      time,
      5 * MINUTE_MS,
    )
    .option(
      '--authorization-webhook-cache-unauthorized-ttl <time>',
      'how long a no is good',
      time,
      MINUTE_MS / 2,
    );
}

export function servingOptionsOf(flags: ServingFlags): ServingOptions {
  const { address, port, healthzPort, tlsCertFile, tlsPrivateKeyFile, clientCaFile } = flags;
  const { anonymousAuth, authenticationTokenWebhook, authorizationMode } = flags;
  return {
    ...{ address, port, healthzPort, tlsCertFile, tlsPrivateKeyFile, clientCaFile },
    ...{ anonymousAuth, authenticationTokenWebhook, authorizationMode },
    authenticationTokenWebhookCacheTtlMs: flags.authenticationTokenWebhookCacheTtl,
    authorizationWebhookCacheAuthorizedTtlMs: flags.authorizationWebhookCacheAuthorizedTtl,
    authorizationWebhookCacheUnauthorizedTtlMs: flags.authorizationWebhookCacheUnauthorizedTtl,
  };
}

function authorizationMode(text: string): AuthorizationMode {
  const mode = AUTHORIZATION_MODES.find((one) => one === text);
  if (mode === undefined) {
    throw new InvalidArgumentError(`want ${AUTHORIZATION_MODES.join(' or ')}, got ${text}.`);
  }
  return mode;
}

function readOnlyPort(text: string): number {
  if (text !== '0') throw new InvalidArgumentError(`only 0 is possible, got ${text}.`);
  return 0;
}
