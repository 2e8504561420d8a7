// Step 4, watch: every watcher hears every revision of its keys, in order, once, whole, or is told why not.
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import type { Change } from '#src/change.ts';
import { StoreError, type WatchBatch, type WatchRequest } from '#src/kv.ts';
import { Mvcc } from '#src/mvcc.ts';
import { openMemoryStore } from '#src/open-store.ts';
import { WatchHub } from '#src/watch-hub.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { bytes, eventLine, randomOf } from '../support/store-helpers.ts';
import { expectLines } from './support/lines.ts';
import { openSlowStore } from './support/slow-store.ts';

const SEED = Number(process.env.SEED ?? 1);
const PROGRESS_MS = 1000;
/** More than any test of this file waits for. */
const LINES_MAX = 500;

/** A state that says that it was compacted, as far as the test wants. */
class Compactable extends Mvcc {
  compactedAt = 0;
  override get compactRevision(): number {
    return this.compactedAt;
  }
}

/** A hub over a bare state; write() makes one durable revision and publishes it. */
function openHub(queueLengthMax = 1000) {
  const mvcc = new Compactable();
  const clock = new FakeClock();
  const hub = new WatchHub(mvcc, { clock, queueLengthMax, progressIntervalMs: PROGRESS_MS });
  const write = (...keys: string[]): void => {
    for (const name of keys) mvcc.stage(changeOf(name));
    const events = mvcc.commit();
    mvcc.markDurable(mvcc.revision);
    hub.publish(mvcc.revision, events);
  };
  return { mvcc, clock, hub, write };
}

/** 'a' or 'a=value' is a put, '-a' a delete. */
function changeOf(name: string): Change {
  if (name.startsWith('-')) return { type: 'delete', key: name.slice(1) };
  const [key = '', value = ''] = name.split('=');
  return { type: 'put', key, value: bytes(value), lease: '0' };
}

/** A batch as one line: 3: a= 2/3/2. */
const told = ({ revision, events }: WatchBatch): string =>
  `${revision}: ${events.map(eventLine).join(', ') || 'progress'}`;

/** Reads a watch by hand. It asks for the first batch at once, which registers the watch. */
class Reader {
  readonly #batches: AsyncIterator<WatchBatch>;
  /** A batch as a line, or how the watch ended; an error that is none of the store's is kept for who asks. */
  #next: Promise<string | Error>;

  constructor(watch: AsyncIterable<WatchBatch>) {
    this.#batches = watch[Symbol.asyncIterator]();
    this.#next = this.#read();
  }

  /** Waits for the next batch. */
  async next(): Promise<string> {
    const line = await this.#next;
    if (line instanceof Error) throw line;
    if (isBatch(line)) this.#next = this.#read();
    return line;
  }

