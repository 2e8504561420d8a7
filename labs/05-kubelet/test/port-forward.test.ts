// Port-forward of the kubelet: bytes to ports of a pod and back: over the real server with a pod whose network is this machine's, into a
// network namespace, and by kubectl into a real pod.

import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createCertificateAuthority, issueCertificate } from '@kube-labs/apiserver';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { PodManager } from '#src/config/pod-manager.ts';
import { sandboxConfigOf } from '#src/pod/sandbox-config.ts';
import { PodDialer } from '#src/runtime/docker/docker-port-forward.ts';
import { startKubeletServer } from '#src/server/kubelet-server.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { kubectlCommand } from './kubectl.ts';
import { FOREVER, Lab, script } from './lab.ts';
import { Namespace } from './namespace.ts';
import { sandbox } from './objects.ts';
import { openServer } from './open-server.ts';

const V5 = 'v5.channel.k8s.io';
const V4 = 'v4.channel.k8s.io';
const pod = {
  metadata: { name: 'web', namespace: 'default', uid: 'u1' },
  spec: { containers: [{ name: 'c' }] },
};
let tls: { ca: string; cert: string; key: string };
let kubelet: { port: number } & AsyncDisposable;
const servers: Server[] = [];
const sockets: WebSocket[] = [];

beforeAll(async () => {
  const pods = new PodManager();
  pods.set(pod);
  pods.set({ ...pod, metadata: { ...pod.metadata, name: 'new', uid: 'u2' } });
  const runtime = new FakeRuntime();
  const config = sandboxConfigOf(pod, 0);
  await runtime.runPodSandbox(config);
  const ca = await createCertificateAuthority('cluster');
  const local = { server: true, ipAddresses: ['127.0.0.1'] };
  const own = await issueCertificate(ca, { commonName: 'system:node:n1', ...local });
  const client = await issueCertificate(ca, { commonName: 'kube-apiserver', client: true });
  tls = { ca: ca.cert, cert: client.cert, key: client.key };
  kubelet = await startKubeletServer({
    address: '127.0.0.1',
    port: 0,
    tls: { ...own, clientCa: ca.cert },
    ...openServer,
    runtime,
    pods,
    statusOf: () => undefined,
  });
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.terminate();
  for (const server of servers.splice(0)) await new Promise((done) => server.close(done));
});
afterAll(() => kubelet[Symbol.asyncDispose]());

