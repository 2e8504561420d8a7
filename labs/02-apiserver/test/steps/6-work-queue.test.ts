// Step 6, keys, never events: a queue that works on no key twice at once, forgets no change, and is patient with failures.
import { lesson } from '@kube-labs/docs/lesson';
import type { LogFields, Logger } from '@kube-labs/store';
import { expect } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import { FakeClock } from '#src/client/clock.ts';
import { WorkQueue } from '#src/client/work-queue.ts';
import { expectLines } from './support/lines.ts';
import { randomOf } from './support/random.ts';

const SEED = Number(process.env.SEED ?? 1);
/** More than any test of this file takes out at once. */
const KEYS_MAX = 100;

/** A line for a shell that shows something on a queue `q` with the methods of the learner's own. */
const byHand = (code: string): string =>
  `npx tsx -e "import { WorkQueue } from './work/02-apiserver/src/client/work-queue.ts'; const q = new WorkQueue(); ${code}"`;

/** Everything that can go on by itself went on. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Takes what waits now, in the order in which it comes. Nobody is done with any of it. */
async function takeAll(queue: WorkQueue, signal: AbortSignal): Promise<string> {
  const keys: (string | undefined)[] = [];
  while (queue.length > 0) {
    keys.push(await queue.get(signal));
    if (keys.length > KEYS_MAX) throw new Error(`keys come without an end: ${keys.at(-1)}`);
  }
  return keys.join(' ') || 'nothing';
}

/** The milliseconds after which a key waits that is delayed now. It is taken, and done with. */
async function delayOf(queue: WorkQueue, clock: FakeClock, signal: AbortSignal): Promise<number> {
  const from = clock.now();
  while (queue.length === 0 && clock.now() - from < 1000) clock.advance(1);
  if (queue.length === 0) throw new Error('nothing came back within 1000 ms');
  queue.done((await queue.get(signal)) ?? '');
  return clock.now() - from;
}

/** Keeps what was logged as lines. */
function listTo(lines: string[]): Logger {
  const write =
    (severity: string) =>
    (text: string, fields: LogFields = {}) => {
      const { queue = 'no name', key, err } = fields;
      const why = err instanceof Error ? err.message : err;
      lines.push(`${severity}: ${text}: ${key} in ${queue}, ${why}`);
    };
  const log: Logger = {
    error: write('error'),
    warn: write('warn'),
    info: write('info'),
    debug: write('debug'),
    child: () => log,
  };
  return log;
}

lesson(
  'A key waits once, however often it is added',
  {
    invariant: 1,
    byHand: byHand("q.add('a'); q.add('b'); q.add('a'); console.log(q.length)"),
    symbols: ['src/client/work-queue.ts#WorkQueue.add'],
  },
  ({ event }) => {
    const queue = new WorkQueue();
    event('add a, b, a, a');
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    expect(`${queue.length} wait`).toBe('2 wait');
    queue.assertConsistent();
  },
);

lesson(
  'Keys are handed out in the order in which they began to wait, and what was handed out waits no more',
  {
    invariant: 1,
    byHand: byHand(
      "q.add('b'); q.add('a'); q.get(AbortSignal.timeout(9)).then((k) => console.log(k, q.length))",
    ),
    symbols: ['src/client/work-queue.ts#WorkQueue.get'],
  },
  async ({ event, signal }) => {
    const queue = new WorkQueue();
    event('add b, a, b, c; get three times');
    for (const key of ['b', 'a', 'b', 'c']) queue.add(key);
    expect(await queue.get(signal)).toBe('b');
    expect(`${queue.length} wait`).toBe('2 wait');
    queue.assertConsistent();
    expect(await takeAll(queue, signal)).toBe('a c');
    queue.assertConsistent();
  },
);

lesson(
  'A key that is added while somebody works on it waits again when he is done: not before, and not never',
  {
    invariant: 2,
    byHand: byHand(
      "q.add('a'); q.get(AbortSignal.timeout(9)).then(() => { q.add('a'); console.log(q.length); q.done('a'); console.log(q.length) })",
    ),
    symbols: ['src/client/work-queue.ts#WorkQueue.add', 'src/client/work-queue.ts#WorkQueue.done'],
  },
  async ({ event, signal }) => {
    const queue = new WorkQueue();
    event('add a and get it; add a twice more, and b, while a is in work');
    queue.add('a');
    await queue.get(signal);
    for (const key of ['a', 'b', 'a']) queue.add(key);
    queue.assertConsistent();
    expect(await takeAll(queue, signal)).toBe('b');
    event('done with a, which changed meanwhile');
    queue.done('a');
    queue.assertConsistent();
    expect(await takeAll(queue, signal)).toBe('a');
    event('done with both, which did not change meanwhile');
    queue.done('a');
    queue.done('b');
    queue.assertConsistent();
    expect(await takeAll(queue, signal)).toBe('nothing');
  },
);

