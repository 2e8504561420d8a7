// A client that floods the server waits for itself; the others are served in their turn.
import { getEventListeners } from 'node:events';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '#src/client/clock.ts';
import { FairQueue, type FairRequest, TooManyRequests } from '#src/fairness/fair-queue.ts';
import { classify, type FlowAttributes, LEVELS, widthOf } from '#src/fairness/levels.ts';

const NEVER = new AbortController().signal;
const queueOf = (seats: number, clock = new FakeClock()) =>
  new FairQueue({ seats, flowLengthMax: 100, waitMsMax: 15_000, clock });
const of = (flow: string, change: Partial<FairRequest> = {}): FairRequest => ({
  level: LEVELS.globalDefault,
  flow,
  width: 1,
  ...change,
});

/** Asks for seats, and notes in `order` when they are given. */
function ask(queue: FairQueue, request: FairRequest, order: string[], signal = NEVER) {
  return queue.acquire(request, signal).then((release) => {
    order.push(request.flow);
    return release;
  });
}

/** Lets every request that is served go at once, until nobody waits. */
async function drain(first: readonly Promise<() => void>[]): Promise<void> {
  for (const granted of first) (await granted)();
}

test('one more flow is served after one request of the flood, not after all of them', async () => {
  const queue = queueOf(1);
  const order: string[] = [];
  const flood = Array.from({ length: 50 }, () => ask(queue, of('flood'), order));
  const other = ask(queue, of('other'), order);
  await drain([...flood.slice(0, 1), other, ...flood.slice(1)]);
  expect(order.indexOf('other')).toBe(1);
  expect([queue.inUse, queue.waiting]).toEqual([0, 0]);
});

test('two floods take turns', async () => {
  const queue = queueOf(1);
  const order: string[] = [];
  const holding = await queue.acquire(of('first'), NEVER);
  const asked = ['a', 'b'].flatMap((flow) =>
    Array.from({ length: 5 }, async () => (await ask(queue, of(flow), order))()),
  );
  holding();
  await Promise.all(asked);
  expect(order.join('')).toBe('ababababab');
});

test('a flow that was away does not get the turns that it did not take', async () => {
  const queue = queueOf(1);
  const order: string[] = [];
  const early = Array.from({ length: 20 }, async () => (await ask(queue, of('busy'), order))());
  await Promise.all(early);
  const holding = await queue.acquire(of('first'), NEVER);
  order.length = 0;
  const asked = ['busy', 'back'].flatMap((flow) =>
    Array.from({ length: 4 }, async () => (await ask(queue, of(flow), order))()),
  );
  holding();
  await Promise.all(asked);
  expect(order.slice(0, 4).filter((flow) => flow === 'back')).toHaveLength(2);
});

test('levels share by their weights when both have a flood, and one alone may have all', async () => {
  const queue = queueOf(14);
  const shares = new Map<string, number>();
  const { nodeHigh, system } = LEVELS;
  const wanted = Array.from({ length: 40 }, () => [nodeHigh, system]).flat();
  const alone = await Promise.all(
    Array.from({ length: 14 }, () => queue.acquire(of('alone', { level: system }), NEVER)),
  );
  expect(queue.inUse).toBe(14);
  const asked = wanted.map((level) =>
    queue.acquire(of('x', { level }), NEVER).then(() => {
      shares.set(level.name, (shares.get(level.name) ?? 0) + 1);
    }),
  );
  for (const release of alone) release();
  await Promise.all(asked.slice(0, 8));
  expect(Object.fromEntries(shares)).toEqual({ 'node-high': 8, system: 6 });
});

test('a wide request waits for so many seats, is not overtaken for ever, and runs alone if it is wider than all', async () => {
  const queue = queueOf(4);
  const order: string[] = [];
  const narrow = await Promise.all([1, 2, 3].map(() => queue.acquire(of('n'), NEVER)));
  const wide = ask(queue, of('wide', { width: 4 }), order);
  const after = ask(queue, of('after'), order);
  expect(queue.inUse).toBe(3);
  for (const release of narrow) release();
  (await wide)();
  (await after)();
  expect(order).toEqual(['wide', 'after']);
  const huge = await queue.acquire(of('huge', { width: 10 }), NEVER);
  expect(queue.inUse).toBe(10);
  huge();
  expect(queue.inUse).toBe(0);
});

test('who waits too long, or in a line that is too long, is told to come again', async () => {
  const clock = new FakeClock();
  const queue = queueOf(1, clock);
  const release = await queue.acquire(of('a'), NEVER);
  const waiting = Array.from({ length: 100 }, () => queue.acquire(of('a'), NEVER));
  const results = Promise.allSettled(waiting);
  await expect(queue.acquire(of('a'), NEVER)).rejects.toEqual(new TooManyRequests('queue-full'));
  clock.advance(15_000);
  const reasons = (await results).map(
    (result) => result.status === 'rejected' && result.reason.reason,
  );
  expect(new Set(reasons)).toEqual(new Set(['time-out']));
  expect([queue.inUse, queue.waiting, clock.pendingTimers]).toEqual([1, 0, 0]);
  release();
  release();
  expect(queue.inUse).toBe(0);
});

test('who hangs up leaves the line, and who stood behind moves up', async () => {
  const queue = queueOf(2);
  const order: string[] = [];
  const release = await queue.acquire(of('a'), NEVER);
  const hangUp = new AbortController();
  const gone = ask(queue, of('gone', { width: 2 }), order, hangUp.signal);
  const behind = ask(queue, of('behind'), order);
  hangUp.abort(new Error('hung up'));
  await expect(gone).rejects.toThrow('hung up');
  (await behind)();
  release();
  await expect(queue.acquire(of('late'), hangUp.signal)).resolves.toBeTypeOf('function');
});

