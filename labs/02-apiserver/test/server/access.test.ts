// Who may come in: proofs that are good, bad, or not there; who may do what; and that every kind of request is asked.
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AuditedRequest } from '#src/audit/auditor.ts';
import { type TokenAuthenticator, unionAuthenticator } from '#src/auth/authenticator.ts';
import { bearerTokenAuthenticator } from '#src/auth/bearer-token.ts';
import { staticTokenAuthenticator } from '#src/auth/static-token.ts';
import type { Attributes, AuthorizerAndRules } from '#src/authz/authorizer.ts';
import { createCertificateAuthority, issueCertificate } from '#src/server/pki.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { wire } from './wire.ts';

const NS = '/api/v1/namespaces/default';
const tokens = [
  { token: 'reader-token', user: 'reader', uid: '1', groups: ['readers'] },
  { token: 'writer-token', user: 'writer', uid: '2' },
];
const bearer = (token: string) => ({
  anonymous: true,
  headers: { authorization: `Bearer ${token}` },
});

describe('without credentials', () => {
  let strict: TestApiServer;
  let open: TestApiServer;
  beforeAll(async () => {
    strict = await startTestApiServer({ tokens, authentication: { anonymous: false } });
    open = await startTestApiServer({ tokens, authentication: { anonymous: true } });
  });
  afterAll(async () => {
    await strict[Symbol.asyncDispose]();
    await open[Symbol.asyncDispose]();
  });

  test('--anonymous-auth=false lets nobody in, not even for health', async () => {
    expect((await wire(strict, '/readyz', { anonymous: true })).status).toBe(401);
    expect((await wire(strict, '/readyz', bearer('reader-token'))).text).toBe('ok');
  });

  test('--anonymous-auth=true lets those in who show nothing', async () => {
    expect((await wire(open, `${NS}/configmaps`, { anonymous: true })).status).toBe(200);
  });

  test.each([
    ['a token that nobody has', { authorization: 'Bearer wrong' }],
    [
      'one in a WebSocket',
      {
        upgrade: 'websocket',
        connection: 'Upgrade',
        'sec-websocket-protocol': `base64url.bearer.authorization.k8s.io.${Buffer.from('wrong').toString('base64url')}`,
      },
    ],
  ])('but %s is 401 all the same', async (_name, headers) => {
    const answer = await wire(open, `${NS}/configmaps`, { anonymous: true, headers });
    expect(answer.json).toMatchObject({ reason: 'Unauthorized', code: 401 });
  });

  test('and so is a certificate that another authority signed', async () => {
    const other = await createCertificateAuthority('somebody else');
    const who = { commonName: 'mallory', organizations: ['system:masters'], client: true };
    const { cert, key } = await issueCertificate(other, who);
    const { ca } = open.adminOptions;
    const text = await rawRequest(open.port, { ca: String(ca), cert, key }, `${NS}/configmaps`);
    expect(text).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe('authenticators', () => {
  const request = (headers: Record<string, string>) =>
    ({ headers, socket: {} }) as unknown as Parameters<
      ReturnType<typeof unionAuthenticator>['authenticate']
    >[0];
  const broken: TokenAuthenticator = {
    name: 'broken',
    authenticateToken: () => ({ kind: 'rejected', why: 'signature is invalid' }),
  };
  const chain = unionAuthenticator([
    bearerTokenAuthenticator([broken, staticTokenAuthenticator(tokens)]),
  ]);

  test('the first that knows the token decides, whatever the ones before it said', async () => {
    const answer = await chain.authenticate(request({ authorization: 'bearer   reader-token' }));
    expect(answer).toEqual({
      kind: 'user',
      user: { name: 'reader', uid: '1', groups: ['readers'] },
    });
  });

  test('when none knows it the reasons are told together, to the log', async () => {
    const answer = await chain.authenticate(request({ authorization: 'Bearer nope' }));
    expect(answer).toEqual({ kind: 'rejected', why: 'signature is invalid' });
  });

  test.each([[{}], [{ authorization: 'Basic YTpi' }], [{ authorization: 'Bearer' }]])(
    'nothing that is a token is no answer: %o',
    async (headers) => {
      expect(await chain.authenticate(request(headers))).toEqual({ kind: 'none' });
    },
  );
});

describe('authorization', () => {
  let server: TestApiServer;
  const asked: Attributes[] = [];
  const audited: string[] = [];
  const isReading = ({ verb }: Attributes) => ['get', 'list', 'watch'].includes(verb);
  const authorizer: AuthorizerAndRules = {
    authorize(attributes) {
      asked.push(attributes);
      const { user } = attributes;
      if (user.groups.includes('system:masters')) return { decision: 'allow', reason: 'master' };
      const mayRead = user.name === 'reader' && isReading(attributes);
      return { decision: mayRead ? 'allow' : 'none', reason: '' };
    },
    rulesFor: () => ({ resourceRules: [], nonResourceRules: [], incomplete: false, errors: [] }),
  };
  const begin = ({ user, attributes }: AuditedRequest) => {
    const who = `${user.name || 'nobody'} ${attributes.verb}`;
    return {
      auditID: 'an-id',
      stage: (stage: string, { code }: { code: number }) =>
        void audited.push(`${who}: ${stage} ${code}`),
      annotate() {},
      impersonated() {},
      requestObject() {},
      responseObject() {},
    };
  };

  beforeAll(async () => {
    server = await startTestApiServer({
      tokens,
      authorization: { modes: [], authorizers: [authorizer] },
      audit: { begin },
    });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  test('what is allowed is done, and what is not is forbidden in upstream’s words', async () => {
    expect((await wire(server, `${NS}/configmaps`, bearer('reader-token'))).status).toBe(200);
    const refused = await wire(server, `${NS}/configmaps`, bearer('writer-token'));
    expect(refused.status).toBe(403);
    expect(refused.json).toEqual({
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message:
        'configmaps is forbidden: User "writer" cannot list resource "configmaps" in API group "" in the namespace "default"',
      reason: 'Forbidden',
      details: { kind: 'configmaps' },
      code: 403,
    });
  });

  test.each([
    [
      'a named object of a group',
      'DELETE',
      '/apis/apps/v1/namespaces/default/deployments/web',
      'deployments.apps "web" is forbidden: User "writer" cannot delete resource "deployments" in API group "apps" in the namespace "default"',
    ],
    [
      'a subresource',
      'GET',
      `${NS}/pods/web/log`,
      'pods "web" is forbidden: User "writer" cannot get resource "pods/log" in API group "" in the namespace "default"',
    ],
    [
      'all namespaces',
      'GET',
      '/api/v1/pods?watch=true',
      'pods is forbidden: User "writer" cannot watch resource "pods" in API group "" at the cluster scope',
    ],
    [
      'a namespace itself',
      'GET',
      '/api/v1/namespaces/default',
      'namespaces "default" is forbidden: User "writer" cannot get resource "namespaces" in API group "" in the namespace "default"',
    ],
    ['a path', 'GET', '/metrics', 'forbidden: User "writer" cannot get path "/metrics"'],
    [
      'a resource that does not exist',
      'GET',
      '/apis/example.com/v1/widgets',
      'widgets.example.com is forbidden: User "writer" cannot list resource "widgets" in API group "example.com" at the cluster scope',
    ],
  ])('%s', async (_name, method, path, message) => {
    const { json } = await wire(server, path, { ...bearer('writer-token'), method });
    expect(json).toMatchObject({ reason: 'Forbidden', code: 403, message });
  });

  test('an upgrade is asked like every other request', async () => {
    const upgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      'sec-websocket-version': '13',
    };
    const { headers } = bearer('writer-token');
    const { json } = await wire(server, `${NS}/pods/web/exec?command=ls`, {
      anonymous: true,
      headers: { ...headers, ...upgrade },
    });
    expect(json.message).toBe(
      'pods "web" is forbidden: User "writer" cannot get resource "pods/exec" in API group "" in the namespace "default"',
    );
  });

  test('a list for one name asks for that name', async () => {
    asked.length = 0;
    await wire(
      server,
      `${NS}/secrets?fieldSelector=metadata.name%3Dcrown-jewels`,
      bearer('reader-token'),
    );
    expect(asked).toMatchObject([
      { verb: 'list', resource: 'secrets', name: 'crown-jewels', namespace: 'default' },
    ]);
  });

  test('everybody who proved who he is belongs to system:authenticated', async () => {
    asked.length = 0;
    await wire(server, `${NS}/pods`, bearer('reader-token'));
    expect(asked[0]?.user.groups).toEqual(['readers', 'system:authenticated']);
  });

  test('the auditor hears of each, also of those who proved nothing', async () => {
    audited.length = 0;
    const watched = await wire(
      server,
      `${NS}/configmaps?watch=true&timeoutSeconds=1`,
      bearer('reader-token'),
    );
    expect(watched.headers['audit-id']).toBe('an-id');
    await wire(server, `${NS}/pods`, bearer('writer-token'));
    await wire(server, `${NS}/pods`, bearer('no-token'));
    await expect
      .poll(() => audited)
      .toEqual([
        'reader watch: ResponseStarted 200',
        'reader watch: ResponseComplete 200',
        'writer list: ResponseComplete 403',
        'nobody list: ResponseStarted 401',
      ]);
  });
});

/** One request on a connection of its own, whose certificate may be any; the whole answer as text. */
function rawRequest(port: number, options: ConnectionOptions, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, ...options });
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(text));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  });
}
