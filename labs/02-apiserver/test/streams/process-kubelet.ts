// process-kubelet: a kubelet whose containers are processes of this machine: exec runs them, port-forward reaches 127.0.0.1.
//
// It speaks what kubelets speak to the API server: WebSocket with channels, v5 and v4. It remembers what it was asked.
import { type ChildProcess, spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { type RawData, type WebSocket, WebSocketServer } from 'ws';
import { createCertificateAuthority, issueCertificate } from '#src/server/pki.ts';
import type { FakeKubelet, KubeletRequest } from '../server/fake-kubelet.ts';

export interface ProcessKubelet extends FakeKubelet {
  /** Sizes of terminals, as they came. */
  readonly sizes: string[];
  /** Processes and connections that are under way. */
  readonly open: { processes: number; forwards: number };
  /** Lines for `logs -f`; the log ends with undefined. */
  log(line: string | undefined): void;
}

const ROUTES = ['exec', 'attach', 'portForward'];
const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'];
const [STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE] = [0, 1, 2, 3, 4, 255];

/** @param protocols those that it knows */
export async function startProcessKubelet(
  protocols: readonly string[] = PROTOCOLS,
): Promise<ProcessKubelet> {
  const ca = await createCertificateAuthority('kubelets');
  const local = { server: true, ipAddresses: ['127.0.0.1'] };
  const own = await issueCertificate(ca, { commonName: 'system:node:node-1', ...local });
  const client = await issueCertificate(ca, { commonName: 'apiserver-kubelet', client: true });
  const requests: KubeletRequest[] = [];
  const connections: WebSocket[] = [];
  const sizes: string[] = [];
  const readers = new Set<ServerResponse>();
  const open = { processes: 0, forwards: 0 };
  const remember = (request: IncomingMessage) => {
    requests.push({ url: request.url ?? '', headers: request.headers, client: '' });
    return new URL(request.url ?? '/', 'https://kubelet');
  };
  const tls = { ...own, ca: ca.cert, requestCert: true, rejectUnauthorized: true };
  const server = createServer(tls, (request, response) => {
    const url = remember(request);
    if (!url.pathname.startsWith('/containerLogs/')) {
      response.setHeader('content-type', 'text/plain');
      response.end(`kubelet ${request.method} ${request.url}`);
      return;
    }
    response.write('line 1\n');
    if (url.searchParams.get('follow') !== 'true') return void response.end();
    readers.add(response);
    response.once('close', () => readers.delete(response));
  });
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => protocols.find((one) => offered.has(one)) ?? false,
  });
  server.on('upgrade', (request, socket, head) => {
    const url = remember(request);
    const [, route = '', , , container = ''] = url.pathname.split('/');
    if (!ROUTES.includes(route) || container === 'broken') {
      const text = `container not found ("${container}")`;
      socket.end(`HTTP/1.1 500 Error\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
      return;
    }
    sockets.handleUpgrade(request, socket, head, (connection) => {
      connections.push(connection);
      connection.on('error', () => undefined);
      if (route === 'portForward') forward(connection, url, open);
      else command(connection, url, { route, sizes, open });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    credentials: { ca: ca.cert, cert: client.cert, key: client.key },
    port: (server.address() as AddressInfo).port,
    requests,
    connections,
    sizes,
    open,
    log(line) {
      for (const reader of readers) {
        if (line === undefined) reader.end();
        else reader.write(`${line}\n`);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const connection of connections) connection.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function start(url: URL, route: string): ChildProcess {
  const { searchParams: query } = url;
  // What runs in the container, for those who attach.
  const loop = ['sh', '-c', 'while read line; do echo "got $line"; echo "no $line" >&2; done'];
  const [file = '', ...args] = route === 'attach' ? loop : query.getAll('command');
  if (query.get('tty') !== '1') return spawn(file, args);
  const quoted = [file, ...args].map((part) => `'${part.replaceAll("'", `'\\''`)}'`).join(' ');
  return spawn('script', ['-qefc', quoted, '/dev/null']);
}

function command(
  socket: WebSocket,
  url: URL,
  {
    route,
    sizes,
    open,
  }: { route: string; sizes: string[]; open: { processes: number; forwards: number } },
): void {
  const child = start(url, route);
  open.processes += 1;
  child.once('close', () => {
    open.processes -= 1;
  });
  child.stdin?.on('error', () => undefined);
  pump(socket, child.stdout as unknown as Socket, STDOUT ?? 1);
  pump(socket, child.stderr as unknown as Socket, STDERR ?? 2);
  socket.on('message', (raw) => {
    const message = bytesOf(raw);
    const data = message.subarray(1);
    if (message[0] === STDIN) {
      if (child.stdin?.write(data) === false && !socket.isPaused) {
        // An input that is ended meanwhile does not drain.
        socket.pause();
        const { stdin } = child;
        const resume = () => {
          stdin.off('drain', resume).off('finish', resume).off('close', resume);
          socket.resume();
        };
        stdin.once('drain', resume).once('finish', resume).once('close', resume);
      }
    } else if (message[0] === RESIZE) sizes.push(data.toString().trim());
    else if (message[0] === CLOSE) child.stdin?.end();
  });
  socket.once('close', () => child.kill('SIGKILL'));
  const end = (status: object) => {
    if (socket.readyState !== socket.OPEN) return;
    socket.send(framed(ERROR ?? 3, Buffer.from(JSON.stringify(status))));
    socket.close(1000);
  };
  child.once('error', (error) => {
    end({ metadata: {}, status: 'Failure', reason: 'InternalError', message: error.message });
  });
  child.once('close', (code) => {
    if (code === 0) return end({ metadata: {}, status: 'Success' });
    end({
      metadata: {},
      status: 'Failure',
      reason: 'NonZeroExitCode',
      message: `command terminated with non-zero exit code: exit status ${code}`,
      details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
    });
  });
}

function forward(socket: WebSocket, url: URL, open: { forwards: number }): void {
  const port = Number(url.searchParams.get('port'));
  const preamble = Buffer.from([port & 0xff, port >> 8]);
  for (const channel of [0, 1]) socket.send(framed(channel, preamble));
  const target = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
  open.forwards += 1;
  pump(socket, target, 0);
  target.on('error', (error) => socket.send(framed(1, Buffer.from(error.message))));
  target.on('end', () => {
    if (socket.protocol === PROTOCOLS[0]) socket.send(Buffer.from([CLOSE ?? 255, 0]));
    else target.end();
  });
  target.once('close', () => {
    open.forwards -= 1;
    socket.close(1000);
  });
  socket.on('message', (raw) => {
    const message = bytesOf(raw);
    if (message[0] === CLOSE) return void target.end();
    if (message[0] !== 0 || target.writableEnded) return;
    if (target.write(message.subarray(1)) || socket.isPaused) return;
    socket.pause();
    const resume = () => {
      target.off('drain', resume).off('close', resume);
      socket.resume();
    };
    target.once('drain', resume).once('close', resume);
  });
  socket.once('close', () => target.destroy());
}

/** Bytes of a process or a connection onto a channel; no more than the other side takes. */
function pump(socket: WebSocket, source: Socket, channel: number): void {
  source.on('data', (chunk: Buffer) => {
    if (socket.readyState !== socket.OPEN) return;
    source.pause();
    socket.send(framed(channel, chunk), () => source.resume());
  });
}

function framed(channel: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([channel]), data]);
}

function bytesOf(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
