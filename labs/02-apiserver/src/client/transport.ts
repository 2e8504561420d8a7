// Transport: HTTP calls and streams to one API server, with the patience a component needs.
//
//   1. Every call ends: with an answer, or after `timeoutMs` with an error. A stream has no such limit, but one on which
//      nothing came for `idleMs` is dead (the server's bookmarks come more often than that) and fails.
//   2. Only what is safe is repeated: a read whose connection was refused or cut, once; anything the server turned
//      away with 429 and Retry-After, since it was not carried out.
//   3. No listener stays on the caller's signal, and calls and streams use connections of their own, so that many
//      watches cannot keep a call waiting.
//
// HTTP/1.1 with keep-alive by undici; client certificate or bearer token. Same idea upstream: k8s.io/client-go/rest.
// Left out: HTTP/2, exec credential plugins, certificates that change on disk, client-side rate limits.

import { Agent, type Dispatcher } from 'undici';
import { ApiError } from '../api-error.ts';
import { sleep } from './clock.ts';
import { tokenSource } from './token-source.ts';

export interface ClientOptions {
  /** https://host:port; a path prefix is kept. */
  readonly server: string;
  /** PEM. Without it the machine's own authorities are trusted. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  /** Where the token stands; it is read again from time to time, as it is renewed there. */
  readonly tokenFile?: string;
  readonly userAgent?: string;
  /** How long one call may take. Default 30 s. */
  readonly timeoutMs?: number;
  /** How long a watch with bookmarks may be silent before its connection counts as dead. Default 90 s. */
  readonly watchIdleMs?: number;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
}

export interface StreamOptions {
  /** How long nothing may come. 0 = for ever. */
  readonly idleMs: number;
  readonly accept?: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

const TIMEOUT_MS = 30_000;
const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_PROBE_MS = 15_000;
const CALL_CONNECTIONS_MAX = 32;
const ANSWER_BYTES_MAX = 256 * 1024 * 1024;
const THROTTLED_RETRIES_MAX = 5;
const RETRY_AFTER_SECONDS_MAX = 30;
const REREAD_DELAY_MS = 100;

export class Transport implements AsyncDisposable {
  readonly server: string;
  readonly #origin: string;
  readonly #pathPrefix: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #token: () => string | undefined;
  readonly #timeoutMs: number;
  readonly #calls: Agent;
  readonly #streams: Agent;