lesson(
  'Who finds nothing waits, and is woken for one key: by add, or by done for a key that changed in work',
  {
    invariant: 3,
    byHand: byHand("q.get(AbortSignal.timeout(9999)).then(console.log); q.add('a')"),
    symbols: [
      'src/client/work-queue.ts#WorkQueue.get',
      'src/client/work-queue.ts#WorkQueue.add',
      'src/client/work-queue.ts#WorkQueue.done',
    ],
  },
  async ({ event, signal }) => {
    const queue = new WorkQueue();
    event('two get() of an empty queue; add a, b');
    const both = [queue.get(signal), queue.get(signal)];
    queue.add('a');
    queue.add('b');
    expect((await Promise.all(both)).join(' ')).toBe('a b');
    event('another get() is woken for c, but somebody takes c in the same turn: it waits on');
    const late = queue.get(signal);
    queue.add('c');
    expect(await queue.get(signal)).toBe('c');
    await settled();
    queue.add('d');
    expect(await late).toBe('d');
    event('another get(); add a, which is in work; done with a');
    let third: string | undefined = 'nobody';
    const waiting = queue.get(signal).then((key) => {
      third = key;
    });
    queue.add('a');
    await settled();
    expect(third).toBe('nobody');
    queue.done('a');
    await waiting;
    expect(third).toBe('a');
  },
);

lesson(
  'A get() whose signal aborts ends with undefined, and a key that was meant for it goes to the next',
  {
    invariant: 3,
    byHand: byHand('q.get(AbortSignal.timeout(100)).then(console.log); setTimeout(() => {}, 200)'),
    symbols: ['src/client/work-queue.ts#WorkQueue.get'],
  },
  async ({ event, signal }) => {
    const queue = new WorkQueue();
    const stop = new AbortController();
    event('two get() of an empty queue; add a, and in the same turn abort the first');
    const first = queue.get(stop.signal);
    const second = queue.get(signal);
    queue.add('a');
    stop.abort();
    expect(await first).toBe(undefined);
    expect(await second).toBe('a');
    event('add b; get() with a signal that has aborted takes nothing');
    queue.add('b');
    expect(await queue.get(stop.signal)).toBe(undefined);
    expect(await takeAll(queue, signal)).toBe('b');
  },
);

lesson(
  'Later means once, and of several times the earliest',
  {
    invariant: 4,
    byHand: byHand(
      "q.addAfter('a', 9000); q.addAfter('a', 100); q.get(AbortSignal.timeout(5000)).then(console.log)",
    ),
    symbols: ['src/client/work-queue.ts#WorkQueue.addAfter'],
  },
  async ({ event, signal }) => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    event('addAfter a: 100 ms, 50 ms, 200 ms');
    for (const delayMs of [100, 50, 200]) queue.addAfter('a', delayMs);
    clock.advance(49);
    expect(await takeAll(queue, signal)).toBe('nothing');
    clock.advance(1);
    expect(await takeAll(queue, signal)).toBe('a');
    event('a is done; nothing more of it after 200 ms');
    queue.done('a');
    clock.advance(200);
    expect(await takeAll(queue, signal)).toBe('nothing');
    event('addAfter a 0 ms, b -1 ms: that is now; c 10 ms');
    queue.addAfter('a', 0);
    queue.addAfter('b', -1);
    queue.addAfter('c', 10);
    expect(await takeAll(queue, signal)).toBe('a b');
    event('addAfter a 10 ms while a is in work; it falls due, then a is done');
    queue.addAfter('a', 10);
    clock.advance(10);
    expect(await takeAll(queue, signal)).toBe('c');
    queue.done('a');
    expect(await takeAll(queue, signal)).toBe('a');
    queue.assertConsistent();
    event('addAfter d 30 ms, and add d: once now, and once when it is due');
    queue.addAfter('d', 30);
    queue.add('d');
    expect(await takeAll(queue, signal)).toBe('d');
    queue.done('d');
    clock.advance(30);
    expect(await takeAll(queue, signal)).toBe('d');
  },
);

