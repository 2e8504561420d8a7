// Streams through the real server, by clients that are older, odd or hostile, and who may open them.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { PassThrough } from 'node:stream';
import { KubeConfig, PortForward } from '@kubernetes/client-node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AuditEntry } from '#src/audit/auditor.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { dataHead } from '#src/streams/spdy-frames.ts';
import { createPodOn } from '../server/fake-kubelet.ts';
import { wire } from '../server/wire.ts';
import { GRACE_MS, holdTimers } from '../support/hold-timers.ts';
import { type ProcessKubelet, startProcessKubelet } from './process-kubelet.ts';
import { type Upgraded, type UpgradeOptions, upgradeToSpdy } from './spdy-client.ts';

const POD = '/api/v1/namespaces/default/pods/web';
const PORT_FORWARD = { protocols: ['portforward.k8s.io'] };
let kubelet: ProcessKubelet;
let server: TestApiServer;
const stages: string[] = [];
const opened: Upgraded[] = [];
const disposables: AsyncDisposable[] = [];

async function startServer(own: ProcessKubelet, options: object = {}): Promise<TestApiServer> {
  const made = await startTestApiServer({ kubeletClient: own.credentials, ...options });
  disposables.push(made);
  await createPodOn(made, own, 'web');
  return made;
}

async function open(path: string, options: UpgradeOptions = {}, own = server): Promise<Upgraded> {
  const upgraded = await upgradeToSpdy(own, path, options);
  opened.push(upgraded);
  return upgraded;
}

function command(...words: string[]): string {
  const query = words.map((word) => `command=${encodeURIComponent(word)}`).join('&');
  return `${POD}/exec?${query}&stdout=true&stderr=true`;
}

/** Opens the streams of a command, in kubectl's order. */
function openAll({ peer }: Upgraded, ...types: string[]): Record<string, number> {
  return Object.fromEntries(types.map((type) => [type, peer.open({ streamtype: type })]));
}

async function listen(serve: (socket: Socket) => void): Promise<number> {
  const one: Server = createServer(serve);
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  disposables.push({
    [Symbol.asyncDispose]: () => new Promise((resolve) => one.close(() => resolve())),
  });
  return (one.address() as AddressInfo).port;
}

beforeAll(async () => {
  kubelet = await startProcessKubelet();
  disposables.push(kubelet);
  const audited = (path: string): AuditEntry => ({
    auditID: '1',
    annotate: () => undefined,
    impersonated: () => undefined,
    requestObject: () => undefined,
    responseObject: () => undefined,
    stage: (stage, { code }) => void stages.push(`${path} ${stage} ${code}`),
  });
  server = await startServer(kubelet, {
    audit: { begin: ({ request }: { request: { url?: string } }) => audited(request.url ?? '') },
  });
});
afterEach(async () => {
  for (const { socket } of opened.splice(0)) socket.destroy();
  await expect.poll(() => kubelet.open).toEqual({ processes: 0, forwards: 0 });
});
afterAll(async () => {
  for (const one of disposables.reverse()) await one[Symbol.asyncDispose]();
});

