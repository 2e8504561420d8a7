// audience: tokens that say nothing of whom they are for: they are for this server.
//
// A review may ask whether a token is good for somebody else. Of such a token the answer is that nobody knows it there.
//
// Same rule upstream: apiserver, authentication/authenticator/audagnostic.go.

import { NONE, type TokenAuthenticator } from './authenticator.ts';

export function forThisServer(
  authenticator: TokenAuthenticator,
  own: readonly string[],
): TokenAuthenticator {
  return {
    name: authenticator.name,
    async authenticateToken(token, requested) {
      if (requested === undefined) return authenticator.authenticateToken(token);
      const audiences = own.filter((audience) => requested.includes(audience));
      if (audiences.length === 0) return NONE;
      const answer = await authenticator.authenticateToken(token);
      return answer.kind === 'user' ? { ...answer, audiences } : answer;
    },
  };
}
