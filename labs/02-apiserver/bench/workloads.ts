// The workloads: what is asked of a server while the clock runs.
//
// All are closed loops: so many clients, each with a connection of its own and one request on its way. A tenth of the time is warm-up
// and not counted. Names of pods are new each time: nothing is measured that happened before.
import { setTimeout as wait } from 'node:timers/promises';
import { HttpConnection, requestBytes, type Target } from './http-connection.ts';
import { NAMESPACES, type Namespace, podsPath, podText, smallPodText } from './pods.ts';
import { median, percentile } from './statistics.ts';
import { Watchers } from './watchers.ts';

export type Workload =
  | { readonly kind: 'prepare' }
  /** GETs of one path: an object, a list, or what the plain server sends. */
  | { readonly kind: 'get'; readonly path: string; readonly clients: number; readonly ms: number }
  | { readonly kind: 'create'; readonly clients: number; readonly ms: number }
  | {
      readonly kind: 'fill';
      readonly namespace: Namespace;
      readonly pods: number;
      readonly padding?: number;
    }
  | {
      readonly kind: 'fan-out';
      readonly watchers: number;
      readonly clients: number;
      readonly ms: number;
      /** Of the watchers so many read nothing, and are not waited for. */
      readonly slow?: number;
    }
  | { readonly kind: 'create-to-last'; readonly watchers: number; readonly ms: number };

export interface Result {
  /** Requests that were answered in all, those while it warmed up included. */
  readonly requests: number;
  readonly perSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Of watches: events that arrived, all watchers together, per second. */
  readonly deliveriesPerSecond?: number;
}

const PAUSE_MS = 5;
const FILL_CLIENTS = 32;

/** Throws when a request was refused, or when an event is missing. */
export function run(target: Target, workload: Workload): Promise<Result> {
  switch (workload.kind) {
    case 'prepare':
      return prepare(target);
    case 'get':
      return get(target, workload);
    case 'create':
      return create(target, workload);
    case 'fill':
      return fill(target, workload);
    case 'fan-out':
      return fanOut(target, workload);
    case 'create-to-last':
      return createToLast(target, workload);
    default:
      return workload satisfies never;
  }
}

/** The namespaces, and the account that the pods in them run as. */
async function prepare(target: Target): Promise<Result> {
  await withConnections(target, 1, async ([connection]) => {
    const make = (path: string, kind: string, name: string) =>
      connection?.json(
        requestBytes('POST', path, JSON.stringify({ apiVersion: 'v1', kind, metadata: { name } })),
      );
    for (const namespace of NAMESPACES) {
      await make('/api/v1/namespaces', 'Namespace', namespace);
      await make(`/api/v1/namespaces/${namespace}/serviceaccounts`, 'ServiceAccount', 'default');
    }
  });
  return { requests: 0, perSecond: 0, medianMs: 0, p99Ms: 0 };
}

function get(
  target: Target,
  { path, clients, ms }: Extract<Workload, { kind: 'get' }>,
): Promise<Result> {
  const request = requestBytes('GET', path);
  return withConnections(target, clients, (connections) => loop(connections, ms, () => request));
}

function create(
  target: Target,
  { clients, ms }: Extract<Workload, { kind: 'create' }>,
): Promise<Result> {
  const next = newPods('create');
  return withConnections(target, clients, (connections) => loop(connections, ms, next));
}

async function fill(
  target: Target,
  { namespace, pods, padding }: Extract<Workload, { kind: 'fill' }>,
): Promise<Result> {
  const startMs = performance.now();
  let next = 0;
  await withConnections(target, FILL_CLIENTS, (connections) =>
    Promise.all(
      connections.map(async (connection) => {
        while (next < pods) {
          next += 1;
          const name = `fill-${next}`;
          const small = padding === undefined;
          const text = small ? smallPodText(namespace, name) : podText(namespace, name, padding);
          await mustSucceed(connection, requestBytes('POST', podsPath(namespace), text));
        }
      }),
    ),
  );
  const seconds = (performance.now() - startMs) / 1000;
  return { requests: pods, perSecond: pods / seconds, medianMs: 0, p99Ms: 0 };
}