test('who is served, or is refused at once, leaves no timer and no listener behind', async () => {
  const clock = new FakeClock();
  const queue = queueOf(1, clock);
  const { signal } = new AbortController();
  const release = await queue.acquire(of('a'), NEVER);
  const waiting = queue.acquire(of('b'), signal);
  expect([clock.pendingTimers, getEventListeners(signal, 'abort').length]).toEqual([1, 1]);
  release();
  (await waiting)();
  expect([clock.pendingTimers, getEventListeners(signal, 'abort').length]).toEqual([0, 0]);
  await queue.acquire(of('a'), NEVER);
  const gone = queue.acquire(of('gone'), AbortSignal.abort(new Error('hung up before')));
  expect([queue.waiting, clock.pendingTimers]).toEqual([0, 0]);
  await expect(gone).rejects.toThrow('hung up before');
  expect(new TooManyRequests('time-out').message).toBe(
    'Too many requests, please try again later.',
  );
});

test('levels and flows in which nobody waits hold up nobody, whatever they have', async () => {
  const queue = queueOf(4);
  const { nodeHigh, system } = LEVELS;
  const at = (level: FairRequest['level'], flow: string) =>
    queue.acquire(of(flow, { level }), NEVER);
  (await at(nodeHigh, 'idle'))();
  await at(nodeHigh, 'busy');
  await at(system, 'first');
  const mine = [await at(system, 'second'), await at(system, 'second')];
  const third = at(system, 'second');
  expect(queue.waiting).toBe(1);
  mine[0]?.();
  expect([queue.waiting, queue.inUse]).toEqual([0, 4]);
  await third;
});

test('of two levels that have nothing the one that came first is served first', async () => {
  const queue = queueOf(1);
  const order: string[] = [];
  const { nodeHigh, system, globalDefault } = LEVELS;
  const holding = await queue.acquire(of('h', { level: globalDefault }), NEVER);
  const asked = [system, nodeHigh].map((level) =>
    ask(queue, of(level.name, { level }), order).then((release) => release()),
  );
  holding();
  await Promise.all(asked);
  expect(order).toEqual([system.name, nodeHigh.name]);
});

test.each([
  { name: 'still has seats is remembered: others are first', releases: 1, want: ['b', 'a'] },
  { name: 'has none any more is as good as new', releases: 2, want: ['a', 'b'] },
])('a flow that took much and $name', async ({ releases, want }) => {
  const queue = queueOf(6);
  const order: string[] = [];
  const taken = [
    await queue.acquire(of('a', { width: 1 }), NEVER),
    await queue.acquire(of('a', { width: 5 }), NEVER),
  ];
  for (const release of taken.slice(0, releases)) release();
  const holding = await queue.acquire(of('h', { width: releases === 1 ? 1 : 6 }), NEVER);
  const asked = ['a', 'b'].map((flow) => ask(queue, of(flow), order).then((release) => release()));
  expect(queue.waiting).toBe(2);
  holding();
  await Promise.all(asked);
  expect(order).toEqual(want);
});

const ADA: FlowAttributes = {
  user: { name: 'ada', groups: ['system:authenticated'] },
  verb: 'get',
  namespace: 'default',
  apiGroup: '',
  resource: 'pods',
  subresource: '',
  isResourceRequest: true,
  path: '/api/v1/namespaces/default/pods/web',
  userAgent: 'kubectl/v1.33.1',
};
const userOf = (name: string, ...groups: string[]) => ({ user: { name, groups } });
const node = userOf('system:node:n1', 'system:nodes');

describe('classify', () => {
  test.each<[string, Partial<FlowAttributes>, string | undefined, string?]>([
    ['anybody', {}, 'global-default', 'ada'],
    ['health', { isResourceRequest: false, path: '/readyz/ping' }, undefined],
    [
      'a path that only begins so',
      { isResourceRequest: false, path: '/readyzzz' },
      'global-default',
    ],
    ['a node', node, 'system', 'system:node:n1'],
    ['its heartbeat', { ...node, resource: 'leases' }, 'node-high', 'system:node:n1'],
    ['its status', { ...node, resource: 'nodes', subresource: 'status' }, 'node-high'],
    ['the scheduler', userOf('system:kube-scheduler'), 'workload-high'],
    ['its election', { ...userOf('system:kube-scheduler'), resource: 'leases' }, 'leader-election'],
    [
      'a controller',
      userOf('system:serviceaccount:kube-system:job', 'system:serviceaccounts:kube-system'),
      'workload-high',
    ],
    [
      'a program in a pod',
      userOf('system:serviceaccount:default:app', 'system:serviceaccounts'),
      'workload-low',
      'system:serviceaccount:default:app',
    ],
    ['an administrator', userOf('root', 'system:masters'), 'system', 'root kubectl/v1.33.1'],
    ['nobody', userOf('system:anonymous', 'system:unauthenticated'), 'catch-all', ''],
  ])('%s', (_name, change, level, flow) => {
    const found = classify({ ...ADA, ...change });
    expect(found?.level.name).toBe(level);
    if (flow !== undefined) expect(found?.flow).toBe(flow);
  });
});

test.each([
  ['get', 5000, 1],
  ['create', 5000, 1],
  ['list', 0, 1],
  ['list', 100, 1],
  ['list', 101, 2],
  ['list', 9700, 10],
  ['watch', 350, 4],
  ['deletecollection', 1000, 10],
])('a %s of %i objects takes %i seats', (verb, objects, seats) => {
  expect(widthOf({ ...ADA, verb }, objects)).toBe(seats);
});