describe('exec by SPDY', () => {
  test.each([
    ['v4.channel.k8s.io', /"details":\{"causes":\[\{"reason":"ExitCode","message":"3"\}\]\}/],
    ['v3.channel.k8s.io', /^command terminated with non-zero exit code: exit status 3$/],
    ['v2.channel.k8s.io', /^command terminated with non-zero exit code: exit status 3$/],
    ['channel.k8s.io', /^command terminated with non-zero exit code: exit status 3$/],
  ])('%s tells of a failure', async (protocol, want) => {
    const upgraded = await open(command('sh', '-c', 'echo out; exit 3'), { protocols: [protocol] });
    expect(upgraded.head).toContain(`X-Stream-Protocol-Version: ${protocol}`);
    const { error = 0, stdout = 0 } = openAll(upgraded, 'error', 'stdout', 'stderr');
    const { peer } = upgraded;
    await expect.poll(() => peer.isFinished(error)).toBe(true);
    expect(peer.received(stdout).toString()).toBe('out\n');
    expect(peer.received(error).toString()).toMatch(want);
    await expect.poll(() => peer.count('goAway')).toBe(1);
  });

  test('takes the best of what a client knows, also in one header', async () => {
    const protocols = ['v5.channel.k8s.io, v3.channel.k8s.io, v4.channel.k8s.io'];
    const { head } = await open(command('true'), { protocols });
    expect(head).toContain('X-Stream-Protocol-Version: v4.channel.k8s.io');
  });

  test.each([
    ['no protocol', { protocols: [] }, 400, 'X-Stream-Protocol-Version is required'],
    ['an unknown one', { protocols: ['v9'] }, 403, 'client supports [v9], server accepts'],
    ['another upgrade', { upgrade: 'chat' }, 400, 'unable to upgrade'],
  ])('with %s is refused', async (_name, options, status, message) => {
    const upgraded = await open(command('true'), options);
    expect(upgraded.status).toBe(status);
    expect(JSON.parse(upgraded.body).message).toContain(message);
  });

  test('what the kubelet refuses is heard before the upgrade', async () => {
    const body = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'broken' },
      spec: { nodeName: 'node-1', containers: [{ name: 'broken', image: 'x' }] },
    };
    await wire(server, '/api/v1/namespaces/default/pods', { method: 'POST', body });
    const upgraded = await open(command('true').replace('/web/', '/broken/'));
    expect([upgraded.status, upgraded.body]).toEqual([
      500,
      expect.stringContaining('container not found (\\"broken\\")'),
    ]);
  });

  test('of a kubelet that breaks off says so', async () => {
    const upgraded = await open(command('sleep', '60'));
    const { error = 0 } = openAll(upgraded, 'error', 'stdout', 'stderr');
    await expect.poll(() => upgraded.peer.count('synReply')).toBe(3);
    kubelet.connections.at(-1)?.terminate();
    await expect.poll(() => upgraded.peer.isFinished(error)).toBe(true);
    expect(upgraded.peer.received(error).toString()).toContain(
      'connection to the kubelet was lost',
    );
  });

  test('a stream that nobody asked for, or twice, is refused', async () => {
    const upgraded = await open(command('sleep', '60'));
    const { stdin, other } = openAll(upgraded, 'error', 'stdin', 'other');
    const again = upgraded.peer.open({ streamtype: 'error' });
    await expect
      .poll(() => upgraded.peer.resets().map(([id]) => id))
      .toEqual([stdin, other, again]);
  });

  test('a client that leaves takes its command with it', async () => {
    const upgraded = await open(command('sleep', '60'));
    openAll(upgraded, 'error', 'stdout', 'stderr');
    await expect.poll(() => kubelet.open.processes).toBe(1);
    upgraded.socket.destroy();
    await expect.poll(() => kubelet.open.processes).toBe(0);
  });

  test('output that nobody reads stops the command, not the server', async () => {
    const upgraded = await open(command('yes'));
    const { stdout = 0 } = openAll(upgraded, 'error', 'stdout', 'stderr');
    await expect.poll(() => upgraded.peer.received(stdout).length).toBeGreaterThan(100_000);
    upgraded.socket.pause();
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 20; count += 1) {
      expect((await wire(server, '/readyz')).text).toBe('ok');
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  });
});

