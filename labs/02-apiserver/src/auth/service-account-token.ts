// service-account-token: a bearer token that this cluster gave to one of its service accounts.
//
// The signature proves who wrote the token, its audiences whom it is for, and its objects that it still holds. A token for somebody else
// (another audience) must not open this server, though the signature is good: whoever it was shown to could use it here.
//
// Same rule upstream: pkg/serviceaccount/jwt.go (AuthenticateToken).
// Left out: the audit annotation of stale ones.

import type { TokenAuthenticator } from './authenticator.ts';
import { NONE } from './authenticator.ts';
import { identifyBound, identifyLegacy, type ObjectLookup } from './bound-objects.ts';
import type { TokenVerifier } from './jwt.ts';
import type { NoteUse } from './last-used.ts';
import { serviceAccountUser } from './service-account.ts';
import { audiencesOf, LEGACY_ISSUER, timeProblem } from './token-claims.ts';

export interface ServiceAccountTokenDeps {
  readonly verifier: TokenVerifier;
  readonly objects: ObjectLookup;
  /** Those of this server. */
  readonly audiences: readonly string[];
  /** In milliseconds. */
  readonly now: () => number;
  readonly noteUse?: NoteUse;
}

export function serviceAccountTokenAuthenticator(
  deps: ServiceAccountTokenDeps,
): TokenAuthenticator {
  const { verifier, objects, audiences: own, now, noteUse } = deps;
  return {
    name: 'service-account-token',
    async authenticateToken(token, requested = own) {
      const verification = await verifier.verify(token);
      if (verification.kind === 'foreign') return NONE;
      if (verification.kind === 'rejected') return verification;
      const { claims } = verification;
      const named = audiencesOf(claims);
      // Old tokens name nobody: they are for this server alone.
      const allowed = named.length === 0 ? own : named;
      const audiences = allowed.filter((audience) => requested.includes(audience));
      if (audiences.length === 0) {
        const why = `token audiences ${quoted(allowed)} is invalid for the target audiences ${quoted(requested)}`;
        return { kind: 'rejected', why };
      }
      const late = timeProblem(claims, now() / 1000);
      if (late !== undefined) return { kind: 'rejected', why: late };
      const found =
        claims.iss === LEGACY_ISSUER
          ? await identifyLegacy(claims, token, { objects, noteUse })
          : await identifyBound(claims, objects, now());
      if (found.kind === 'rejected') return found;
      return { kind: 'user', user: serviceAccountUser(found.identity), audiences };
    },
  };
}

/** As Go prints a list of texts. */
function quoted(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`;
}
