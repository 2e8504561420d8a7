// Service account flags: who signs the tokens of service accounts, and whose signature is believed.
//
// Same names and limits upstream: kubeapiserver/options/authentication.go. There the signing key and the issuer must be given; here the
// server helps itself: it signs with the key of --tls-private-key-file, or with one that it makes in --cert-dir and keeps. Servers
// beside each other must use the same key, or believe each other's.

import type { Command } from 'commander';
import { certificatesOf } from '../auth/client-certificate.ts';
import { DEFAULT_ISSUER, type ServiceAccountOptions } from '../auth/service-account-issuer.ts';
import { signingKeyOf, verificationKeysOf } from '../auth/signing-keys.ts';
import { ownServiceAccountKey } from './certificates.ts';
import type { Flags } from './flag-group.ts';
import { booleanOf, defined, durationOf, fileOf, listOf, readText, textOf } from './values.ts';

const HOUR_SECONDS = 3600;

export function addServiceAccountFlags(command: Command): void {
  command
    .option(
      '--service-account-issuer <name>',
      `who gives service accounts their tokens, an https URL if others are to check them; more than one: the first signs, all are believed (default: ${DEFAULT_ISSUER})`,
      collect,
    )
    .option(
      '--service-account-signing-key-file <file>',
      'the private key that signs tokens; default: that of --tls-private-key-file, else one made in --cert-dir',
    )
    .option(
      '--service-account-key-file <file>',
      'keys, private or public, whose signatures are believed; may be given again; default: the signing key',
      collect,
    )
    .option(
      '--service-account-jwks-uri <url>',
      "where others get this server's public keys; default: at its own address",
    )
    .option('--service-account-max-token-expiration <duration>', 'tokens hold no longer than that')
    .option(
      '--service-account-extend-token-expiration <bool>',
      'whether tokens in pods hold for a year, so that programs which do not read them again go on',
      'true',
    )
    .option(
      '--root-ca-file <file>',
      "this server's authority, published in every namespace as kube-root-ca.crt and in secrets with tokens; upstream's controller manager does that",
    );
}

/** PEM of the authority that pods check this server by. */
export async function rootCaOf(flags: Flags): Promise<string | undefined> {
  const text = await fileOf(flags, '--root-ca-file');
  if (text !== undefined) certificatesOf(text, `--root-ca-file ${textOf(flags, '--root-ca-file')}`);
  return text;
}

export async function serviceAccountsOf(flags: Flags): Promise<ServiceAccountOptions> {
  const issuers = listOf(flags, '--service-account-issuer');
  for (const issuer of issuers ?? []) checkIssuer(issuer);
  const files = listOf(flags, '--service-account-key-file') ?? [];
  const keys = await Promise.all(files.map((path) => keyFile(path)));
  return {
    signingKey: await signingKeyText(flags, files.length > 0),
    keys,
    ...defined({
      issuers,
      jwksUri: jwksUriOf(flags),
      maxExpirationSeconds: maxExpirationOf(flags),
      extendExpiration: booleanOf(flags, '--service-account-extend-token-expiration'),
    }),
  };
}

/** A flag that may be given again. */
function collect(value: string, before: string | undefined): string {
  return before === undefined ? value : `${before},${value}`;
}

async function keyFile(path: string): Promise<string> {
  const flag = '--service-account-key-file';
  const text = await readText(path, flag);
  verificationKeysOf(text, `${flag} ${path}`);
  return text;
}

async function signingKeyText(flags: Flags, hasKeyFiles: boolean): Promise<string> {
  const flag = '--service-account-signing-key-file';
  const given = await fileOf(flags, flag);
  if (given === undefined && hasKeyFiles) {
    throw new Error(
      `Cannot use --service-account-key-file without ${flag}: keys that are only believed sign nothing; give both`,
    );
  }
  const tls = given === undefined ? await fileOf(flags, '--tls-private-key-file') : undefined;
  const text = given ?? tls ?? (await ownServiceAccountKey(flags));
  const where = given === undefined ? '--tls-private-key-file for tokens' : flag;
  signingKeyOf(text, `${where}${given === undefined ? '' : ` ${textOf(flags, flag)}`}`);
  return text;
}

function checkIssuer(issuer: string): void {
  if (!issuer.includes(':') || URL.canParse(issuer)) return;
  throw new Error(`service-account-issuer "${issuer}" contained a ':' but was not a valid URL`);
}

function jwksUriOf(flags: Flags): string | undefined {
  const uri = textOf(flags, '--service-account-jwks-uri');
  if (uri === undefined) return undefined;
  if (URL.canParse(uri) && new URL(uri).protocol === 'https:') return uri;
  throw new Error(`service-account-jwks-uri requires https scheme, parsed as: ${uri}`);
}

function maxExpirationOf(flags: Flags): number | undefined {
  const milliseconds = durationOf(flags, '--service-account-max-token-expiration') ?? 0;
  if (milliseconds === 0) return undefined;
  const seconds = milliseconds / 1000;
  if (seconds >= HOUR_SECONDS && seconds <= 2 ** 32) return Math.floor(seconds);
  throw new Error(
    'the service-account-max-token-expiration must be between 1 hour and 2^32 seconds',
  );
}