describe('port-forward', () => {
  test('by a library that speaks the older WebSocket form', async () => {
    const port = await listen((socket) => socket.end('hello'));
    const config = new KubeConfig();
    config.loadFromFile(await server.kubeconfig());
    const output = new PassThrough();
    let text = '';
    output.on('data', (chunk) => {
      text += String(chunk);
    });
    const forwarded = await new PortForward(config, true).portForward(
      'default',
      'web',
      [port],
      output,
      null,
      new PassThrough(),
    );
    await expect.poll(() => text).toBe('hello');
    (typeof forwarded === 'function' ? forwarded() : forwarded)?.close();
    expect(kubelet.requests.at(-1)?.url).toBe(`/portForward/default/web?port=${port}`);
  });

  test('to a kubelet that knows only v4 works, and closes', async () => {
    const old = await startProcessKubelet(['v4.channel.k8s.io']);
    disposables.push(old);
    const own = await startServer(old);
    const port = await listen((socket) => socket.on('data', (data) => socket.end(`got ${data}`)));
    const { peer } = await open(`${POD}/portforward`, PORT_FORWARD, own);
    const pair = { port: String(port), requestid: '0' };
    const error = peer.open({ ...pair, streamtype: 'error' });
    const data = peer.open({ ...pair, streamtype: 'data' });
    peer.send(data, 'this');
    await expect.poll(() => peer.isFinished(data)).toBe(true);
    expect(peer.received(data).toString()).toBe('got this');
    await expect.poll(() => peer.isFinished(error)).toBe(true);
    expect(peer.received(error).toString()).toBe('');
  });

  test.each([
    ['no port', { streamtype: 'data' }],
    ['port 0', { streamtype: 'data', port: '0' }],
    ['port 65536', { streamtype: 'data', port: '65536' }],
    ['another type', { streamtype: 'stdin', port: '80' }],
  ])('a stream with %s is refused, and the session goes on', async (_name, headers) => {
    const { peer } = await open(`${POD}/portforward`, PORT_FORWARD);
    const id = peer.open(headers);
    await expect.poll(() => peer.resets()).toEqual([[id, 5]]);
    peer.open({ streamtype: 'error', port: '80' });
    await expect.poll(() => peer.count('synReply')).toBe(1);
  });

  test('thousands of streams without their pairs are bounded, and end with the client', async () => {
    const { peer, socket } = await open(`${POD}/portforward`, PORT_FORWARD);
    for (let count = 0; count < 3000; count += 1) {
      peer.open({ streamtype: 'error', port: '80', requestid: String(count) });
    }
    await expect.poll(() => peer.resets().length, { timeout: 60_000 }).toBe(1000);
    socket.destroy();
    expect((await wire(server, '/readyz')).text).toBe('ok');
  });

  test.each([
    ['noise', Buffer.alloc(1000, 0xfe)],
    ['data on stream zero', dataHead(0, 10, false)],
    ['a control frame of 16 MiB', Buffer.from('8003000100ffffff', 'hex')],
    [
      'headers that are no zlib',
      Buffer.from('800300010000000e00000001000000000000ffffffff', 'hex'),
    ],
  ])('%s ends that connection, and no other', async (_name, bytes) => {
    const good = await open(`${POD}/portforward`, PORT_FORWARD);
    const bad = await open(`${POD}/portforward`, PORT_FORWARD);
    bad.socket.write(bytes);
    await bad.peer.closed;
    good.peer.open({ streamtype: 'error', port: '80' });
    await expect.poll(() => good.peer.count('synReply')).toBe(1);
  });

  test('noise in the tunnel ends the tunnel', async () => {
    const { head, socket } = await open(`${POD}/portforward`, {
      method: 'GET',
      upgrade: 'websocket',
      protocols: [],
      headers: [
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io',
      ],
    });
    expect(head).toContain('Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io');
    const closed = once(socket, 'close');
    socket.resume();
    // One binary message, masked with zeros, that is no SPDY.
    socket.write(
      Buffer.concat([Buffer.from([0x82, 0x80 + 16, 0, 0, 0, 0]), Buffer.alloc(16, 0xfe)]),
    );
    await closed;
    expect((await wire(server, '/readyz')).text).toBe('ok');
  });
});

describe('who and when', () => {
  test('an upgrade is audited when it begins and when it ends', async () => {
    // Those of the tests before end each in its own time.
    const path = `${POD}/portforward?called=audited`;
    const own = () => stages.filter((stage) => stage.startsWith(path));
    const { socket } = await open(path, PORT_FORWARD);
    await expect.poll(own).toEqual([`${path} ResponseStarted 101`]);
    socket.destroy();
    const complete = `${path} ResponseComplete 101`;
    await expect.poll(own).toEqual([`${path} ResponseStarted 101`, complete]);
  });

  test('a session without a frame ends after the idle timeout', async () => {
    const own = await startServer(kubelet, { streamingIdleTimeoutMs: 300 });
    const { peer } = await open(`${POD}/portforward`, PORT_FORWARD, own);
    await peer.closed;
  });

  test('a server that stops ends them all, at once', async () => {
    const own = await startServer(kubelet);
    const exec = await open(command('sleep', '60'), {}, own);
    openAll(exec, 'error', 'stdout', 'stderr');
    const forward = await open(`${POD}/portforward`, PORT_FORWARD, own);
    // Listening before they end: an end is told once.
    const closed = [exec.peer.closed, forward.peer.closed];
    const grace = holdTimers(GRACE_MS);
    await own[Symbol.asyncDispose]();
    await Promise.all(closed);
    expect(grace.begun).toBe(1);
  });
});
