// bearer-token: a token from the Authorization header, or from where a browser can put one: the subprotocols of a WebSocket.
//
//   Authorization: Bearer TOKEN
//   Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.<base64url of TOKEN>, v5.channel.k8s.io
//
// Which tokens are good is for the TokenAuthenticators to say. A token that none of them knows is rejected.
//
// Same rule upstream: apiserver, authentication/request/bearertoken and authentication/request/websocket.

import type { IncomingMessage } from 'node:http';
import {
  type Authentication,
  type Authenticator,
  NONE,
  type TokenAuthenticator,
  unionTokenAuthenticator,
} from './authenticator.ts';

/** The subprotocol that carries a token; it is never passed on to a kubelet. */
export const BEARER_PROTOCOL_PREFIX = 'base64url.bearer.authorization.k8s.io.';

export function bearerTokenAuthenticator(tokens: readonly TokenAuthenticator[]): Authenticator {
  const union = unionTokenAuthenticator(tokens);
  return {
    name: 'bearer-token',
    async authenticate(request): Promise<Authentication> {
      const token = headerToken(request) ?? protocolToken(request);
      if (token === undefined) return NONE;
      const answer = await union.authenticateToken(token);
      return answer.kind === 'none' ? { kind: 'rejected', why: 'invalid bearer token' } : answer;
    },
  };
}

function headerToken({ headers }: IncomingMessage): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];
}

function protocolToken({ headers }: IncomingMessage): string | undefined {
  const protocols = String(headers['sec-websocket-protocol'] ?? '').split(/\s*,\s*/);
  const found = protocols.find((protocol) => protocol.startsWith(BEARER_PROTOCOL_PREFIX));
  if (found === undefined) return undefined;
  const token = Buffer.from(found.slice(BEARER_PROTOCOL_PREFIX.length), 'base64url');
  return token.toString('utf8');
}
