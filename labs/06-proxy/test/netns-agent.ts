// NetnsAgent: the program that runs inside a network namespace of the tests and does there what a pod or a client would.
//
// It takes one job at a time as a message from its parent and answers with the outcome. Errors come back as their
// code, because "refused" and "no answer" are outcomes that tests look for.

import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { createServer as createHttpServer, get } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { decode, encode } from 'dns-packet';

export type Job =
  /** HTTP and UDP on `port` of every address: answers with `name` and who asked. */
  | { readonly op: 'serve'; readonly name: string; readonly port: number }
  | { readonly op: 'get'; readonly url: string }
  | { readonly op: 'udp'; readonly address: string; readonly port: number }
  | {
      readonly op: 'resolve';
      readonly server: string;
      readonly name: string;
      readonly type: string;
    }
  /** A resolver that knows one name; counts what it is asked. */
  | {
      readonly op: 'upstream';
      readonly address: string;
      readonly name: string;
      readonly answer: string;
    }
  | { readonly op: 'upstreamAsked' }
  /** 127.0.0.1:port here → a Unix socket, which every namespace can see. */
  | { readonly op: 'relay'; readonly port: number; readonly path: string };

export type Outcome =
  | { readonly kind: 'done'; readonly value: unknown; readonly ms: number }
  | { readonly kind: 'failed'; readonly code: string; readonly ms: number };

/** Ends what hangs, as a connection does whose rules change on the way: whoever waits longer than this asks again. */
const TIMEOUT_MS = 20_000;
let upstreamAsked: string[] = [];

process.on('message', ({ id, job }: { id: number; job: Job }) => {
  const startedAt = Date.now();
  const ms = (): number => Date.now() - startedAt;
  run(job).then(
    (value) => process.send?.({ id, outcome: { kind: 'done', value, ms: ms() } satisfies Outcome }),
    (error: NodeJS.ErrnoException) => {
      const code = error.code ?? error.message;
      process.send?.({ id, outcome: { kind: 'failed', code, ms: ms() } satisfies Outcome });
    },
  );
});
process.on('disconnect', () => process.exit(0));
process.send?.('ready');

function run(job: Job): Promise<unknown> {
  switch (job.op) {
    case 'serve':
      return serve(job.name, job.port);
    case 'get':
      return fetchText(job.url);
    case 'udp':
      return askUdp(job.address, job.port);
    case 'resolve': {
      const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: 1 });
      resolver.setServers([job.server]);
      return resolver.resolve(job.name, job.type);
    }
    case 'upstream':
      return startUpstream(job);
    case 'upstreamAsked':
      return Promise.resolve(upstreamAsked);
    case 'relay':
      return startRelay(job.port, job.path);
    default:
      return job satisfies never;
  }
}

async function serve(name: string, port: number): Promise<void> {
  const server = createHttpServer((request, response) => {
    response.writeHead(200, { connection: 'close' });
    response.end(`${name} ${request.socket.remoteAddress}`);
  });
  await new Promise<void>((resolve) => server.listen(port, '0.0.0.0', resolve));
  const socket = createSocket('udp4');
  socket.on('message', (_message, client) => {
    socket.send(`${name} ${client.address}`, client.port, client.address);
  });
  await new Promise<void>((resolve) => socket.bind(port, resolve));
}

function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: TIMEOUT_MS }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      const { statusCode } = response;
      response.on('end', () =>
        statusCode === 200 ? resolve(text) : reject(new Error(`status ${statusCode}`)),
      );
    });
    request.on('timeout', () => request.destroy(new Error('timeout')));
    request.on('error', reject);
  });
}

function askUdp(address: string, port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      socket.close();
      act();
    };
    const timer = setTimeout(() => settle(() => reject(new Error('timeout'))), TIMEOUT_MS);
    socket.on('message', (message) => settle(() => resolve(String(message))));
    socket.on('error', (error) => settle(() => reject(error)));
    socket.connect(port, address, () => socket.send('hello'));
  });
}

async function startUpstream(job: Job & { op: 'upstream' }): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (message, client) => {
    const { id = 0, questions = [] } = decode(message);
    const [question] = questions;
    upstreamAsked = [...upstreamAsked, question?.name ?? ''];
    const known = question?.name === job.name && question.type === 'A';
    const answer = encode({
      type: 'response',
      id,
      flags: known ? 0x180 : 0x183,
      questions,
      answers: known ? [{ type: 'A', name: job.name, ttl: 20, data: job.answer }] : [],
    });
    socket.send(answer, client.port, client.address);
  });
  await new Promise<void>((resolve) => socket.bind(53, job.address, resolve));
}

async function startRelay(port: number, path: string): Promise<void> {
  const server = createTcpServer((near) => {
    const far = connect(path);
    near.pipe(far).pipe(near);
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
}
