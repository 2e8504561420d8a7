// authentication: who sends a request, from its client certificate or its bearer token.
//
// Of a certificate that the cluster's authority signed, the common name is the user and the organizations are the groups, as upstream
// has it. Tokens come from a file. A request that brings neither, or a token that nobody has, is nobody's.
//
// Same idea upstream: apiserver, authentication/request/x509 and authentication/token/tokenfile.
// Left out in this step: service account tokens, bootstrap tokens, impersonation. And every known user may do everything.

import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
  readonly uid?: string;
}

export interface TokenEntry {
  readonly token: string;
  readonly user: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
}

const AUTHENTICATED = 'system:authenticated';

/** The server's own hand, for what it writes by itself. */
export const SYSTEM_USER: User = { name: 'system:apiserver', groups: ['system:masters'] };

/** The user, or undefined when the request proves nothing. */
export function authenticate(
  request: IncomingMessage,
  tokens: ReadonlyMap<string, TokenEntry>,
): User | undefined {
  return userOfCertificate(request) ?? userOfToken(request, tokens);
}

/** Lines `token,user,uid[,"group1,group2"]`, as in upstream's --token-auth-file. */
export function parseTokenFile(text: string): TokenEntry[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '' || line.startsWith('#')) return [];
    const [token, user, uid, groups] = [...line.matchAll(/"([^"]*)"|([^,]+)/g)].map(
      (match) => match[1] ?? match[2]?.trim() ?? '',
    );
    if (!token || !user || uid === undefined) {
      throw new Error(`Cannot use line ${index + 1} of the token file: it needs token,user,uid`);
    }
    return [{ token, user, uid, groups: groups?.split(',').filter(Boolean) ?? [] }];
  });
}

function userOfCertificate({ socket }: IncomingMessage): User | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  if (subject?.CN === undefined) return undefined;
  const name = String(subject.CN);
  // With several organizations Node gives an array, which its types do not say.
  const organizations = [subject.O ?? []].flat() as string[];
  return { name, groups: [...organizations, AUTHENTICATED] };
}

function userOfToken(
  { headers }: IncomingMessage,
  tokens: ReadonlyMap<string, TokenEntry>,
): User | undefined {
  const token = /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1];
  const entry = token === undefined ? undefined : tokens.get(token);
  if (entry === undefined) return undefined;
  const groups = [...(entry.groups ?? []), AUTHENTICATED];
  return { name: entry.user, groups, ...(entry.uid === undefined ? {} : { uid: entry.uid }) };
}
