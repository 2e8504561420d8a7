// server: an API server with authorization, and users of any name to ask it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AuthorizationOptions } from '#src/authz/build-authorization.ts';
import type { ApiServerOptions } from '#src/server/api-server-options.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { type WireAnswer, wire } from '../server/wire.ts';

/** The token is the user's name with the colons replaced. */
const USERS: Readonly<Record<string, readonly string[]>> = {
  jane: [],
  reader: [],
  'system:kube-scheduler': [],
  'system:kube-controller-manager': [],
  'system:kube-proxy': [],
  'system:node:a': ['system:nodes'],
  'system:serviceaccount:default:robot': [
    'system:serviceaccounts',
    'system:serviceaccounts:default',
  ],
};

export interface SecuredServer extends AsyncDisposable {
  readonly server: TestApiServer;
  /** `get /path`; the user 'admin' has a certificate of system:masters, '' shows nothing. */
  as(user: string, asked: string, body?: object, agent?: Agent): Promise<WireAnswer>;
  /** A kubeconfig of one of the users. */
  kubeconfigOf(user: string): Promise<string>;
}

export async function startSecuredServer(
  authorization: AuthorizationOptions = { modes: ['Node', 'RBAC'] },
  options: Partial<ApiServerOptions> = {},
): Promise<SecuredServer> {
  const tokens = Object.entries(USERS).map(([user, groups]) => ({
    token: tokenOf(user),
    user,
    groups,
  }));
  const server = await startTestApiServer({ authorization, tokens, ...options });
  const folder = await mkdtemp(join(tmpdir(), 'kube-labs-authz-'));
  return {
    server,
    as(user, asked, body, agent) {
      const [method = 'get', path = '/'] = asked.split(' ');
      const isAdmin = user === 'admin';
      const patch = method === 'patch' ? { 'content-type': 'application/merge-patch+json' } : {};
      const headers =
        isAdmin || user === '' ? patch : { ...patch, authorization: `Bearer ${tokenOf(user)}` };
      return wire(server, path, {
        method: method.toUpperCase(),
        headers,
        anonymous: !isAdmin,
        ...(agent === undefined ? {} : { agent }),
        ...(body === undefined ? {} : { body }),
      });
    },
    async kubeconfigOf(user) {
      if (user === 'admin') return server.kubeconfig();
      const path = join(folder, tokenOf(user));
      await writeFile(path, kubeconfigText(server, tokenOf(user)), { mode: 0o600 });
      return path;
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
      await server[Symbol.asyncDispose]();
    },
  };
}

function tokenOf(user: string): string {
  return user.replaceAll(':', '-');
}

function kubeconfigText(
  { adminOptions: { server, ca = '' } }: TestApiServer,
  token: string,
): string {
  const certificate = Buffer.from(ca).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'c', cluster: { server, 'certificate-authority-data': certificate } }],
    users: [{ name: 'u', user: { token } }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'x',
  });
}