async function listen(serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

interface Forward {
  readonly socket: WebSocket;
  /** What came on each channel, behind the two bytes of its port. */
  output(channel: number): Buffer;
  readonly ports: Record<number, number>;
  readonly endedChannels: number[];
  readonly closed: Promise<number>;
}

async function forward(query: string, protocol = V5, name = 'web'): Promise<Forward> {
  const url = `wss://127.0.0.1:${kubelet.port}/portForward/default/${name}?${query}`;
  const socket = new WebSocket(url, protocol, tls);
  sockets.push(socket);
  const chunks: Record<number, Buffer[]> = {};
  const ports: Record<number, number> = {};
  const endedChannels: number[] = [];
  socket.on('message', (message: Buffer) => {
    const [channel = -1] = message;
    if (channel === 255) endedChannels.push(message[1] ?? -1);
    else if (ports[channel] === undefined) ports[channel] = message.readUInt16LE(1);
    else chunks[channel] = [...(chunks[channel] ?? []), message.subarray(1)];
  });
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  await new Promise((resolve, reject) => socket.on('open', resolve).on('error', reject));
  const output = (channel: number) => Buffer.concat(chunks[channel] ?? []);
  return { socket, output, ports, endedChannels, closed };
}

const frame = (channel: number, data: Uint8Array | string) =>
  Buffer.concat([Buffer.from([channel]), Buffer.from(data)]);
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

test('carries bytes to several ports, each on channels of its own', async () => {
  const one = await listen((socket) => socket.on('data', (data) => socket.end(`one:${data}`)));
  const two = await listen((socket) => socket.on('data', (data) => socket.end(`two:${data}`)));
  const { socket, output, ports, closed } = await forward(`port=${one}&port=${two}`, V4);
  socket.send(frame(0, 'a'));
  socket.send(frame(2, 'b'));
  expect(await closed).toBe(1000);
  expect(ports).toEqual({ 0: one, 1: one, 2: two, 3: two });
  expect([output(0).toString(), output(2).toString()]).toEqual(['one:a', 'two:b']);
});

test('megabytes arrive whole, whoever ends first', async () => {
  const port = await listen((socket) => socket.pipe(socket));
  const { socket, output, endedChannels, closed } = await forward(`port=${port}`);
  const sent = Array.from({ length: 64 }, () => randomBytes(65_536));
  for (const chunk of sent) socket.send(frame(0, chunk));
  socket.send(Buffer.from([255, 0]));
  expect(await closed).toBe(1000);
  expect(digest(output(0))).toBe(digest(Buffer.concat(sent)));
  expect(endedChannels).toEqual([0]);
});

test('the pod may end its half and still listen', async () => {
  let heard = '';
  const port = await listen((socket) => {
    socket.end('bye');
    socket.on('data', (data) => {
      heard += data;
    });
  });
  const { socket, output, endedChannels, closed } = await forward(`port=${port}`);
  await expect.poll(() => endedChannels).toEqual([0]);
  socket.send(frame(0, 'still here'));
  socket.send(Buffer.from([255, 0]));
  expect(await closed).toBe(1000);
  expect(output(0).toString()).toBe('bye');
  await expect.poll(() => heard).toBe('still here');
});

test('says what it cannot reach on the error channel', async () => {
  const port = await listen(() => undefined);
  await new Promise((done) => servers.pop()?.close(done));
  const { output, closed } = await forward(`port=${port}`);
  expect(await closed).toBe(1000);
  expect(output(1).toString()).toMatch(
    new RegExp(
      `^error forwarding port ${port} to pod web, uid u1: failed to connect to localhost:${port} inside namespace "[^"]+", ` +
        `IPv4: dial tcp4 127.0.0.1:${port}: connect: connection refused IPv6 dial tcp6 \\[::1\\]:${port}: connect: .+$`,
    ),
  );
});

test('a client that leaves takes its connection with it', async () => {
  let open = 0;
  const port = await listen((socket) => {
    open += 1;
    socket.once('close', () => {
      open -= 1;
    });
    socket.on('data', () => undefined).on('end', () => socket.end());
  });
  const { socket } = await forward(`port=${port}`);
  await expect.poll(() => open).toBe(1);
  socket.terminate();
  await expect.poll(() => open).toBe(0);
});

test.each([
  { query: '', name: 'web', status: 400 },
  { query: 'port=0', name: 'web', status: 400 },
  { query: 'port=x', name: 'web', status: 400 },
  { query: 'port=1.5', name: 'web', status: 400 },
  { query: 'port=80', name: 'none', status: 404 },
  { query: 'port=80', name: 'new', status: 500 },
])('?$query of pod $name is refused with $status', async ({ query, name, status }) => {
  await expect(forward(query, V5, name)).rejects.toThrow(String(status));
});

describe('PodDialer', () => {
  async function podWith(...listeners: readonly [name: string, port: number, host: string][]) {
    const pod = await Namespace.make();
    onTestFinished(() => pod[Symbol.asyncDispose]());
    await pod.run('ip', ['link', 'set', 'lo', 'up']);
    await Promise.all(listeners.map((listener) => pod.serve(...listener)));
    const dialer = new PodDialer();
    const sandboxOfPod = sandbox({ id: 'abc', pid: pod.pid });
    const ask = async (port: number) =>
      (await text(await dialer.connect(sandboxOfPod, port))).trim();
    return { pod, ask };
  }

  async function text(socket: Socket): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  }

  test('reaches what listens inside on 127.0.0.1 or ::1 only, many times at once', async () => {
    const { ask } = await podWith(['four', 80, '127.0.0.1'], ['six', 81, '::1']);
    expect(await ask(81)).toBe('six ::1');
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(80)));
    expect(new Set(answers)).toEqual(new Set(['four 127.0.0.1']));
  });

  test('says why there is no connection, and so when the pod is gone', async () => {
    const { pod, ask } = await podWith();
    await expect(ask(80)).rejects.toThrow(
      'failed to connect to localhost:80 inside namespace "abc", IPv4: dial tcp4 127.0.0.1:80: connect: connection refused IPv6 dial tcp6 [::1]:80: connect: connection refused',
    );
    await pod[Symbol.asyncDispose]();
    const gone = new PodDialer().connect(sandbox({ id: 'abc', pid: pod.pid }), 80);
    await expect(gone).rejects.toThrow('network namespace for sandbox "abc" is closed');
  });
});

test('kubectl port-forward reaches a server of a real pod that listens on its own 127.0.0.1', async () => {
  await using lab = await Lab.start({ number: 228 });
  const serve =
    "process.on('SIGTERM', () => process.exit());" +
    "require('http').createServer((q, r) => r.end('hello ' + q.url)).listen(7777, '127.0.0.1')";
  const command = ['node', '-e', serve];
  const readinessProbe = { exec: { command: ['nc', '-z', '127.0.0.1', '7777'] }, periodSeconds: 1 };
  await lab.createPod('web', { containers: [script('c', FOREVER, { command, readinessProbe })] });
  await lab.running('web');
  const ports = [':7777', ':7778'];
  const [program = '', ...args] = await kubectlCommand(lab, 'port-forward', 'pod/web', ...ports);
  const process = spawn(program, args);
  onTestFinished(() => void process.kill());
  let said = '';
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('data', (chunk) => {
      said += chunk;
    });
  }
  const localPort = (port: number) =>
    lab.until(
      `kubectl forwards ${port}`,
      async () => new RegExp(`Forwarding from 127.0.0.1:(\\d+) -> ${port}`).exec(said)?.[1],
    );
  const url = `http://127.0.0.1:${await localPort(7777)}`;
  const paths = Array.from({ length: 20 }, (_, index) => `/${index}`);
  const answers = await Promise.all(paths.map(async (path) => (await fetch(url + path)).text()));
  expect(answers).toEqual(paths.map((path) => `hello ${path}`));
  await fetch(`http://127.0.0.1:${await localPort(7778)}`).catch(() => {});
  await lab.until('kubectl says why', async () =>
    /error forwarding port 7778 to pod web, uid .*: failed to connect to localhost:7778 inside namespace .* IPv4: dial tcp4 127.0.0.1:7778: connect: connection refused/.test(
      said,
    ),
  );
});
