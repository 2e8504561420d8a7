// Etcd3Endpoints: which member of an etcd cluster is asked, and what is asked again of another.
//
//   line   [ b  c  a ]      b answers everything, until it does not; then it goes to the end: [ c  a  b ]
// Rules of use
//   - A read is repeated on the next member, and again while its time lasts: asking twice changes nothing.
//   - A write is repeated only when it certainly never left. One that got no answer may have happened, and
//     doing it twice is not the same as once: the caller is told 'unavailable', and looks.
//   - With one endpoint there is nobody else to ask: the first failure is the answer.
// One client of the package for each member: its own choice among several is random, and a log-in is one for all.
// Upstream: etcd, clientv3/balancer and clientv3/retry.go, which repeats by the same two rules.
import { setTimeout as wait } from 'node:timers/promises';
import { type ClientOptions, Etcd3Client } from './etcd3-client.ts';
import { errorFromWire } from './etcd3-wire.ts';
import { StoreError } from './kv.ts';

/** After all members failed, before the first is asked again. */
const ROUND_PAUSE_MS = 100;

export interface Etcd3EndpointsOptions extends ClientOptions {
  /** For example http://127.0.0.1:2379. */
  endpoints: readonly string[];
}

export interface Member {
  readonly endpoint: string;
  readonly client: Etcd3Client;
}

export class Etcd3Endpoints {
  /** The first is asked first. */
  readonly #line: Member[];
  readonly #timeoutMs: number;
  readonly #closed = new AbortController();

  constructor(options: Etcd3EndpointsOptions) {
    this.#line = options.endpoints.map((endpoint) => ({
      endpoint,
      client: new Etcd3Client(endpoint, options),
    }));
    this.#timeoutMs = options.requestTimeoutMs;
  }

  get members(): readonly Member[] {
    return [...this.#line];
  }

  /** Aborted when the endpoints are closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Not repeated after `stop` was aborted. */
  read<T>(call: (client: Etcd3Client) => Promise<T>, stop?: AbortSignal): Promise<T> {
    return this.#attempt(call, ({ code }) => code === 'unavailable' && !stop?.aborted);
  }

  write<T>(call: (client: Etcd3Client) => Promise<T>): Promise<T> {
    return this.#attempt(call, neverLeft);
  }

  close(): void {
    this.#closed.abort();
    for (const { client } of this.#line) client.close();
  }

  async #attempt<T>(
    call: (client: Etcd3Client) => Promise<T>,
    mayRepeat: (error: StoreError) => boolean,
  ): Promise<T> {
    const endMs = performance.now() + this.#timeoutMs;
    const asked = new Set<Member>();
    for (;;) {
      const member = this.#line.find((m) => !asked.has(m));
      if (member === undefined) {
        await wait(ROUND_PAUSE_MS);
        asked.clear();
        continue;
      }
      asked.add(member);
      try {
        if (this.closed.aborted) throw closed();
        return await call(member.client);
      } catch (cause) {
        const error = errorFromWire(cause, member.endpoint);
        if (error.code === 'unavailable') this.#sendToTheEnd(member);
        if (!mayRepeat(error) || this.closed.aborted) throw error;
        const isRoundOver = asked.size === this.#line.length;
        const isTimeOver = this.#line.length === 1 || performance.now() > endMs;
        if (isRoundOver && isTimeOver) throw error;
      }
    }
  }

  /** Only from the front: of many calls that failed together the first one moves it. */
  #sendToTheEnd(member: Member): void {
    if (this.#line[0] !== member) return;
    this.#line.shift();
    this.#line.push(member);
  }
}

/** The texts with which the packages refuse a call before a byte of it was sent. */
function neverLeft({ message }: StoreError): boolean {
  return /No connection established|Channel closed before call|has been shut down|Name resolution failed/.test(
    message,
  );
}

function closed(): StoreError {
  return new StoreError('unavailable', 'the store is closed');
}