lesson(
  'A key that fails again and again comes back after 5, 10, 20, 40 … ms; forget() begins anew, for this key only',
  {
    invariant: 5,
    byHand: byHand(
      "for (let i = 0; i < 9; i++) q.addRateLimited('a'); console.log(q.numRequeues('a'))",
    ),
    symbols: ['src/client/work-queue.ts#WorkQueue.addRateLimited'],
  },
  async ({ event, signal }) => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock, maxDelayMs: 100 });
    const failing = async (key: string, times: number) => {
      const delays: number[] = [];
      for (let n = 0; n < times; n++) {
        queue.addRateLimited(key);
        delays.push(await delayOf(queue, clock, signal));
      }
      return delays.join(' ');
    };
    event('a fails seven times, the delay is 100 ms at most; then b once');
    expect(await failing('a', 7)).toBe('5 10 20 40 80 100 100');
    expect(await failing('b', 1)).toBe('5');
    expect(`${queue.numRequeues('a')} and ${queue.numRequeues('b')}`).toBe('7 and 1');
    event('forget a; both fail again');
    queue.forget('a');
    expect(await failing('a', 2)).toBe('5 10');
    expect(await failing('b', 1)).toBe('10');
    event('c fails 33 times, and once more: still 100 ms');
    for (let n = 0; n < 33; n++) queue.addRateLimited('c');
    await delayOf(queue, clock, signal);
    expect(await failing('c', 1)).toBe('100');
  },
);

lesson(
  'When very many keys fail at once, they come back as slowly as all keys together may',
  {
    invariant: 5,
    byHand: byHand(
      "for (let i = 0; i < 150; i++) q.addRateLimited('key' + i); setTimeout(() => { console.log(q.length); process.exit() }, 1000)",
    ),
    symbols: ['src/client/work-queue.ts#WorkQueue.addRateLimited'],
  },
  async ({ event, signal }) => {
    const clock = new FakeClock();
    const queue = new WorkQueue({
      clock,
      maxDelayMs: 50, // Of a key alone.
      overallLimit: { burst: 2, perSecond: 10 },
    });
    event('five keys fail at once; two at once and then 10 a second may come back');
    for (const key of ['a', 'b', 'c', 'd', 'e']) queue.addRateLimited(key);
    const back: string[] = [];
    for (let ms = 1; ms <= 400; ms++) {
      clock.advance(1);
      const keys = await takeAll(queue, signal);
      if (keys !== 'nothing') back.push(`${ms} ms: ${keys}`);
    }
    expect(back.join('\n')).toBe('5 ms: a b\n100 ms: c\n200 ms: d\n300 ms: e');
  },
);

lesson(
  'Work that fails is tried again, later each time; work that succeeds forgets the failures before it',
  {
    invariant: 6,
    byHand: byHand(
      "q.add('a'); q.run({ workers: 1, log: console }, async () => { throw new Error('no disk') }, AbortSignal.timeout(500))",
    ),
    symbols: ['src/client/work-queue.ts#WorkQueue.#process'],
  },
  async ({ event, signal }) => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    const stop = new AbortController();
    const [worked, logged]: [string[], string[]] = [[], []];
    const startMs = clock.now();
    const failures = [new Error('no disk'), new ApiError('Conflict', 'stale'), undefined];
    failures.push(new Error('no disk'), undefined);
    event('a: fails, meets a conflict, succeeds; is added again at 15 ms: fails, succeeds');
    const running = queue.run(
      { workers: 1, log: listTo(logged) },
      () => {
        const failure = failures.shift();
        worked.push(`${clock.now() - startMs} ms: ${failure?.message ?? 'fine'}`);
        if (failure !== undefined) throw failure; // At once: it need not even get to a promise.
        return Promise.resolve();
      },
      AbortSignal.any([signal, stop.signal]),
    );
    queue.add('a');
    for (let ms = 0; ms < 100; ms++) {
      await settled();
      if (ms === 15) queue.add('a');
      await settled();
      clock.advance(1);
    }
    stop.abort();
    await running;
    const want = ['0 ms: no disk', '5 ms: stale', '15 ms: fine', '15 ms: no disk', '20 ms: fine'];
    expect(worked.join('\n')).toBe(want.join('\n'));
    event('what was logged: a conflict only means that the copy was old, so it is a debug line');
    expectLines(logged, [
      'error: Reconcile failed, will try again: a in no name, no disk',
      'debug: Reconcile failed, will try again: a in no name, stale',
      'error: Reconcile failed, will try again: a in no name, no disk',
    ]);
    expect(`${queue.numRequeues('a')} failures`).toBe('0 failures');
    queue.assertConsistent();
  },
);

