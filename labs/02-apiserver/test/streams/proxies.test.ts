// pods/proxy, services/proxy and nodes/proxy: what goes on to the server behind, what comes back, and where nobody is led.
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { createCertificateAuthority, issueCertificate } from '#src/server/pki.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { createPodOn } from '../server/fake-kubelet.ts';
import { openStream } from '../server/stream.ts';
import { wire } from '../server/wire.ts';
import { GRACE_MS, holdTimers } from '../support/hold-timers.ts';
import { installKubectl } from './kubectl-process.ts';
import { type ProcessKubelet, startProcessKubelet } from './process-kubelet.ts';
import { upgradeToSpdy } from './spdy-client.ts';

const NS = '/api/v1/namespaces/default';
const POD_IP = '10.1.2.3';
let kubelet: ProcessKubelet;
let server: TestApiServer;
let port: number;
let securePort: number;
let seen: { method: string; url: string; headers: IncomingMessage['headers']; body: Buffer }[] = [];
const dialed: string[] = [];
const closers: (() => PromiseLike<unknown>)[] = [];

const PAGE =
  '<html><body background="/b.png"><a href="/x?y=1">x</a><a href=\'rel\'>r</a><script>"<a href=\\"/no\\">"</script><!-- <a href="/no"> --><img src=/bare><a href="http://else/where"></body></html>';

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  request.on('error', () => undefined);
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method = '', url = '', headers } = request;
  seen.push({ method, url, headers, body: Buffer.concat(chunks) });
  const path = url.split('?', 1)[0];
  if (path === '/page') return void response.setHeader('content-type', 'text/html').end(PAGE);
  if (path === '/zipped') {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.setHeader('content-encoding', 'gzip');
    return void response.end(gzipSync(PAGE));
  }
  if (path === '/redirect') {
    return void response.writeHead(302, { location: String(headers['x-to']) }).end();
  }
  if (path === '/cut') {
    response.write('some');
    return void setImmediate(() => response.destroy());
  }
  response.setHeader('access-control-allow-origin', '*');
  response.setHeader('x-own', 'yes');
  response.writeHead(method === 'DELETE' ? 418 : 200);
  response.end(Buffer.concat(chunks));
}

beforeAll(async () => {
  kubelet = await startProcessKubelet();
  const web = createServer((request, response) => void answer(request, response));
  const sockets = new WebSocketServer({ server: web });
  sockets.on('connection', (socket, request) => {
    seen.push({
      method: 'UPGRADE',
      url: request.url ?? '',
      headers: request.headers,
      body: Buffer.alloc(0),
    });
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  const ca = await createCertificateAuthority('somebody');
  const own = await issueCertificate(ca, { commonName: 'pod', server: true });
  const secure = createHttpsServer(own, (request, response) => void answer(request, response));
  for (const one of [web, secure]) {
    await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
    closers.push(() => {
      one.closeAllConnections();
      return new Promise((resolve) => one.close(resolve));
    });
  }
  port = (web.address() as AddressInfo).port;
  securePort = (secure.address() as AddressInfo).port;
  server = await startTestApiServer({
    kubeletClient: kubelet.credentials,
    tokens: [{ token: 'secret-token', user: 'ann', uid: '1' }],
    // Pods' addresses lead here.
    clusterDial: ({ host, port: wanted }) => {
      dialed.push(`${host}:${wanted}`);
      return connect({ host: '127.0.0.1', port: wanted });
    },
  });
  await createPodOn(server, kubelet, 'web');
  await setStatus('pods/web', { phase: 'Running', podIP: POD_IP, podIPs: [{ ip: POD_IP }] });
  await post(`${NS}/pods`, pod('local'));
  await setStatus('pods/local', { podIP: '127.0.0.1' });
  await post(`${NS}/pods`, pod('ported', port));
  await setStatus('pods/ported', { podIP: POD_IP });
  await makeService();
});
beforeEach(() => {
  seen = [];
  dialed.splice(0);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  for (const close of closers) await close();
  await kubelet[Symbol.asyncDispose]();
});

function pod(name: string, containerPort?: number): object {
  const ports = containerPort === undefined ? {} : { ports: [{ containerPort }] };
  const containers = [{ name: 'main', image: 'main', ...ports }];
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { nodeName: 'node-1', containers },
  };
}

/** Node sends bodies of some methods without one. */
function lengthOf(body = ''): Record<string, string> {
  return body === '' ? {} : { 'content-length': String(body.length) };
}

async function post(path: string, body: object): Promise<void> {
  const made = await wire(server, path, { method: 'POST', body });
  if (made.status !== 201 && made.status !== 409) throw new Error(made.text);
}

async function setStatus(path: string, status: object): Promise<void> {
  const { json } = await wire(server, `${NS}/${path}`);
  const body = { ...json, status: { ...json.status, ...status } };
  const answered = await wire(server, `${NS}/${path}/status`, { method: 'PUT', body });
  if (answered.status !== 200) throw new Error(answered.text);
}

async function makeService(): Promise<void> {
  await post(`${NS}/services`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: {
      ports: [
        { name: 'http', port: 80, targetPort: port },
        { name: 'tls', port: 443, targetPort: securePort },
        { name: 'none', port: 90 },
      ],
    },
  });
  await post(`${NS}/services`, {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'empty' },
    spec: { ports: [{ port: 80 }] },
  });
  const targetRef = { kind: 'Pod', name: 'web', namespace: 'default' };
  await post('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' } },
    addressType: 'IPv4',
    ports: [
      { name: 'http', port },
      { name: 'tls', port: securePort },
    ],
    endpoints: [
      { addresses: [POD_IP], conditions: { ready: true }, targetRef },
      // Neither is an address of that pod: nobody is led there.
      { addresses: ['10.9.9.9'], conditions: { ready: true }, targetRef },
      { addresses: ['10.9.9.8'], conditions: { ready: true } },
      { addresses: ['10.9.9.7'], conditions: { ready: false }, targetRef },
    ],
  });
}

