// Forwarder: asks the node's own resolvers about names that are not the cluster's.
//
// A question goes on as the bytes it came in, and the answer comes back as the bytes it was, so that record types and
// options which we do not know survive. Only the id is ours on the way: a random one for each question, on a socket
// of its own, connected to the resolver, so that nobody else can answer. Resolvers are asked in turn until one
// answers; the whole time stays well under the five seconds that a client's resolver waits, so that it hears "failed" from
// us and does not ask again in vain.
//
// Bounds: questions on their way (more are refused at once), time for each, answers in the cache.
// Same idea upstream: coredns, plugin/forward and plugin/cache.
// Left out here: health checks of resolvers, connections kept open, lowering the time to live of cached answers (they
// are kept for CACHE_SECONDS_MAX at most).

import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { Clock } from '@kube-labs/apiserver';
import { answerSeconds, isAnswerTo } from './dns-message.ts';
import { frame, readFrames } from './tcp-frames.ts';

export interface Upstream {
  readonly address: string;
  readonly port: number;
}

export interface ForwarderOptions {
  /** Read again for each question, because resolv.conf may change. */
  upstreams(): readonly Upstream[];
  readonly clock: Clock;
  readonly attemptTimeoutMs?: number;
}

export type Transport = 'udp' | 'tcp';

const ATTEMPT_TIMEOUT_MS = 1_200;
const ATTEMPTS_MAX = 2;
const PENDING_MAX = 1_000;
const CACHE_ENTRIES_MAX = 1_000;
const CACHE_SECONDS_MAX = 30;

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #cache = new Map<string, { readonly answer: Buffer; readonly expiresAt: number }>();
  #pending = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** The answer's bytes with the id of `query`, or undefined when nobody answered in time. */
  async forward(query: Buffer, transport: Transport): Promise<Buffer | undefined> {
    const key = transport + query.toString('latin1', 2);
    const cached = this.#cached(key);
    if (cached !== undefined) return withId(cached, query.readUInt16BE(0));
    if (this.#pending >= PENDING_MAX) return undefined;
    this.#pending++;
    try {
      const answer = await this.#ask(query, transport);
      if (answer === undefined) return undefined;
      this.#remember(key, answer);
      return withId(answer, query.readUInt16BE(0));
    } finally {
      this.#pending--;
    }
  }

  async #ask(query: Buffer, transport: Transport): Promise<Buffer | undefined> {
    const upstreams = this.#options.upstreams();
    const exchange = transport === 'udp' ? exchangeUdp : exchangeTcp;
    const timeoutMs = this.#options.attemptTimeoutMs ?? ATTEMPT_TIMEOUT_MS;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      const upstream = upstreams[attempt % Math.max(1, upstreams.length)];
      if (upstream === undefined) return undefined;
      const asked = withId(query, randomInt(65_536));
      try {
        return await exchange(asked, upstream, timeoutMs);
      } catch {
        // The next resolver may know; when it was the last, undefined says that nobody did.
      }
    }
    return undefined;
  }

  #cached(key: string): Buffer | undefined {
    const entry = this.#cache.get(key);
    if (entry === undefined || entry.expiresAt <= this.#options.clock.now()) return undefined;
    return entry.answer;
  }

  #remember(key: string, answer: Buffer): void {
    const seconds = Math.min(answerSeconds(answer), CACHE_SECONDS_MAX);
    if (seconds <= 0) return;
    this.#cache.delete(key);
    const oldest = this.#cache.keys().next().value;
    if (this.#cache.size >= CACHE_ENTRIES_MAX && oldest !== undefined) this.#cache.delete(oldest);
    this.#cache.set(key, { answer, expiresAt: this.#options.clock.now() + seconds * 1000 });
  }
}

function exchangeUdp(query: Buffer, upstream: Upstream, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(upstream.address) ? 'udp6' : 'udp4');
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      socket.removeAllListeners();
      socket.on('error', () => {});
      socket.close();
      act();
    };
    const fail = (error: Error): void => settle(() => reject(error));
    const timer = setTimeout(() => fail(new Error('no answer in time')), timeoutMs);
    socket.on('error', fail);
    socket.on('message', (message) => {
      if (isAnswerTo(message, query)) settle(() => resolve(message));
    });
    socket.connect(upstream.port, upstream.address, () => socket.send(query));
  });
}

function exchangeTcp(query: Buffer, upstream: Upstream, timeoutMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: upstream.address, port: upstream.port });
    const settle = (act: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      act();
    };
    const fail = (error: Error): void => settle(() => reject(error));
    const timer = setTimeout(() => fail(new Error('no answer in time')), timeoutMs);
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('connection closed')));
    const read = readFrames((message) => {
      if (isAnswerTo(message, query)) settle(() => resolve(message));
    });
    socket.on('data', read);
    socket.write(frame(query));
  });
}

function withId(message: Buffer, id: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt16BE(id, 0);
  return copy;
}
