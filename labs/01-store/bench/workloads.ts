// The workloads: what is asked of a server while the clock runs.
//
// All but the latency are closed loops: so many clients, each with one request on its way. Clients share connections,
// sixteen each. A tenth of the time is warm-up and not counted. Keys have 16 bytes, values 256.
import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import { GrpcClient, type PreparedCall } from './grpc-client.ts';
import {
  compactRequest,
  countOf,
  eventCount,
  eventValues,
  PATHS,
  putRequest,
  rangeRequest,
  revisionOf,
  txnRequest,
  watchRequest,
} from './messages.ts';
import { percentile } from './statistics.ts';

const CLIENTS_A_CONNECTION = 16;
const KEYS = 10_000;
const VALUE = Buffer.alloc(256, 'v');
const RANGE_KEYS = 1000;
const WATCHED = 'watched/';
const FAN_OUT_WRITERS = 16;
const LATENCY_PAUSE_MS = 2;
const DRAIN_MS_MAX = 60_000;
const FILL_CLIENTS = 8;
const FILL_TXN_PUTS = 100;
const FILL_VALUE = Buffer.alloc(128, 'v');

export type Workload =
  | { readonly kind: 'put'; readonly clients: number; readonly ms: number }
  | {
      readonly kind: 'range';
      readonly keys: 1 | typeof RANGE_KEYS;
      readonly clients: number;
      readonly ms: number;
    }
  | { readonly kind: 'fan-out'; readonly watchers: number; readonly ms: number }
  | { readonly kind: 'latency'; readonly ms: number }
  | { readonly kind: 'fill'; readonly keys: number }
  | { readonly kind: 'prepare' };