/** Creates as fast as the writers can, until every watcher has seen every pod. */
async function fanOut(
  target: Target,
  { watchers: count, clients, ms, slow = 0 }: Extract<Workload, { kind: 'fan-out' }>,
): Promise<Result> {
  const watchers = await Watchers.open(target, count, slow);
  try {
    const startMs = performance.now();
    const next = newPods('fan-out');
    const created = await withConnections(target, clients, (connections) =>
      loop(connections, ms, next),
    );
    await watchers.allSaw(next.count());
    const seconds = (performance.now() - startMs) / 1000;
    return { ...created, deliveriesPerSecond: (next.count() * (count - slow)) / seconds };
  } finally {
    watchers.close();
  }
}

/** From the moment that a pod is sent until the last of the watchers has its event; one pod at a time. */
async function createToLast(
  target: Target,
  { watchers: count, ms }: Extract<Workload, { kind: 'create-to-last' }>,
): Promise<Result> {
  const watchers = await Watchers.open(target, count, 0);
  try {
    const next = newPods('last');
    const latencies: number[] = [];
    await withConnections(target, 1, async ([connection]) => {
      const endMs = performance.now() + ms;
      while (connection !== undefined && performance.now() < endMs) {
        const request = next();
        const sentMs = performance.now();
        const answered = mustSucceed(connection, request);
        await watchers.allSaw(next.count());
        latencies.push(performance.now() - sentMs);
        await answered;
        await wait(PAUSE_MS);
      }
    });
    return { ...resultOf(latencies, ms), requests: latencies.length };
  } finally {
    watchers.close();
  }
}

/** Every client sends its next request when its last one was answered, until the time is over. */
async function loop(
  connections: readonly HttpConnection[],
  ms: number,
  next: () => Buffer,
): Promise<Result> {
  const startMs = performance.now();
  const countFromMs = startMs + ms / 10;
  const endMs = startMs + ms;
  const latencies: number[] = [];
  let lastMs = endMs;
  let requests = 0;
  await Promise.all(
    connections.map(async (connection) => {
      for (;;) {
        const sentMs = performance.now();
        if (sentMs >= endMs) return;
        await mustSucceed(connection, next());
        requests += 1;
        if (sentMs < countFromMs) continue;
        lastMs = performance.now();
        latencies.push(lastMs - sentMs);
      }
    }),
  );
  // The last answers come after the end: they are counted, and so is the time that they took.
  return { ...resultOf(latencies, Math.max(lastMs, endMs) - countFromMs), requests };
}

function resultOf(latencies: readonly number[], ms: number): Omit<Result, 'requests'> {
  return {
    perSecond: (latencies.length * 1000) / ms,
    medianMs: median(latencies),
    p99Ms: percentile(latencies, 99),
  };
}

async function mustSucceed(connection: HttpConnection, request: Buffer): Promise<void> {
  const { status } = await connection.request(request);
  if (status >= 300) throw new Error(`the server answered ${status}`);
}

/** A request for a pod of a new name at each call. */
function newPods(prefix: string): (() => Buffer) & { count(): number } {
  const stamp = Date.now().toString(36);
  let count = 0;
  const next = () => {
    count += 1;
    return requestBytes('POST', podsPath('bench'), podText('bench', `${prefix}-${stamp}-${count}`));
  };
  return Object.assign(next, { count: () => count });
}

async function withConnections<T>(
  target: Target,
  count: number,
  body: (connections: readonly HttpConnection[]) => Promise<T>,
): Promise<T> {
  const connections: HttpConnection[] = [];
  try {
    for (let i = 0; i < count; i += 1) connections.push(await HttpConnection.connect(target));
    return await body(connections);
  } finally {
    for (const connection of connections) connection.close();
  }
}
