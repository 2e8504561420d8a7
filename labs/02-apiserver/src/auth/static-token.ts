// static-token: bearer tokens that stand in a file, for whoever runs a small cluster or a test.
//
// Same format upstream: apiserver, authentication/token/tokenfile (`--token-auth-file`).

import { NONE, type TokenAuthenticator } from './authenticator.ts';
import type { User } from './user.ts';

export interface TokenEntry {
  readonly token: string;
  readonly user: string;
  readonly uid?: string;
  readonly groups?: readonly string[];
}

export function staticTokenAuthenticator(entries: readonly TokenEntry[]): TokenAuthenticator {
  const users = new Map(entries.map((entry) => [entry.token, userOf(entry)]));
  return {
    name: 'static-token',
    authenticateToken(token) {
      const user = users.get(token);
      return user === undefined ? NONE : { kind: 'user', user };
    },
  };
}

function userOf({ user, uid, groups = [] }: TokenEntry): User {
  return { name: user, groups, ...(uid === undefined ? {} : { uid }) };
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