describe('a request', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
    '%s goes on with its body',
    async (method) => {
      const path = `${NS}/pods/web:${port}/proxy/a%2Fb//c/?q=1&q=%20x`;
      const body = method === 'GET' || method === 'OPTIONS' ? undefined : 'the body';
      const answered = await wire(server, path, {
        method,
        headers: lengthOf(body),
        ...(body && { body }),
      });
      expect(answered.status).toBe(method === 'DELETE' ? 418 : 200);
      expect(answered.text).toBe(body ?? '');
      expect(answered.headers['x-own']).toBe('yes');
      expect(answered.headers['access-control-allow-origin']).toBeUndefined();
      expect(seen).toMatchObject([{ method, url: '/a%2Fb//c/?q=1&q=%20x' }]);
      expect(dialed).toEqual([`${POD_IP}:${port}`]);
    },
  );

  test('keeps what the server behind may know, and nothing of who sent it', async () => {
    await wire(server, `${NS}/pods/web:${port}/proxy/who`, {
      headers: {
        authorization: 'Bearer secret-token',
        'x-remote-user': 'root',
        'x-custom': 'kept',
        cookie: 'a=b',
        connection: 'x-hop',
        'x-hop': 'dropped',
        'x-forwarded-for': '10.0.0.1',
      },
    });
    const [{ headers } = { headers: {} }] = seen;
    expect(headers).toMatchObject({
      'x-custom': 'kept',
      cookie: 'a=b',
      'x-forwarded-for': '10.0.0.1, 127.0.0.1',
      'x-forwarded-uri': `${NS}/pods/web:${port}/proxy/who`,
      host: `127.0.0.1:${server.port}`,
    });
    for (const name of ['authorization', 'x-remote-user', 'x-hop']) {
      expect(headers).not.toHaveProperty(name);
    }
  });

  test('and its answer may be big, both at once', async () => {
    const body = randomBytes(20 * 1024 * 1024);
    const { ca, cert, key } = server.adminOptions;
    const { request } = await import('node:https');
    const outgoing = request(`${server.url}${NS}/pods/web:${port}/proxy/big`, {
      method: 'POST',
      ca,
      cert,
      key,
      agent: false,
    });
    outgoing.end(body);
    const [answered] = (await once(outgoing, 'response')) as [IncomingMessage];
    const hash = createHash('sha256');
    for await (const chunk of answered) hash.update(chunk as Buffer);
    expect(hash.digest('hex')).toBe(createHash('sha256').update(body).digest('hex'));
  });

  test('without a path is sent to the one with a slash, so that links work', async () => {
    const path = `${NS}/pods/web:${port}/proxy`;
    const answered = await wire(server, `${path}?a=b`);
    expect([answered.status, answered.headers.location]).toEqual([301, `${path}/?a=b`]);
    await wire(server, path, { method: 'POST', body: 'x' });
    expect(seen).toMatchObject([{ method: 'POST', url: '/' }]);
  });

  test('over HTTP/2 goes on like any other', async () => {
    const { connect: connectHttp2 } = await import('node:http2');
    const { ca, cert, key } = server.adminOptions as { ca: string; cert: string; key: string };
    const session = connectHttp2(server.url, { ca, cert, key });
    const stream = session.request({
      ':method': 'POST',
      ':path': `${NS}/pods/web:${port}/proxy/h2`,
    });
    let text = '';
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    stream.end('over two');
    await once(stream, 'close');
    session.close();
    expect(text).toBe('over two');
  });

  test.each([
    ['pods/none/proxy/', 404, 'pods "none" not found'],
    ['pods/local:80/proxy/', 400, 'address not allowed'],
    ['pods/ftp:web:80/proxy/', 400, 'invalid pod request "ftp:web:80"'],
    ['pods/web:99999/proxy/', 400, 'invalid port'],
    ['pods/a:b:c:d/proxy/', 400, 'invalid pod request'],
    [
      'pods/web:1/proxy/',
      503,
      'error trying to reach service: dial tcp 10.1.2.3:1: connect: connection refused',
    ],
    ['services/none/proxy/', 404, 'services "none" not found'],
    ['services/web:81/proxy/', 503, 'no service port 81 found for service "web"'],
    ['services/web:none/proxy/', 503, 'no endpoints available for service "web:none"'],
    ['services/web/proxy/', 503, 'no endpoints available for service "web"'],
    ['services/empty/proxy/', 503, 'no endpoints available for service "empty"'],
    ['pods/web/proxy/?dryRun=All', 400, 'dryRun is not supported'],
    ['pods/web/exec', 400, 'Upgrade request required'],
    ['pods/web/attach', 400, 'Upgrade request required'],
    ['pods/web/portforward', 400, 'Upgrade request required'],
    ['pods/none/portforward', 404, 'pods "none" not found'],
  ])('%s → %i', async (path, status, message) => {
    const { json } = await wire(server, `${NS}/${path}`);
    expect(json).toMatchObject({ code: status, message: expect.stringContaining(message) });
    expect(seen).toEqual([]);
  });

  test('that breaks off behind is broken off in front', async () => {
    const stream = await openStream(server, `${NS}/pods/web:${port}/proxy/cut`);
    expect(await stream.ended).toEqual({ text: 'some', isComplete: false });
    expect((await wire(server, `${NS}/pods/web`)).status).toBe(200);
  });
});