export interface Result {
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** Throws when a request was refused, or when an event is missing. */
export async function run(port: number, workload: Workload): Promise<Result> {
  switch (workload.kind) {
    case 'prepare':
      return prepareKeys(port);
    case 'put':
      return withClients(port, workload.clients, (clients) =>
        loop(clients, workload.ms, PATHS.put, putsOf('put/')),
      );
    case 'range':
      return withClients(port, workload.clients, (clients) =>
        loop(clients, workload.ms, PATHS.range, rangesOf(workload.keys)),
      );
    case 'fan-out':
      return fanOut(port, workload.watchers, workload.ms);
    case 'latency':
      return latency(port, workload.ms);
    case 'fill':
      return fill(port, workload.keys);
    default:
      return workload satisfies never;
  }
}

/** Forgets what was overwritten, as whoever uses a store does from time to time. */
export async function compact(port: number): Promise<void> {
  const client = await GrpcClient.connect(port);
  try {
    const key = Buffer.from('compacted');
    const revision = revisionOf(
      await client.callOnce(PATHS.put, putRequest({ key, value: VALUE })),
    );
    await client.callOnce(PATHS.compact, compactRequest({ revision, physical: true }));
  } finally {
    client.close();
  }
}

/** One entry for each client; clients share connections. */
async function withClients<T>(
  port: number,
  count: number,
  body: (clients: readonly GrpcClient[]) => Promise<T>,
): Promise<T> {
  const connections: GrpcClient[] = [];
  try {
    for (let i = 0; i < count; i += CLIENTS_A_CONNECTION) {
      connections.push(await GrpcClient.connect(port));
    }
    const clients = Array.from(
      { length: count },
      (_, i) => connections[Math.floor(i / CLIENTS_A_CONNECTION)] as GrpcClient,
    );
    return await body(clients);
  } finally {
    for (const connection of connections) connection.close();
  }
}

function putsOf(prefix: string): readonly Uint8Array[] {
  return Array.from({ length: KEYS }, (_, i) =>
    putRequest({ key: keyOf(prefix, i), value: VALUE }),
  );
}

function rangesOf(keys: number): readonly Uint8Array[] {
  if (keys === 1)
    return Array.from({ length: RANGE_KEYS }, (_, i) => rangeRequest({ key: keyOf('range/', i) }));
  return [rangeRequest({ key: Buffer.from('range/'), range_end: Buffer.from('range0') })];
}

function keyOf(prefix: string, i: number): Buffer {
  return Buffer.from(prefix + `${i}`.padStart(16 - prefix.length, '0'));
}

/** Every client sends its next message when its last one was answered, until the time is over. */
async function loop(
  clients: readonly GrpcClient[],
  ms: number,
  path: string,
  messages: readonly Uint8Array[],
): Promise<Result> {
  const calls = messages.map((message) => (clients[0] as GrpcClient).prepare(path, message));
  const startMs = performance.now();
  const countFromMs = startMs + ms / 10;
  const endMs = startMs + ms;
  const latencies: number[] = [];
  let next = 0;
  const one = (client: GrpcClient) =>
    new Promise<void>((resolve, reject) => {
      const send = () => {
        const sentMs = performance.now();
        if (sentMs >= endMs) {
          resolve();
          return;
        }
        client.call(calls[next++ % calls.length] as PreparedCall, (answer) => {
          if (answer === undefined) {
            reject(new Error(`${path} was refused`));
            return;
          }
          const nowMs = performance.now();
          if (sentMs >= countFromMs && nowMs < endMs) latencies.push(nowMs - sentMs);
          send();
        });
      };
      send();
    });
  await Promise.all(clients.map(one));
  return resultOf(latencies, endMs - countFromMs);
}

/** How many events a second reach all watchers together, while writers put as fast as they can. */
async function fanOut(port: number, watchers: number, ms: number): Promise<Result> {
  return withClients(port, watchers, async (watching) => {
    const seen = await Promise.all(
      watching.map((client) => watch(client, (message) => eventCount(message))),
    );
    const startMs = performance.now();
    const puts = await withClients(port, FAN_OUT_WRITERS, async (clients) => {
      await loop(clients, ms, PATHS.put, putsOf(WATCHED));
      return revisionOf(
        await (clients[0] as GrpcClient).callOnce(PATHS.range, rangeRequest({ key: VALUE })),
      );
    });
    const events = puts - (seen[0]?.revision ?? 0);
    const deadlineMs = performance.now() + DRAIN_MS_MAX;
    while (seen.some(({ count }) => count < events)) {
      assert(performance.now() < deadlineMs, 'a watcher does not get all events');
      assert(
        seen.every(({ isOpen }) => isOpen),
        'the server ended a watch',
      );
      await wait(1);
    }
    const seconds = (performance.now() - startMs) / 1000;
    return { perSecond: (events * watchers) / seconds, medianMs: 0, p99Ms: 0 };
  });
}

interface Watching {
  count: number;
  isOpen: boolean;
  /** The store's when the watch was created. */
  revision: number;
}

/** A watch of the watched keys, when the server has confirmed it. */
function watch(client: GrpcClient, onMessage: (message: Buffer) => number): Promise<Watching> {
  return new Promise((resolve, reject) => {
    let watching: Watching | undefined;
    const request = watchRequest({
      create_request: { key: Buffer.from(WATCHED), range_end: Buffer.from('watched0') },
    });
    client.stream(
      PATHS.watch,
      request,
      (message) => {
        if (watching !== undefined) {
          watching.count += onMessage(message);
          return;
        }
        watching = { count: 0, isOpen: true, revision: revisionOf(message) };
        resolve(watching);
      },
      () => {
        if (watching === undefined) reject(new Error('the watch was refused'));
        else watching.isOpen = false;
      },
    );
  });
}

/** From the sending of a put to the arrival of its event on another connection, with a pause after each. */
async function latency(port: number, ms: number): Promise<Result> {
  const [writer, reader] = [await GrpcClient.connect(port), await GrpcClient.connect(port)];
  try {
    const latencies: number[] = [];
    const arrived = new Map<number, () => void>();
    await watch(reader, (message) => {
      const values = eventValues(message);
      for (const value of values) arrived.get(value.readUInt32BE())?.();
      return values.length;
    });
    const endMs = performance.now() + ms;
    for (let n = 0; performance.now() < endMs; n++) {
      const value = Buffer.from(VALUE);
      value.writeUInt32BE(n);
      const key = keyOf(WATCHED, n % KEYS);
      const event = new Promise<void>((resolve) => arrived.set(n, resolve));
      const sentMs = performance.now();
      const answer = writer.callOnce(PATHS.put, putRequest({ key, value }));
      await event;
      latencies.push(performance.now() - sentMs);
      arrived.delete(n);
      await answer;
      await wait(LATENCY_PAUSE_MS);
    }
    return resultOf(latencies.slice(Math.floor(latencies.length / 10)), ms);
  } finally {
    writer.close();
    reader.close();
  }
}

async function prepareKeys(port: number): Promise<Result> {
  const client = await GrpcClient.connect(port);
  try {
    for (let i = 0; i < RANGE_KEYS; i++) {
      await client.callOnce(PATHS.put, putRequest({ key: keyOf('range/', i), value: VALUE }));
    }
    return resultOf([], 1);
  } finally {
    client.close();
  }
}

/** So many keys, many in a transaction; the figure is keys a second. */
async function fill(port: number, keys: number): Promise<Result> {
  return withClients(port, FILL_CLIENTS, async (clients) => {
    const startMs = performance.now();
    let next = 0;
    const worker = async (client: GrpcClient) => {
      while (next < keys) {
        const from = next;
        next += FILL_TXN_PUTS;
        const success = Array.from({ length: Math.min(FILL_TXN_PUTS, keys - from) }, (_, i) => ({
          request_put: { key: Buffer.from(`fill/${from + i}`), value: FILL_VALUE },
        }));
        await client.callOnce(PATHS.txn, txnRequest({ success }));
      }
    };
    await Promise.all(clients.map(worker));
    const seconds = (performance.now() - startMs) / 1000;
    const all = rangeRequest({
      key: Buffer.from('fill/'),
      range_end: Buffer.from('fill0'),
      count_only: true,
    });
    assert.equal(countOf(await (clients[0] as GrpcClient).callOnce(PATHS.range, all)), keys);
    return { perSecond: keys / seconds, medianMs: 0, p99Ms: 0 };
  });
}

function resultOf(latencies: readonly number[], ms: number): Result {
  return {
    perSecond: (latencies.length * 1000) / ms,
    medianMs: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
  };
}
