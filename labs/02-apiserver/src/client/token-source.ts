// tokenSource: the bearer token of the next request: a fixed one, or what its file has now.
//
// A file is read again when what is known of it is a minute old: tokens are renewed long before they end. While the file cannot
// be read the last token is used on.
// Same idea upstream: k8s.io/client-go/transport/token_source.go.

import { readFileSync } from 'node:fs';
import type { ClientOptions } from './transport.ts';

const FRESH_MS = 60_000;

export function tokenSource(
  { token, tokenFile }: Pick<ClientOptions, 'token' | 'tokenFile'>,
  now: () => number = Date.now,
): () => string | undefined {
  if (token !== undefined || tokenFile === undefined) return () => token;
  let known: string | undefined;
  let readAtMs = Number.NEGATIVE_INFINITY;
  return () => {
    if (now() - readAtMs < FRESH_MS) return known;
    try {
      known = readFileSync(tokenFile, 'utf8').trim();
      readAtMs = now();
    } catch (error) {
      if (known === undefined) throw error;
    }
    return known;
  };
}