  constructor(options: ClientOptions) {
    const url = new URL(options.server);
    this.server = options.server;
    this.#origin = url.origin;
    this.#pathPrefix = url.pathname.replace(/\/$/, '');
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.#headers = { 'user-agent': options.userAgent ?? 'kube-labs' };
    this.#token = tokenSource(options);
    const connect = {
      timeout: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_PROBE_MS,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(options.cert === undefined ? {} : { cert: options.cert }),
      ...(options.key === undefined ? {} : { key: options.key }),
    };
    this.#calls = new Agent({
      connect,
      connections: CALL_CONNECTIONS_MAX,
      maxResponseSize: ANSWER_BYTES_MAX,
    });
    this.#streams = new Agent({ connect });
  }

  /** The answer, whatever its status. Throws when there is none. */
  async call(call: Call, signal?: AbortSignal): Promise<Answer> {
    let mayReread = call.method === 'GET';
    for (let throttled = 0; ; ) {
      signal?.throwIfAborted();
      try {
        const { answer, retryAfterSeconds } = await this.#once(call, signal);
        if (retryAfterSeconds === undefined || throttled === THROTTLED_RETRIES_MAX) return answer;
        throttled++;
        await pause(retryAfterSeconds * 1000, signal);
      } catch (error) {
        if (!mayReread || signal?.aborted === true || !isConnectionLost(error)) throw error;
        mayReread = false;
        await pause(REREAD_DELAY_MS, signal);
      }
    }
  }

  /** Opens a stream; the caller destroys it. An answer that is no success is thrown as ApiError. */
  async open(path: string, options: StreamOptions, signal: AbortSignal): Promise<Stream> {
    const { idleMs, ...accept } = options;
    const link = linkSignal(signal);
    try {
      const response = await this.#withDeadline(link, () =>
        this.#send(
          this.#streams,
          { method: 'GET', path, ...accept },
          link.controller.signal,
          idleMs,
        ),
      );
      const { body } = response;
      body.on('error', () => {}); // Whoever reads gets it; after the last reader left, nobody needs it.
      body.once('close', link.unlink);
      if (response.statusCode < 300) return body;
      const text = await this.#withDeadline(link, () => body.text());
      throw ApiError.fromStatus(parseStatus(text), response.statusCode);
    } catch (error) {
      link.unlink();
      throw this.#explain(error, link, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#calls.destroy(), this.#streams.destroy()]);
  }

  async #once(call: Call, signal: AbortSignal | undefined) {
    const link = linkSignal(signal);
    try {
      return await this.#withDeadline(link, async () => {
        const response = await this.#send(this.#calls, call, link.controller.signal, 0);
        const answer: Answer = { status: response.statusCode, body: await response.body.text() };
        return { answer, retryAfterSeconds: retryAfterOf(response) };
      });
    } catch (error) {
      throw this.#explain(error, link, signal);
    } finally {
      link.unlink();
    }
  }

  #send(agent: Agent, call: Call, signal: AbortSignal, idleMs: number) {
    const hasBody = call.body !== undefined;
    const token = this.#token();
    return agent.request({
      origin: this.#origin,
      path: this.#pathPrefix + call.path,
      method: call.method,
      headers: {
        ...this.#headers,
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        accept: call.accept ?? 'application/json',
        ...(hasBody ? { 'content-type': call.contentType ?? 'application/json' } : {}),
      },
      body: hasBody ? JSON.stringify(call.body) : null,
      signal,
      headersTimeout: 0, // The deadline covers it.
      bodyTimeout: idleMs,
    });
  }

  async #withDeadline<R>(link: Link, work: () => Promise<R>): Promise<R> {
    const timer = setTimeout(() => {
      link.timedOut = true;
      link.controller.abort();
    }, this.#timeoutMs);
    try {
      return await work();
    } finally {
      clearTimeout(timer);
    }
  }

  #explain(error: unknown, link: Link, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted === true) return signal.reason;
    if (error instanceof ApiError) return error;
    const why = link.timedOut ? `no answer within ${this.#timeoutMs / 1000} s` : undefined;
    return connectionError(this.server, error, why);
  }
}

type Stream = Dispatcher.ResponseData['body'];

interface Link {
  readonly controller: AbortController;
  readonly unlink: () => void;
  timedOut: boolean;
}

/** A controller that follows the caller's signal until unlinked. AbortSignal.any() would stay referenced by a long-lived signal. */
function linkSignal(signal: AbortSignal | undefined): Link {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  const unlink = (): void => signal?.removeEventListener('abort', abort);
  if (signal?.aborted === true) controller.abort();
  else signal?.addEventListener('abort', abort);
  return { controller, unlink, timedOut: false };
}

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(ms, signal ?? new AbortController().signal);
}

function retryAfterOf(response: Dispatcher.ResponseData): number | undefined {
  const seconds = Number(response.headers['retry-after']);
  if (response.statusCode !== 429 || !(seconds > 0)) return undefined;
  return Math.min(seconds, RETRY_AFTER_SECONDS_MAX);
}

/** The error of a call that got no answer: a plain Error, since no server gave a reason. */
function connectionError(server: string, cause: unknown, why?: string): Error {
  const text = cause instanceof Error ? cause.message || codeOf(cause) : String(cause);
  return new Error(`Cannot reach the API server at ${server}: ${why ?? text}`, { cause });
}

const LOST_CODES: ReadonlySet<unknown> = new Set(['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET']);

function isConnectionLost(error: unknown): boolean {
  return error instanceof Error && LOST_CODES.has(codeOf(error.cause));
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** The body of a failed call: a Status if it is one, else its text. */
export function parseStatus(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
