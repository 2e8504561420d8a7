// Stock kubectls and the streams of pods: exec, attach, cp, logs and port-forward, by SPDY (1.28) and by WebSocket (1.35).
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { createPodOn } from '../server/fake-kubelet.ts';
import { wire } from '../server/wire.ts';
import { installKubectl, type KubectlBinary, type Running } from './kubectl-process.ts';
import { type ProcessKubelet, startProcessKubelet } from './process-kubelet.ts';

let kubelet: ProcessKubelet;
let server: TestApiServer;
const binaries: KubectlBinary[] = [];
const servers: Server[] = [];

beforeAll(async () => {
  kubelet = await startProcessKubelet();
  server = await startTestApiServer({ kubeletClient: kubelet.credentials });
  await createPodOn(server, kubelet, 'web');
  await run('web');
});
afterAll(async () => {
  for (const binary of binaries) await binary[Symbol.asyncDispose]();
  for (const one of servers) await new Promise((resolve) => one.close(resolve));
  await server[Symbol.asyncDispose]();
  await kubelet[Symbol.asyncDispose]();
});

/** Says of a pod that it runs, as its kubelet would. */
async function run(name: string): Promise<void> {
  const path = `/api/v1/namespaces/default/pods/${name}`;
  const { json: pod } = await wire(server, path);
  const status = { ...pod.status, phase: 'Running', podIP: '10.1.2.3' };
  const answer = await wire(server, `${path}/status`, { method: 'PUT', body: { ...pod, status } });
  expect(answer.status).toBe(200);
}

async function listen(one: Server): Promise<number> {
  servers.push(one);
  await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
  return (one.address() as AddressInfo).port;
}