describe('names', () => {
  test.each([
    ['the first port that a container declares', () => 'pods/ported'],
    ['a service’s port by name', () => 'services/web:http'],
    ['a service’s port by number', () => 'services/web:80'],
    ['TLS by the scheme', () => `pods/https:web:${securePort}`],
    ['a service over TLS', () => 'services/https:web:tls'],
    ['a service over TLS by number', () => 'services/https:web:443'],
  ])('%s', async (_name, name) => {
    const answered = await wire(server, `${NS}/${name()}/proxy/x`);
    expect([answered.status, seen[0]?.url]).toEqual([200, '/x']);
    expect(dialed[0]).toMatch(new RegExp(`^${POD_IP}:`));
  });

  test.each(['node-1', 'node-1:PORT', 'https:node-1:PORT'])(
    'the kubelet of a node as %s',
    async (name) => {
      const id = name.replace('PORT', String(kubelet.port));
      const answered = await wire(server, `/api/v1/nodes/${id}/proxy/metrics?x=1`);
      expect(answered.text).toBe('kubelet GET /metrics?x=1');
    },
  );

  test('another port of a node is held to the same addresses as a pod’s', async () => {
    const { json } = await wire(server, '/api/v1/nodes/node-1:1234/proxy/');
    expect(json).toMatchObject({ code: 400, message: 'address not allowed' });
  });
});