  /** What comes without anything else happening. */
  async all(onBatch?: (line: string) => void): Promise<string[]> {
    const lines: string[] = [];
    while ((await Promise.race([this.#next, nothing()])) !== undefined) {
      const line = await this.next();
      lines.push(line);
      if (lines.length > LINES_MAX) throw new Error(`batches come without an end: ${line}`);
      if (!isBatch(line)) break;
      onBatch?.(line);
    }
    return lines;
  }

  #read(): Promise<string | Error> {
    return this.#batches.next().then(
      ({ done, value }) => (done ? 'the end' : told(value)),
      (error: Error) => (StoreError.is(error) ? error.code : error),
    );
  }
}

const isBatch = (line: string): boolean => /^\d/.test(line);

/** Undefined, after everything that can go on by itself went on. */
const nothing = () => new Promise<undefined>((resolve) => setImmediate(() => resolve(undefined)));

lesson(
  'A watcher hears of the keys that it asked for, and of no others',
  {
    invariant: 1,
    byHand: 'etcdctl watch b & etcdctl watch b d & for k in a b c d bb; do etcdctl put $k 1; done',
    symbols: [
      'src/watch-hub.ts#batchFor',
      'src/watch-hub.ts#WatchHub.publish',
      'src/watch-hub.ts#WatchHub.#enqueue',
      'src/watch-hub.ts#WatchHub.#next',
      'src/watch-hub.ts#WatchHub.#take',
    ],
  },
  async ({ event, signal }) => {
    const { hub, write } = openHub();
    event('watch the key b, and the range b to d');
    const one = new Reader(hub.watch({ key: 'b' }, signal));
    const range = new Reader(hub.watch({ key: 'b', rangeEnd: 'd' }, signal));
    event('put a, b, c, d, bb');
    for (const key of ['a', 'b', 'c', 'd', 'bb']) write(key);
    expectLines(await one.all(), ['3: b= 3/3/1']);
    expectLines(await range.all(), ['3: b= 3/3/1', '4: c= 4/4/1', '6: bb= 6/6/1']);
  },
);

lesson(
  'A revision is heard as a whole, in one batch; with what was there before, if the watcher asked for it',
  {
    invariant: 3,
    byHand:
      "etcdctl watch --prefix '' --prev-kv -w json & printf '\\nput a 1\\nput b 1\\n\\n\\n' | etcdctl txn",
    symbols: ['src/watch-hub.ts#batchFor'],
  },
  async ({ event, signal }) => {
    const { hub, write } = openHub();
    const all = { key: 'a', rangeEnd: 'z' };
    const plain = new Reader(hub.watch(all, signal));
    const withPast = new Reader(hub.watch({ ...all, prevKv: true }, signal));
    event('put b=1, a=1 in one revision; put a=2, delete b, put c in the next');
    write('b=1', 'a=1');
    write('a=2', '-b', 'c');
    expectLines(await plain.all(), [
      '2: b=1 2/2/1, a=1 2/2/1',
      '3: a=2 2/3/2, b deleted at 3, c= 3/3/1',
    ]);
    expectLines(await withPast.all(), [
      '2: b=1 2/2/1, a=1 2/2/1',
      '3: a=2 2/3/2 was a=1 2/2/1, b deleted at 3 was b=1 2/2/1, c= 3/3/1',
    ]);
  },
);

lesson(
  'A filter leaves out puts or deletes, and a revision of which nothing is left is not heard at all',
  {
    invariant: 1,
    byHand: `node -e "new (require('etcd3').Etcd3)().watch().prefix('').only('delete').create().then((w) => w.on('delete', ({ key }) => console.log(String(key))))"`,
    symbols: ['src/watch-hub.ts#batchFor'],
  },
  async ({ event, signal }) => {
    const { hub, write } = openHub();
    const all = { key: 'a', rangeEnd: 'z' };
    const deletes = new Reader(hub.watch({ ...all, noPut: true }, signal));
    const puts = new Reader(hub.watch({ ...all, noDelete: true }, signal));
    event('put a; put b and delete a; delete b');
    write('a');
    write('b', '-a');
    write('-b');
    expectLines(await deletes.all(), ['3: a deleted at 3', '4: b deleted at 4']);
    expectLines(await puts.all(), ['2: a= 2/2/1', '3: b= 3/3/1']);
  },
);

lesson(
  'From now on means from the next durable revision, and nothing slips by while nobody reads',
  {
    invariant: 2,
    byHand: 'etcdctl watch a & sleep 1; etcdctl put a 1; etcdctl put a 2',
    symbols: ['src/watch-hub.ts#WatchHub.#register', 'src/watch-hub.ts#WatchHub.#next'],
  },
  async ({ event, signal }) => {
    await using slow = openSlowStore();
    const { store, journal } = slow;
    await slow.settled(store.put({ key: 'a', value: bytes('before') }));
    event(
      'put a=on-the-way; the disk has not answered; now a watch without a start revision begins',
    );
    const write = store.put({ key: 'a', value: bytes('on-the-way') });
    const reader = new Reader(store.watch({ key: 'a' }, signal));
    expectLines(await reader.all(), []);
    event('the disk answers; put a=1, a=2, a=3 while nobody reads');
    journal.settle();
    await write;
    for (const text of ['1', '2', '3']) {
      await slow.settled(store.put({ key: 'a', value: bytes(text) }));
    }
    expectLines(await reader.all(), [
      '3: a=on-the-way 2/3/2',
      '4: a=1 2/4/3',
      '5: a=2 2/5/4',
      '6: a=3 2/6/5',
    ]);
  },
);

lesson(
  'A watch that starts in the past hears the past, then the present: no gap between them, and nothing twice',
  {
    invariant: 2,
    byHand:
      'etcdctl put a 1; etcdctl put a 2; etcdctl watch a --rev=2   # then put more in another terminal',
    symbols: ['src/watch-hub.ts#WatchHub.#catchUp', 'src/watch-hub.ts#WatchHub.#take'],
  },
  async ({ event, figure, signal }) => {
    const { hub, write } = openHub();
    for (let i = 0; i < 10; i++) write(i % 2 === 0 ? 'a' : 'b');
    event(
      'watch a from revision 4 of 11; put a five more times while it catches up, and again later',
    );
    const reader = new Reader(hub.watch({ key: 'a', startRevision: 4 }, signal));
    const onBatch = (line: string) => {
      event(`heard ${line}`);
      if (/^(6|15):/.test(line)) for (let i = 0; i < 5; i++) write('a');
    };
    const heard = await reader.all(onBatch);
    event('put a three times now that it has heard everything');
    for (let i = 0; i < 3; i++) write('a');
    heard.push(...(await reader.all()));
    const revisions = heard.map((line) => line.split(':')[0]).join(' ');
    expect(revisions).toBe('4 6 8 10 12 13 14 15 16 17 18 19 20 21 22 23 24');
    figure('batches', heard.length);
  },
);

lesson(
  'A watch may start at a revision that is still to come, and then hears nothing that comes before it',
  {
    invariant: 2,
    byHand: 'etcdctl watch a --rev=REVISION+2 & etcdctl put a 1; etcdctl put a 2',
    symbols: ['src/watch-hub.ts#WatchHub.#register', 'src/watch-hub.ts#WatchHub.publish'],
  },
  async ({ event, signal }) => {
    const { hub, write } = openHub();
    write('a');
    event('at revision 2, watch from 5; then write revisions 3 to 6');
    const reader = new Reader(hub.watch({ key: 'a', startRevision: 5 }, signal));
    for (let i = 0; i < 4; i++) write('a');
    expectLines(await reader.all(), ['5: a= 2/5/4', '6: a= 2/6/5']);
    event('watch from 1: the first revision that anything can have is 2');
    const first = new Reader(hub.watch({ key: 'a', startRevision: 1 }, signal));
    expect(await first.next()).toBe('2: a= 2/2/1');
    event('watch from 0, which is none: it begins with the next revision, 7');
    const now = new Reader(hub.watch({ key: 'a', startRevision: 0 }, signal));
    write('a');
    expect(await now.next()).toBe('7: a= 2/7/6');
    event('watch from -1, which is older than all history');
    expect(await new Reader(hub.watch({ key: 'a', startRevision: -1 }, signal)).next()).toBe(
      'compacted',
    );
  },
);

lesson(
  'Every watcher has its own place: one that reads takes nothing away from another',
  {
    invariant: 4,
    byHand: 'etcdctl watch a & etcdctl watch a & etcdctl put a 1   # heard twice',
    symbols: ['src/watch-hub.ts#WatchHub.publish', 'src/watch-hub.ts#WatchHub.#enqueue'],
  },
  async ({ event, figure, signal }) => {
    event(`20 watchers that read when it pleases them, seed ${SEED}; 200 revisions`);
    const random = randomOf(SEED);
    const { hub, write } = openHub(8);
    const heard: string[][] = [];
    const readers = Array.from({ length: 20 }, (_, i) => {
      heard.push([]);
      const key = i % 2 === 0 ? 'a' : 'b';
      const request: WatchRequest = i < 10 ? { key } : { key, rangeEnd: `${key}\0` };
      return new Reader(hub.watch(request, signal));
    });
    const want: Record<string, string[]> = { a: [], b: [] };
    for (let revision = 2; revision < 202; revision++) {
      const key = random(2) === 0 ? 'a' : 'b';
      write(`${key}=${revision}`);
      want[key]?.push(`${revision}`);
      const reader = random(readers.length);
      if (random(3) === 0) heard[reader]?.push(...((await readers[reader]?.all()) ?? []));
    }
    let batches = 0;
    for (const [i, reader] of readers.entries()) {
      const all = [...(heard[i] ?? []), ...(await reader.all())];
      batches += all.length;
      const revisions = all.map((line) => line.split(':')[0]).join(' ');
      expect(`watcher ${i}: ${revisions}`).toBe(
        `watcher ${i}: ${want[i % 2 === 0 ? 'a' : 'b']?.join(' ')}`,
      );
    }
    figure('batches', batches);
  },
);

lesson(
  'A watcher that does not read costs no memory: its full queue is thrown away, and it catches up later',
  {
    invariant: 5,
    byHand:
      'etcdctl watch --prefix "" > /dev/null & kill -STOP $!; etcdctl check perf; kill -CONT %1',
    symbols: ['src/watch-hub.ts#WatchHub.#enqueue', 'src/watch-hub.ts#WatchHub.#catchUp'],
  },
  async ({ event, signal }) => {
    const { hub, mvcc, write } = openHub(3);
    event('two watchers with room for 3 revisions each; 10 revisions, and only one of them reads');
    const slow = new Reader(hub.watch({ key: 'a' }, signal));
    const quick = new Reader(hub.watch({ key: 'a' }, signal));
    const heard: string[] = [];
    for (let i = 0; i < 10; i++) {
      write('a');
      heard.push(...(await quick.all()));
    }
    const all = Array.from({ length: 10 }, (_, i) => `${i + 2}: a= 2/${i + 2}/${i + 1}`);
    expectLines(heard, all);
    event('the slow one reads: everything is still there, in the history');
    expectLines(await slow.all(), all);
    event(
      'one more, which goes to the reader that waits; 4 that nobody reads; then a compaction beyond them',
    );
    write('a');
    await nothing();
    for (let i = 0; i < 4; i++) write('a');
    mvcc.compactedAt = 16;
    expectLines(await slow.all(), ['12: a= 2/12/11', 'compacted']);
  },
);

lesson(
  'A watcher with room for 3 revisions that are waiting loses none of them to a compaction',
  {
    invariant: 5,
    byHand: 'etcdctl watch a & etcdctl put a 1; etcdctl compaction REVISION   # the watch goes on',
    symbols: ['src/watch-hub.ts#WatchHub.#enqueue', 'src/watch-hub.ts#WatchHub.#take'],
  },
  async ({ event, signal }) => {
    const { hub, mvcc, write } = openHub(3);
    const reader = new Reader(hub.watch({ key: 'a' }, signal));
    event(
      'one revision goes to the reader that waits, 3 wait for it; then everything is compacted',
    );
    write('a');
    await nothing();
    for (let i = 0; i < 3; i++) write('a');
    mvcc.compactedAt = 5;
    expectLines(await reader.all(), ['2: a= 2/2/1', '3: a= 2/3/2', '4: a= 2/4/3', '5: a= 2/5/4']);
    event('one that is live, and has nothing to read, is not disturbed either');
    write('b');
    mvcc.compactedAt = 6;
    write('a');
    expectLines(await reader.all(), ['7: a= 2/7/5']);
  },
);

lesson(
  'Who asks for history that was compacted is told so, at the start or on the way',
  {
    invariant: 5,
    byHand:
      'etcdctl compaction REVISION; etcdctl watch a --rev=2   # required revision has been compacted',
    symbols: ['src/watch-hub.ts#WatchHub.#register', 'src/watch-hub.ts#WatchHub.#catchUp'],
  },
  async ({ event, signal }) => {
    const { hub, mvcc, write } = openHub();
    for (let i = 0; i < 8; i++) write('a');
    mvcc.compactedAt = 5;
    event('compacted at 5: watch from 4, and from 5');
    expect(await new Reader(hub.watch({ key: 'a', startRevision: 4 }, signal)).next()).toBe(
      'compacted',
    );
    const onTime = new Reader(hub.watch({ key: 'a', startRevision: 5 }, signal));
    expect(await onTime.next()).toBe('5: a= 2/5/4');
    event('the watch from 5 has one more when 8 is compacted');
    await nothing();
    mvcc.compactedAt = 8;
    expectLines(await onTime.all(), ['6: a= 2/6/5', 'compacted']);
  },
);

lesson(
  'A watch ends when it is aborted, also while it waits, and with an error when the store closes',
  {
    invariant: 6,
    byHand: 'etcdctl watch a   # Ctrl-C ends it; stopping the server ends it with an error',
    symbols: ['src/watch-hub.ts#WatchHub.#next', 'src/watch-hub.ts#WatchHub.#register'],
  },
  async ({ event, signal }) => {
    const store = await openMemoryStore();
    const stop = new AbortController();
    const aborted = new Reader(store.watch({ key: 'a' }, stop.signal));
    const closed = new Reader(store.watch({ key: 'a' }, signal));
    event('abort a watch that waits');
    stop.abort();
    expect(await aborted.next()).toBe('the end');
    event('watch with a signal that is aborted already');
    expect(await new Reader(store.watch({ key: 'a' }, stop.signal)).next()).toBe('the end');
    event('watch without a key');
    expect(await new Reader(store.watch({ key: '' }, signal)).next()).toBe('invalid');
    event('close the store while a watch waits, and watch a store that is closed');
    await store[Symbol.asyncDispose]();
    expect(await closed.next()).toBe('unavailable');
    expect(await new Reader(store.watch({ key: 'a' }, signal)).next()).toBe('unavailable');
  },
);

lesson(
  'Progress tells a watcher that wants it how far it is, after an interval in which it got nothing, and only then',
  {
    invariant: 7,
    byHand: 'etcdctl watch -i   # then: watch a, and: progress',
    symbols: [
      'src/watch-hub.ts#WatchHub.#reportProgress',
      'src/watch-hub.ts#WatchHub.#next',
      'src/watch-hub.ts#WatchHub.#take',
      'src/watch-hub.ts#WatchHub.#register',
    ],
  },
  async ({ event, signal }) => {
    const { hub, clock, write } = openHub();
    const watch = hub.watch({ key: 'a', progressNotify: true }, signal);
    const reader = new Reader(watch);
    const silent = new Reader(hub.watch({ key: 'a' }, signal));
    event(`put b, and ${PROGRESS_MS} ms of quiet`);
    write('b');
    await clock.advance(PROGRESS_MS);
    expectLines(await reader.all(), ['2: progress']);
    event('put a; half the interval later put a again, and the rest of the interval');
    write('a');
    expectLines(await reader.all(), ['3: a= 3/3/1']);
    await clock.advance(PROGRESS_MS / 2);
    write('a');
    expectLines(await reader.all(), ['4: a= 3/4/2']);
    await clock.advance(PROGRESS_MS / 2);
    expectLines(await reader.all(), []);
    event('put b, and the whole interval once more');
    write('b');
    await clock.advance(PROGRESS_MS);
    expectLines(await reader.all(), ['5: progress']);
    event(
      'two revisions that nobody reads for the whole interval: the reader has to take them first',
    );
    write('a');
    write('a');
    await clock.advance(PROGRESS_MS);
    expectLines(await reader.all(), ['6: a= 3/6/3', '7: a= 3/7/4']);
    event('a watch from revision 20, which is far away, and the whole interval');
    const early = hub.watch({ key: 'a', startRevision: 20, progressNotify: true }, signal);
    const earlyReader = new Reader(early);
    await clock.advance(2 * PROGRESS_MS);
    expectLines(await earlyReader.all(), []);
    event('a watch that begins half an interval before the timer rings, then a whole interval');
    await clock.advance(PROGRESS_MS / 2);
    const young = new Reader(hub.watch({ key: 'c', progressNotify: true }, signal));
    await clock.advance(PROGRESS_MS / 2);
    expectLines(await young.all(), []);
    await clock.advance(PROGRESS_MS);
    expectLines(await young.all(), ['7: progress']);
    event('a watcher that did not ask for progress');
    const revisions = (await silent.all()).map((line) => line.split(':')[0]).join(' ');
    expect(revisions).toBe('3 4 6 7');
  },
);

lesson(
  'Progress never comes ahead of an event: neither of one in the queue nor of one in the history',
  {
    invariant: 7,
    byHand: 'etcdctl watch -i   # then: watch a --rev=2, and: progress',
    symbols: ['src/watch-hub.ts#WatchHub.#take', 'src/watch-hub.ts#WatchHub.#catchUp'],
  },
  async ({ event, signal }) => {
    const { hub, write } = openHub();
    const watch = hub.watch({ key: 'a' }, signal);
    const reader = new Reader(watch);
    event('put a twice and b; ask for progress, twice, before anybody reads');
    for (const key of ['a', 'a', 'b']) write(key);
    watch.requestProgress();
    watch.requestProgress();
    expectLines(await reader.all(), ['2: a= 2/2/1', '3: a= 2/3/2', '4: progress']);
    event('watch a from revision 2, and ask for progress while it catches up');
    const late = hub.watch({ key: 'a', startRevision: 2 }, signal);
    const lateReader = new Reader(late);
    late.requestProgress();
    expectLines(await lateReader.all(), ['2: a= 2/2/1', '3: a= 2/3/2', '4: progress']);
  },
);
