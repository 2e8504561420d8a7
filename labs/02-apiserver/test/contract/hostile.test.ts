// Hostile input: thousands of generated requests, one after the other on a server that is like any other. None ends the process, none is
// answered with 500, none takes long, and what was refused has changed nothing: the store's revision is the witness, since every write
// moves it. The seed is in the test's name; SEED repeats a run, HOSTILE_ROUNDS makes it longer.
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { connect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { RESOURCES } from '#src/registry/resources.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { wire } from '../server/wire.ts';
import { Random } from './hostile/random.ts';
import { type HostileRequest, hostileRequest } from './hostile/requests.ts';

const ROUNDS = Number(process.env.HOSTILE_ROUNDS ?? 2000);
const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000);
const ANSWER_MAX_MS = 15_000;
/** How long a connection with no proper request on it is watched for an answer. */
const RAW_MS = 150;
/** An answer that has begun and says nothing for so long is one that goes on. */
const QUIET_MS = 300;
const GROWTH_MAX_BYTES = 700 * 1024 * 1024;
const FAULTS_MAX = 10;
const READS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

interface Answer {
  /** Undefined: the connection ended without one. */
  readonly status: number | undefined;
  readonly text: string;
}

let server: TestApiServer;
let agent: Agent;
beforeAll(async () => {
  server = await startTestApiServer();
  const { ca, cert, key } = server.adminOptions;
  agent = new Agent({ keepAlive: true, ca, cert, key, maxSockets: 1 });
});
afterAll(async () => {
  agent.destroy();
  await server[Symbol.asyncDispose]();
});

test(`${ROUNDS} hostile requests (seed ${SEED})`, { timeout: 120_000 + ROUNDS * 100 }, async () => {
  const random = new Random(SEED);
  const before = process.memoryUsage().rss;
  const faults: string[] = [];
  const statuses = new Map<number | undefined, number>();
  for (let round = 0; round < ROUNDS && faults.length < FAULTS_MAX; round += 1) {
    const hostile = hostileRequest(random, RESOURCES);
    const { revision } = await server.store.status();
    const startedMs = performance.now();
    const answer = await (hostile.raw === undefined ? ask(hostile) : shout(hostile.raw));
    const tookMs = performance.now() - startedMs;
    statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
    const fault = faultOf(
      hostile,
      answer,
      tookMs,
      (await server.store.status()).revision > revision,
    );
    if (fault !== undefined)
      faults.push(`round ${round}: ${fault}\n${shown(hostile)}\n→ ${answer.text.slice(0, 300)}`);
  }
  expect(faults).toEqual([]);
  expect(process.memoryUsage().rss - before).toBeLessThan(GROWTH_MAX_BYTES);
  expect((await wire(server, '/readyz')).text).toBe('ok');
  // A generator whose requests are all refused at the door would prove nothing.
  for (const status of [200, 201, 400, 404, 405, 415, 422]) expect(statuses.has(status)).toBe(true);
});

function faultOf(
  hostile: HostileRequest,
  { status }: Answer,
  tookMs: number,
  isChanged: boolean,
): string | undefined {
  if (status === 500) return 'it was answered 500';
  if (tookMs > ANSWER_MAX_MS) return `it took ${Math.round(tookMs)} ms`;
  // Several requests may stand in raw bytes, and the first answer says nothing of the others.
  if (!isChanged || hostile.raw !== undefined) return undefined;
  if (status === undefined || status >= 300) return 'it was refused, and changed something';
  return READS.has(hostile.method) ? 'it only read, and changed something' : undefined;
}

function shown({ method, path, headers, body, raw }: HostileRequest): string {
  if (raw !== undefined) return JSON.stringify(raw.subarray(0, 400).toString('latin1'));
  const text = body?.subarray(0, 600).toString('latin1');
  return `${method} ${path.slice(0, 400)} ${JSON.stringify(headers).slice(0, 300)} ${text ?? ''}`;
}

/** A proper request. Whatever goes on and on (watches, upgraded connections) is left as soon as it has begun. */
function ask({ method, path, headers, body }: HostileRequest): Promise<Answer> {
  return new Promise((resolve) => {
    // Node's own client will not send what is no URL or header at all; such bytes are shouted instead.
    const outgoing = tryRequest({ method, path, headers });
    if (outgoing === undefined) {
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
      const head = [`${method} ${path} HTTP/1.1`, 'Host: x', ...lines, '', ''].join('\r\n');
      resolve(shout(Buffer.concat([Buffer.from(head, 'utf8'), body ?? Buffer.alloc(0)])));
      return;
    }
    const timer = setTimeout(() => outgoing.destroy(), ANSWER_MAX_MS + 1000);
    const finish = (answer: Answer) => {
      clearTimeout(timer);
      resolve(answer);
    };
    outgoing.on('response', (response) => void read(response).then(finish));
    outgoing.on('upgrade', (response, socket) => {
      socket.destroy();
      finish({ status: response.statusCode, text: '' });
    });
    outgoing.on('error', (error) => finish({ status: undefined, text: String(error) }));
    outgoing.end(body);
  });
}

function tryRequest(options: Pick<HostileRequest, 'method' | 'path' | 'headers'>) {
  try {
    return request(server.url, { ...options, headers: { ...options.headers }, agent });
  } catch {
    return undefined;
  }
}

/** To the end, or until nothing more comes: a watch or a log that goes on. */
function read(response: IncomingMessage): Promise<Answer> {
  let text = '';
  return new Promise((resolve) => {
    const finish = () => {
      clearTimeout(timer);
      response.destroy();
      resolve({ status: response.statusCode, text });
    };
    const timer = setTimeout(finish, QUIET_MS);
    response.setEncoding('utf8').on('data', (chunk: string) => {
      timer.refresh();
      if (text.length < 2000) text += chunk;
    });
    response.once('close', finish);
    response.once('error', finish);
    response.once('end', () => {
      clearTimeout(timer);
      resolve({ status: response.statusCode, text });
    });
  });
}

function shout(bytes: Buffer): Promise<Answer> {
  const { ca, cert, key } = server.adminOptions;
  const socket = connect({ host: '127.0.0.1', port: server.port, ca, cert, key });
  return new Promise((resolve) => {
    let text = '';
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      const status = /^HTTP\/1\.1 (\d{3})/.exec(text)?.[1];
      resolve({ status: status === undefined ? undefined : Number(status), text });
    };
    let timer = setTimeout(finish, ANSWER_MAX_MS + 1000);
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
    });
    socket.on('secureConnect', () => {
      socket.write(bytes);
      clearTimeout(timer);
      timer = setTimeout(finish, RAW_MS);
    });
    socket.on('error', finish);
    socket.on('close', finish);
  });
}