lesson(
  'A queue that is told to stop finishes what is in hand, and nothing comes back by itself',
  {
    invariant: 6,
    byHand: byHand(
      "q.add('a'); q.run({ workers: 1, log: console }, (_, s) => new Promise((_, no) => { s.onabort = no }), AbortSignal.timeout(500)).then(() => console.log('ended, and nothing logged')); setTimeout(() => {}, 1000)",
    ),
    symbols: ['src/client/work-queue.ts#WorkQueue.#process'],
  },
  async ({ event, signal }) => {
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock });
    const stop = new AbortController();
    const logged: string[] = [];
    event('one worker has a, b waits; the signal aborts, and a fails because of that');
    queue.add('a');
    queue.add('b');
    const worked: string[] = [];
    await queue.run(
      { workers: 1, log: listTo(logged) },
      async (key, its) => {
        worked.push(key);
        stop.abort();
        await settled();
        its.throwIfAborted();
      },
      AbortSignal.any([signal, stop.signal]),
    );
    expect(worked.join(' ')).toBe('a');
    expect(logged.join(' ') || 'nothing logged').toBe('nothing logged');
    expect(`${clock.pendingTimers} timers`).toBe('0 timers');
    event('a is not in work any more: who adds it gets it');
    queue.add('a');
    expect(await takeAll(queue, signal)).toBe('b a');
  },
);

lesson(
  'In 3,000 random moves no key is in two hands, and in the end the last change of every key was seen',
  {
    invariant: 2,
    byHand: byHand(
      "let n = 0; q.run({ workers: 4, log: console }, async () => { n++ }, AbortSignal.timeout(500)); for (let i = 0; i < 3000; i++) q.add('key' + (i % 13)); setTimeout(() => console.log(n), 400)",
    ),
    symbols: [
      'src/client/work-queue.ts#WorkQueue.add',
      'src/client/work-queue.ts#WorkQueue.get',
      'src/client/work-queue.ts#WorkQueue.done',
    ],
  },
  async ({ event, figure, signal }) => {
    event(`13 keys, 4 workers, seed ${SEED}`);
    const random = randomOf(SEED);
    const clock = new FakeClock();
    const queue = new WorkQueue({ clock, overallLimit: { burst: 10_000, perSecond: 1000 } });
    const changes = new Map<string, number>();
    const seen = new Map<string, number>();
    /** What each worker has in hand, and what it read when it took it. */
    const hands = new Map<string, number>();
    let pieces = 0;
    const take = async () => {
      const key = (await queue.get(signal)) ?? '';
      if (hands.has(key)) throw new Error(`${key} is in two hands`);
      hands.set(key, changes.get(key) ?? 0);
      pieces += 1;
    };
    const finish = (key: string, succeeds: boolean) => {
      if (succeeds) seen.set(key, hands.get(key) ?? 0);
      else queue.addRateLimited(key);
      if (succeeds) queue.forget(key);
      hands.delete(key);
      queue.done(key);
    };
    for (let move = 0; move < 3000; move++) {
      const key = `key-${random(13)}`;
      const held = [...hands.keys()];
      if (random(3) > 0) {
        changes.set(key, (changes.get(key) ?? 0) + 1);
        queue.add(key);
      } else if (hands.size < 4 && queue.length > 0) await take();
      else if (held.length > 0) finish(held[random(held.length)] ?? '', random(5) > 0);
      clock.advance(1);
      queue.assertConsistent();
    }
    event('no more changes; everything that is left is worked on');
    for (const key of [...hands.keys()]) finish(key, true);
    clock.advance(1_000_000);
    while (queue.length > 0) {
      await take();
      for (const key of [...hands.keys()]) finish(key, true);
    }
    const told = (map: Map<string, number>) => [...map].map((pair) => pair.join(': ')).sort();
    expect(told(seen).join('\n')).toBe(told(changes).join('\n'));
    figure(
      'changes',
      [...changes.values()].reduce((sum, count) => sum + count, 0),
    );
    figure('pieces of work', pieces);
  },
);