const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe.each([
  { minor: 28, way: 'SPDY' },
  { minor: 35, way: 'WebSocket' },
])('kubectl 1.$minor, by $way', ({ minor }) => {
  let kubectl: KubectlBinary;
  beforeAll(async () => {
    kubectl = await installKubectl(minor, await server.kubeconfig());
    binaries.push(kubectl);
  });

  test('exec: output, errors and the exit code', async () => {
    const script = 'echo out; echo err >&2; exit 7';
    const { code, stdout, stderr } = await kubectl.run(['exec', 'web', '--', 'sh', '-c', script]);
    expect({ code, stdout: stdout.toString() }).toEqual({ code: 7, stdout: 'out\n' });
    expect(stderr).toContain('err\n');
    expect(stderr).toContain('command terminated with exit code 7');
  });

  test('exec -i: megabytes in and out, and the end of the input', async () => {
    const input = randomBytes(5 * 1024 * 1024);
    const { code, stdout, stderr } = await kubectl.run(['exec', '-i', 'web', '--', 'cat'], {
      input,
    });
    expect({ code, stderr, length: stdout.length }).toEqual({
      code: 0,
      stderr: '',
      length: input.length,
    });
    expect(digest(stdout)).toBe(digest(input));
  });

  test('exec of what the kubelet refuses says why', async () => {
    const { code, stderr } = await kubectl.run(['exec', 'web', '-c', 'none', '--', 'ls']);
    expect(code).toBe(1);
    expect(stderr).toContain('container none is not valid for pod web');
  });

  test('exec of a command that is not there', async () => {
    const { code, stderr } = await kubectl.run(['exec', 'web', '--', 'no-such-command']);
    expect(code).toBe(1);
    expect(stderr).toContain('ENOENT');
  });

  test('exec -it: a terminal, and its size', async () => {
    kubelet.sizes.splice(0);
    // It waits for a line: the size travels beside the streams, and may come later than a short command takes.
    const command = ['exec', '-it', 'web', '--', 'sh', '-c', 'tty; read line'];
    const running = kubectl.start(command, { terminal: true, keepOpen: true });
    await expect.poll(running.stdout, { timeout: 20_000 }).toMatch(/\/dev\/pts\/\d+/);
    const sizes = () => kubelet.sizes.map((size) => JSON.parse(size));
    await expect.poll(sizes, { timeout: 20_000 }).toContainEqual({ Width: 100, Height: 40 });
    running.child.stdin?.end('enough\n');
    expect(await running.ended).toMatchObject({ code: 0 });
  });

  test('attach: what is typed, and what comes of it', async () => {
    const attached = kubectl.start(['attach', '-i', 'web'], { input: 'one\n', keepOpen: true });
    await expect.poll(attached.stdout, { timeout: 20_000 }).toContain('got one\n');
    attached.child.stdin?.end('two\n');
    const { code, stdout, stderr } = await attached.ended;
    expect(code).toBe(0);
    expect(stdout.toString()).toBe('got one\ngot two\n');
    expect(stderr).toContain('no two\n');
  });

  test('cp: a folder in and out, byte by byte', async () => {
    const there = join(kubectl.directory, 'there');
    const source = join(kubectl.directory, 'source');
    await mkdir(there);
    await mkdir(source);
    const content = randomBytes(1024 * 1024);
    await writeFile(join(source, 'file'), content);
    const put = await kubectl.run(['cp', source, `web:${there}`]);
    expect(put).toMatchObject({ code: 0 });
    expect(digest(await readFile(join(there, 'source/file')))).toBe(digest(content));
    const back = join(kubectl.directory, 'back');
    const got = await kubectl.run(['cp', `web:${join(there, 'source/file')}`, back]);
    expect(got).toMatchObject({ code: 0 });
    expect(digest(await readFile(back))).toBe(digest(content));
  });

  test('logs -f: lines as they come, and the end', async () => {
    const following = kubectl.start(['logs', '-f', 'web']);
    await expect.poll(following.stdout, { timeout: 20_000 }).toBe('line 1\n');
    kubelet.log('line 2');
    await expect.poll(following.stdout).toBe('line 1\nline 2\n');
    kubelet.log(undefined);
    expect(await following.ended).toMatchObject({ code: 0 });
  });

  async function forward(...ports: number[]): Promise<{ running: Running; local: number[] }> {
    const mapped = ports.map((port) => `:${port}`);
    const running = kubectl.start(['port-forward', 'pod/web', '--address', '127.0.0.1', ...mapped]);
    const lines = () => [...running.stdout().matchAll(/127\.0\.0\.1:(\d+) ->/g)];
    await expect.poll(() => lines().length, { timeout: 20_000 }).toBe(ports.length);
    return { running, local: lines().map(([, port]) => Number(port)) };
  }

  test('port-forward: big bodies of several ports, 50 at once, and nothing stays behind', async () => {
    const body = randomBytes(3 * 1024 * 1024);
    // Whoever is slow between two requests finds the connection still open.
    const web = createHttpServer({ keepAliveTimeout: 0 }, (request, response) => {
      if (request.url === '/big') return void response.end(body);
      request.pipe(response);
    });
    const hello = createServer((socket) => socket.end('hello'));
    const { running, local } = await forward(await listen(web), await listen(hello));
    const url = `http://127.0.0.1:${local[0]}`;
    const big = await fetch(`${url}/big`);
    expect(digest(Buffer.from(await big.arrayBuffer()))).toBe(digest(body));
    const echoed = await fetch(url, { method: 'POST', body });
    expect(digest(Buffer.from(await echoed.arrayBuffer()))).toBe(digest(body));
    const many = Array.from({ length: 50 }, (_, index) => Buffer.alloc(200_000 + index, index));
    const answers = await Promise.all(
      many.map(async (sent) => {
        const init = { method: 'POST', body: sent, headers: { connection: 'close' } };
        return Buffer.from(await (await fetch(url, init)).arrayBuffer());
      }),
    );
    expect(answers.map(digest)).toEqual(many.map(digest));
    const text = await new Promise<string>((resolve) => {
      let heard = '';
      const socket = connect(local[1] ?? 0, '127.0.0.1');
      socket.on('data', (data) => {
        heard += data;
      });
      socket.on('close', () => resolve(heard));
    });
    expect(text).toBe('hello');
    running.child.kill('SIGINT');
    await running.ended;
    await expect.poll(() => kubelet.open.forwards).toBe(0);
  });

  test('port-forward: a half-closed connection still hears the answer', async () => {
    // Answers only when the client has said all.
    const counter = createServer({ allowHalfOpen: true }, (socket) => {
      let length = 0;
      socket.on('data', (data) => {
        length += data.length;
      });
      socket.on('end', () => socket.end(`${length} bytes`));
    });
    const { running, local } = await forward(await listen(counter));
    const answer = await new Promise<string>((resolve) => {
      let heard = '';
      const socket = connect({ port: local[0] ?? 0, host: '127.0.0.1', allowHalfOpen: true });
      socket.on('data', (data) => {
        heard += data;
      });
      socket.on('end', () => resolve(heard));
      socket.end(Buffer.alloc(1_000_000));
    });
    expect(answer).toBe('1000000 bytes');
    running.child.kill('SIGINT');
    await running.ended;
  });

  test('port-forward to a port where nobody listens says so', async () => {
    // One that no other test can be given meanwhile.
    const port = 1;
    const { running, local } = await forward(port);
    const socket = connect(local[0] ?? 0, '127.0.0.1').on('error', () => undefined);
    await expect
      .poll(running.stderr, { timeout: 20_000 })
      .toMatch(new RegExp(`an error occurred forwarding \\d+ -> ${port}: .*ECONNREFUSED`));
    socket.destroy();
    running.child.kill('SIGINT');
    await running.ended;
  });

  test('nothing is left at the kubelet', async () => {
    await expect.poll(() => kubelet.open).toEqual({ processes: 0, forwards: 0 });
  });
});
