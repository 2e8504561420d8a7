// continue tokens: where a list in pages goes on, and at which revision, so that all pages show one moment.
//
// The token is base64 of JSON. Clients must not look into it, and the server does not trust it: a token that does not parse
// is a bad request, and the key in it is always taken below the prefix of the list.
//
// Same idea upstream: apiserver, storage/continue.go.

import { badRequest } from '../api-error.ts';

export interface ContinueToken {
  /** -1: whatever is there now, for a client that went on after the revision was compacted. */
  readonly revision: number;
  /** The first key of the next page, relative to the list's prefix. */
  readonly start: string;
}

const VERSION = 'meta.k8s.io/v1';

export function encodeContinue({ revision, start }: ContinueToken): string {
  return Buffer.from(JSON.stringify({ v: VERSION, rv: revision, start })).toString('base64url');
}

export function decodeContinue(text: string): ContinueToken {
  const { v, rv, start } = parse(text);
  if (v !== VERSION || typeof rv !== 'number' || typeof start !== 'string' || start === '') {
    throw badRequest('continue key is not valid: the token was not made by this server');
  }
  return { revision: rv, start };
}

function parse(text: string): { v?: unknown; rv?: unknown; start?: unknown } {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Fall through: whatever it is, it is no token.
  }
  throw badRequest('continue key is not valid: illegal base64 data');
}