describe('answers', () => {
  const prefix = () => `${NS}/pods/web:${port}/proxy`;

  test.each([
    ['/x/y', () => `${prefix()}/x/y`],
    ['relative/z', () => 'relative/z'],
    ['https://example.com/a', () => 'https://example.com/a'],
    [`http://${POD_IP}:PORT/b?c`, () => `${prefix()}/b?c`],
    ['https://127.0.0.1:API/d', () => `${prefix()}/d`],
  ])('a redirect to %s', async (location, want) => {
    const to = location.replace('PORT', String(port)).replace('API', String(server.port));
    const answered = await wire(server, `${prefix()}/redirect`, { headers: { 'x-to': to } });
    expect([answered.status, answered.headers.location]).toEqual([302, want()]);
  });

  const rewritten = () =>
    PAGE.replace('"/b.png"', `"${prefix()}/b.png"`)
      .replace('"/x?y=1"', `"${prefix()}/x?y=1"`)
      .replace('src=/bare', `src="${prefix()}/bare"`);

  test('links in pages lead through the proxy; scripts and comments stay', async () => {
    expect((await wire(server, `${prefix()}/page`)).text).toBe(rewritten());
  });

  test('compressed pages too', async () => {
    const { ca, cert, key } = server.adminOptions;
    const { request } = await import('node:https');
    const outgoing = request(`${server.url}${prefix()}/zipped`, { ca, cert, key, agent: false });
    outgoing.end();
    const [answered] = (await once(outgoing, 'response')) as [IncomingMessage];
    const chunks: Buffer[] = [];
    for await (const chunk of answered) chunks.push(chunk as Buffer);
    expect(gunzipSync(Buffer.concat(chunks)).toString()).toBe(rewritten());
  });
});

describe('upgrades', () => {
  function open(path: string): WebSocket {
    const { ca } = server.adminOptions as { ca: string };
    const token = Buffer.from('secret-token').toString('base64url');
    const bearer = `base64url.bearer.authorization.k8s.io.${token}`;
    return new WebSocket(`${server.url}${NS}/${path}`, [bearer, 'chat'], { ca });
  }

  test.each(['pods/web:PORT', 'services/web:http'])('WebSocket through %s', async (name) => {
    const socket = open(`${name.replace('PORT', String(port))}/proxy/talk?x=1`);
    await once(socket, 'open');
    socket.send('hello');
    const [data] = await once(socket, 'message');
    expect(String(data)).toBe('hello');
    socket.close();
    await once(socket, 'close');
    expect(seen).toMatchObject([{ method: 'UPGRADE', url: '/talk?x=1' }]);
    expect(seen[0]?.headers['sec-websocket-protocol']).toBe('chat');
  });

  test('one that is not granted is answered, and nothing that follows is passed on', async () => {
    // That server speaks HTTP, overlooks the wish, and would read on.
    const path = `${NS}/pods/https:web:${securePort}/proxy/first`;
    const upgraded = await upgradeToSpdy(server, path, { method: 'GET', upgrade: 'chat' });
    expect([upgraded.status, upgraded.head.toLowerCase()]).toEqual([
      200,
      expect.stringContaining('connection: close'),
    ]);
    expect(seen.map(({ url }) => url)).toEqual(['/first']);
    const both = await upgradeToSpdy(server, path, {
      method: 'GET',
      upgrade: 'chat',
      headers: ['', 'GET /smuggled HTTP/1.1', 'Host: api'],
    });
    expect(both.status).toBe(200);
    expect(seen.map(({ url }) => url)).toEqual(['/first', '/first']);
  });

  test('a server that stops ends them', async () => {
    const own = await startTestApiServer({
      store: server.store,
      clusterDial: ({ port: wanted }) => connect({ host: '127.0.0.1', port: wanted }),
    });
    const socket = new WebSocket(
      `${own.url}${NS}/pods/web:${port}/proxy/talk`,
      own.adminOptions as object,
    );
    socket.on('error', () => undefined);
    await once(socket, 'open');
    const closed = once(socket, 'close');
    const grace = holdTimers(GRACE_MS);
    await own[Symbol.asyncDispose]();
    await closed;
    expect(grace.begun).toBe(1);
  });
});

test('kubectl proxy: a pod’s page, and its links, in a browser’s eyes', async () => {
  const kubectl = await installKubectl(35, await server.kubeconfig());
  closers.push(() => kubectl[Symbol.asyncDispose]());
  const proxy = kubectl.start(['proxy', '--port=0']);
  await expect.poll(proxy.stdout, { timeout: 20_000 }).toContain('Starting to serve on');
  const [, address = ''] = /on (\S+)/.exec(proxy.stdout()) ?? [];
  const page = await fetch(`http://${address}${NS}/services/web:http/proxy/page`);
  expect(await page.text()).toContain(`href="${NS}/services/web:http/proxy/x?y=1"`);
  const redirected = await fetch(`http://${address}${NS}/services/web:http/proxy/redirect`, {
    headers: { 'x-to': '/there' },
    redirect: 'manual',
  });
  expect(redirected.headers.get('location')).toBe(`${NS}/services/web:http/proxy/there`);
});
