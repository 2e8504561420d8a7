// Step 7, a stream for every client: the state, then every change; and nobody is waited for. At the end kubectl reads the learner's server.
import { lesson } from '@kube-labs/docs/lesson';
import { expect, vi } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import { expectLines } from './support/lines.ts';
import { startOwnServer } from './support/own-server.ts';
import { randomOf } from './support/random.ts';
import {
  frames,
  openWatchBench,
  pass,
  settle,
  until,
  type WatchBench,
  Watcher,
} from './support/watcher.ts';

const SEED = Number(process.env.SEED ?? 1);
const KIB = 1024;
const MIB = 1024 * KIB;

const RAW = "kubectl get --raw '/api/v1/namespaces/default/configmaps?watch=1";

/** A state of so many widgets of 300 KiB, which is more than goes to a client at once. */
async function longState({ put, workshop }: WatchBench, count: number) {
  for (let i = 0; i < count; i += 1) await put(`w${10 + i}`, { size: 300 * KIB });
  return { initial: workshop.cache.list(), fromRevision: workshop.cache.revision };
}

lesson(
  'A watch from a version that the cache has forgotten is refused, before the answer has begun',
  {
    invariant: 1,
    byHand: `${RAW}&resourceVersion=1'   # when the server has been restarted: Expired`,
    symbols: ['src/server/watch-stream.ts#serveWatch'],
  },
  async ({ event }) => {
    await using bench = await openWatchBench();
    const watcher = new Watcher();
    event('serveWatch() from version 0; the cache knows what happened after version 1');
    const { end } = bench.serve(watcher, { fromRevision: 0 });
    expect(await end).toBe('Expired: too old resource version: 0 (1)');
    expect({ status: watcher.status, subscribed: bench.subscribed }).toEqual({
      status: 0,
      subscribed: 0,
    });
  },
);

lesson(
  'A watcher is told what concerns it: each change after its version once, in order',
  {
    invariant: 1,
    byHand: `${RAW}&resourceVersion=N&timeoutSeconds=60' & kubectl create configmap a; kubectl delete configmap a`,
    symbols: [
      'src/server/watch-stream.ts#serveWatch',
      'src/server/watch-stream.ts#WatchStream.#over',
      'src/server/watch-stream.ts#WatchStream.#tellInitial',
      'src/server/watch-stream.ts#WatchStream.#release',
      'src/server/watch-stream.ts#WatchStream.event',
      'src/server/watch-stream.ts#WatchStream.#write',
    ],
  },
  async ({ event }) => {
    await using bench = await openWatchBench();
    event('a is put, and two watches begin after that: of all widgets, and of the red ones');
    const fromRevision = await bench.put('a', { color: 'red' });
    event('b and c are put before the watches begin: they are in the ring of the cache');
    await bench.put('b', { color: 'blue' });
    await bench.put('c', { color: 'red' });
    const all = new Watcher();
    const red = new Watcher();
    bench.serve(all, { fromRevision });
    bench.serve(red, { fromRevision, selectors: { fieldSelector: 'spec.color=red' } });
    await settle();
    event('b and c come at one moment, so they leave together: one round of the flusher');
    expect(`${all.lines.length} frames, ${all.rounds} rounds`).toBe('2 frames, 1 rounds');
    event('a becomes blue, b becomes red, b is deleted');
    await bench.put('a', { color: 'blue' });
    await bench.put('b', { color: 'red' });
    await bench.remove('b');
    expect(all.status).toBe(200);
    expectLines(all.lines, [
      'ADDED b 3',
      'ADDED c 4',
      'MODIFIED a 5',
      'MODIFIED b 6',
      'DELETED b 7',
    ]);
    expectLines(red.lines, ['ADDED c 4', 'DELETED a 5', 'ADDED b 6', 'DELETED b 7']);
    event('which events the two asked the cache for: all, and those of a field');
    expectLines(bench.interests, ['all', 'field']);
  },
);

lesson(
  'The state comes first; what happens while it is on its way waits behind it',
  {
    invariant: 2,
    byHand: `${RAW}&timeoutSeconds=5'   # without a resourceVersion: first what is there, as ADDED`,
    symbols: [
      'src/server/watch-stream.ts#WatchStream.#tellInitial',
      'src/server/watch-stream.ts#WatchStream.event',
      'src/server/watch-stream.ts#WatchStream.#release',
    ],
  },
  async ({ event }) => {
    await using bench = await openWatchBench();
    const state = await longState(bench, 4);
    const watcher = new Watcher('stopped');
    event('a watch with a state of 4 objects of 300 KiB, of a client that does not read yet');
    bench.serve(watcher, state);
    await settle();
    event('w10 is changed, w11 is deleted, x is made; then the client reads');
    await bench.put('w10');
    await bench.remove('w11');
    await bench.put('x');
    watcher.read('at once');
    await settle();
    event('y is made, after all that');
    await bench.put('y');
    expectLines(watcher.lines, [
      ...['ADDED w10 2', 'ADDED w11 3', 'ADDED w12 4', 'ADDED w13 5'],
      ...['MODIFIED w10 6', 'DELETED w11 7', 'ADDED x 8', 'ADDED y 9'],
    ]);
  },
);

lesson(
  'Who asked for it is told where the state ends: by a bookmark with the version of the state',
  {
    invariant: 2,
    byHand: `${RAW}&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=5'`,
    symbols: ['src/server/watch-stream.ts#WatchStream.#tellInitial'],
  },
  async ({ event }) => {
    await using bench = await openWatchBench();
    await bench.put('a');
    const { cache } = bench.workshop;
    const state = { initial: cache.list(), fromRevision: cache.revision, marksInitialEnd: true };
    event('b is made after the state was taken, at version 2, and before the watch begins');
    await bench.put('b');
    const watcher = new Watcher();
    bench.serve(watcher, state);
    const empty = new Watcher();
    bench.serve(empty, { marksInitialEnd: true });
    await settle();
    await bench.put('c');
    const end = 'k8s.io/initial-events-end=true';
    expectLines(watcher.lines, ['ADDED a 2', `BOOKMARK 2 ${end}`, 'ADDED b 3', 'ADDED c 4']);
    event('and of a watch whose state is empty, at version 3');
    expectLines(empty.lines, [`BOOKMARK 3 ${end}`, 'ADDED c 4']);
  },
);

lesson(
  'A long state goes out as fast as the client takes it: half a megabyte waits for it, no more',
  {
    invariant: 3,
    byHand: 'kubectl get --raw "/api/v1/pods?watch=1&timeoutSeconds=20" | pv -qL 100k | wc -c',
    symbols: ['src/server/watch-stream.ts#WatchStream.#tellInitial'],
  },
  async ({ event, figure }) => {
    await using bench = await openWatchBench();
    const state = await longState(bench, 40);
    const watcher = new Watcher('stopped');
    event('a state of 40 objects, 12 MB; the client does not read');
    bench.serve(watcher, state);
    await settle();
    expect({ lines: watcher.lines.length, isCut: watcher.destroyed }).toEqual({
      lines: 0,
      isCut: false,
    });
    event('the client reads, one frame at a time');
    watcher.read('slowly');
    await until(() => watcher.lines.length >= 40);
    const want = Array.from({ length: 40 }, (_, i) => `ADDED w${10 + i} ${2 + i}`);
    expectLines(watcher.lines, want);
    // 512 KiB, and the frame that went beyond them.
    const mostKiB = Math.ceil(watcher.waitingBytesMax / KIB);
    expect({ waitingAtMost: mostKiB <= 812 ? '812 KiB' : `${mostKiB} KiB` }).toEqual({
      waitingAtMost: '812 KiB',
    });
    figure('objects', 40);
    figure('KiB that waited at most', mostKiB);
  },
);

lesson(
  'A client that reads too slowly is cut off when more than 8 MiB wait for it, and the others notice nothing',
  {
    invariant: 4,
    byHand: `${RAW}' > /dev/null & sleep 1; kill -STOP $!   # then write big config maps: the connection is reset`,
    symbols: [
      'src/server/watch-stream.ts#WatchStream.#write',
      'src/server/watch-stream.ts#WatchStream.event',
      'src/server/watch-stream.ts#serveWatch',
    ],
  },
  async ({ event }) => {
    await using bench = await openWatchBench();
    const { initial, fromRevision } = await longState(bench, 3);
    const good = new Watcher();
    const slow = new Watcher('stopped');
    const slowInState = new Watcher('stopped');
    event('three watches: one reads, one does not, one does not even read its state');
    const ends = [good, slow].map((watcher) => bench.serve(watcher, { fromRevision }));
    ends.push(bench.serve(slowInState, { initial, fromRevision }));
    await settle();
    const isCut = () => [good, slow, slowInState].map(({ destroyed }) => destroyed);
    event('8 changes of 1 MiB');
    for (let i = 0; i < 8; i += 1) await bench.put('big', { size: MIB });
    expect({ isCut: isCut() }).toEqual({ isCut: [false, false, false] });
    event('one more');
    await bench.put('big', { size: MIB });
    expect({ isCut: isCut() }).toEqual({ isCut: [false, true, true] });
    expect(await Promise.all(ends.slice(1).map(({ end }) => end))).toEqual([
      'it returned',
      'it returned',
    ]);
    expect(`${bench.subscribed} subscribed`).toBe('1 subscribed');
    expectLines(
      good.lines,
      Array.from({ length: 9 }, (_, i) => `${i === 0 ? 'ADDED' : 'MODIFIED'} big ${5 + i}`),
    );
  },
);

lesson(
  'A watch ends when its time is up, the client leaves, the server stops, or the cache is lost; and leaves nothing behind',
  {
    invariant: 5,
    byHand: `time ${RAW}&timeoutSeconds=3'`,
    symbols: [
      'src/server/watch-stream.ts#serveWatch',
      'src/server/watch-stream.ts#WatchStream.#over',
      'src/server/watch-stream.ts#WatchStream.#write',
    ],
  },
  async ({ event }) => {
    await using bench = await openWatchBench();
    const timers = vi.getTimerCount();
    const endings: Record<string, (watcher: Watcher, stop: () => void) => Promise<void>> = {
      'its time is up': () => pass(60_000),
      'the client leaves': async (watcher) => void watcher.destroy(),
      'the server stops': async (_, stop) => stop(),
      'the cache is lost': async () => bench.loseTrack(),
    };
    for (const [what, happen] of Object.entries(endings)) {
      const watcher = new Watcher();
      const { end, stop, listeners } = bench.serve(watcher, { timeoutMs: 60_000, bookmarks: true });
      await pass(20_000);
      expect(`${bench.subscribed} subscribed`).toBe('1 subscribed');
      event(what);
      await happen(watcher, stop);
      expect(`${what}: ${await end}`).toBe(`${what}: it returned`);
      await settle();
      const left = { subscribed: bench.subscribed, listeners: listeners() };
      expect({ what, ...left, timers: vi.getTimerCount() - timers }).toEqual({
        what,
        subscribed: 0,
        listeners: 0,
        timers: 0,
      });
      if (what === 'the cache is lost') expectLines(watcher.lines, ['ERROR Expired 410']);
      expect(`${what}: ${watcher.destroyed}`).toBe(`${what}: true`);
    }
    event('the cache is lost, and a change comes all the same, while a client does not read');
    const asleep = new Watcher('stopped');
    const { end: endOfSleep } = bench.serve(asleep);
    await settle();
    bench.loseTrack();
    await bench.put('x');
    asleep.read('at once');
    expect(await endOfSleep).toBe('it returned');
    expectLines(asleep.lines, ['ERROR Expired 410']);
    event('one whose state holds an object that cannot be written: the error is thrown on');
    const broken = new Watcher();
    const change = () => {
      throw new ApiError('InternalError', 'no frame');
    };
    const initial = bench.workshop.cache.list();
    const failed = bench.serve(broken, { initial, frames: { ...frames, change } });
    expect(await failed.end).toBe('InternalError: no frame');
    await settle();
    const left = { subscribed: bench.subscribed, timers: vi.getTimerCount() - timers };
    expect({ ...left, hasEnded: broken.destroyed }).toEqual({
      subscribed: 0,
      timers: 0,
      hasEnded: true,
    });
    event('and one whose server has stopped before it begins');
    const late = bench.serve(new Watcher(), { signal: AbortSignal.abort() });
    expect(await late.end).toBe('it returned');
    event('and one whose client has gone before it begins');
    const gone = new Watcher().destroy();
    await settle();
    const { end: endOfGone, listeners } = bench.serve(gone);
    expect(await endOfGone).toBe('it returned');
    expect(`${listeners()} listeners to the signal`).toBe('0 listeners to the signal');
  },
);

lesson(
  'An end in the middle of the state is the end: neither an event nor a bookmark comes behind half a state',
  {
    invariant: 5,
    byHand: 'kubectl get --raw "/api/v1/pods?watch=1&timeoutSeconds=1" | (sleep 3; tail -c 300)',
    symbols: [
      'src/server/watch-stream.ts#WatchStream.#over',
      'src/server/watch-stream.ts#WatchStream.#tellInitial',
    ],
  },
  async ({ event }) => {
    await using bench = await openWatchBench();
    const state = await longState(bench, 10);
    const endings: Record<string, (stop: () => void) => Promise<void>> = {
      'its time is up': () => pass(60_000),
      'the server stops': async (stop) => stop(),
      'the cache is lost': async () => bench.loseTrack(),
    };
    for (const [what, happen] of Object.entries(endings)) {
      // Of two objects both have been written when the end comes, and only the mark is missing.
      for (const count of [10, 2]) {
        const watcher = new Watcher('stopped');
        const initial = state.initial.slice(0, count);
        const marks = { marksInitialEnd: true, bookmarks: true };
        const { end, stop } = bench.serve(watcher, {
          ...state,
          ...marks,
          initial,
          timeoutMs: 50_000,
        });
        await settle();
        event(`while a state of ${count} objects is on its way, "late" is made; then ${what}`);
        await bench.put('late');
        await happen(stop);
        await settle();
        watcher.read('at once');
        expect(await end).toBe('it returned');
        await settle();
        const others = watcher.lines.filter((line) => !line.startsWith('ADDED w'));
        const want = what === 'the cache is lost' ? ['ERROR Expired 410'] : [];
        expectLines([what, ...others], [what, ...want]);
        const toldAll = watcher.lines.length >= 10;
        expect(`the whole state all the same: ${toldAll}`).toBe(
          'the whole state all the same: false',
        );
      }
    }
  },
);

lesson(
  'A bookmark every 30 seconds, and one at the end, keep the place of a client that hears of nothing',
  {
    invariant: 6,
    byHand: `${RAW}&allowWatchBookmarks=true&timeoutSeconds=65'   # and write secrets meanwhile`,
    symbols: ['src/server/watch-stream.ts#WatchStream.#bookmark'],
  },
  async ({ event }) => {
    await using bench = await openWatchBench();
    const selectors = { fieldSelector: 'spec.color=red' };
    const watcher = new Watcher();
    const without = new Watcher();
    event('two watches of red widgets for 70 seconds, one of them with bookmarks');
    const { end } = bench.serve(watcher, { selectors, bookmarks: true, timeoutMs: 70_000 });
    bench.serve(without, { selectors, timeoutMs: 70_000 });
    await bench.put('a', { color: 'blue' });
    await pass(29_000);
    expectLines(watcher.lines, []);
    event('after 31 seconds');
    await pass(2_000);
    expectLines(watcher.lines, ['BOOKMARK 2']);
    event('b is made, blue; c is made, red; after 62 seconds');
    await bench.put('b', { color: 'blue' });
    await bench.put('c', { color: 'red' });
    await pass(31_000);
    expectLines(watcher.lines, ['BOOKMARK 2', 'ADDED c 4', 'BOOKMARK 4']);
    event('d is made, blue; after 72 seconds the time is up');
    await bench.put('d', { color: 'blue' });
    await pass(10_000);
    await end;
    expectLines(watcher.lines, ['BOOKMARK 2', 'ADDED c 4', 'BOOKMARK 4', 'BOOKMARK 5']);
    expectLines(without.lines, ['ADDED c 4']);
  },
);

lesson(
  'A client that is ahead of this cache, by another server’s answer, is never sent back',
  {
    invariant: 6,
    byHand: `${RAW}&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersion=1000000'`,
    symbols: ['src/server/watch-stream.ts#WatchStream.#bookmark'],
  },
  async ({ event }) => {
    await using bench = await openWatchBench();
    await bench.put('a');
    const watcher = new Watcher();
    event('the cache is at version 2; a watch from version 4, with bookmarks');
    bench.serve(watcher, { fromRevision: 4, bookmarks: true });
    await pass(31_000);
    expectLines(watcher.lines, ['BOOKMARK 4']);
    event('versions 3, 4 and 5 happen');
    for (const name of ['b', 'c', 'd']) await bench.put(name);
    await pass(30_000);
    expectLines(watcher.lines, ['BOOKMARK 4', 'ADDED d 5', 'BOOKMARK 5']);
  },
);

lesson(
  'Twenty clients that read as they please all end with the state of the store',
  {
    invariant: 1,
    byHand: 'kubectl get configmaps -w & kubectl get configmaps -w -l app=x & # and write',
    symbols: [
      'src/server/watch-stream.ts#serveWatch',
      'src/server/watch-stream.ts#WatchStream.event',
      'src/server/watch-stream.ts#WatchStream.#tellInitial',
      'src/server/watch-stream.ts#WatchStream.#write',
    ],
  },
  async ({ event, figure }) => {
    event(`20 watchers that begin, read and stop at random, and 200 random changes; seed ${SEED}`);
    const random = randomOf(SEED);
    await using bench = await openWatchBench();
    const { cache } = bench.workshop;
    const selections = ['', 'spec.color=red', 'spec.color!=red'];
    const watchers: { watcher: Watcher; fieldSelector: string }[] = [];
    for (let i = 0; i < 200; i += 1) {
      const name = `w${random(8)}`;
      const color = random(2) === 0 ? 'red' : 'blue';
      if (random(4) === 0) await bench.remove(name);
      else await bench.put(name, { color, size: random(64 * KIB) + 1 });
      if (i % 10 === 5) {
        const fieldSelector = selections[random(3)] ?? '';
        const watcher = new Watcher();
        const initial = cache
          .list()
          .filter(({ object }) => concerns(fieldSelector, object as { spec?: { color?: string } }));
        bench.serve(watcher, { initial, selectors: { fieldSelector } });
        watchers.push({ watcher, fieldSelector });
      }
      const reading = (['at once', 'slowly', 'stopped'] as const)[random(3)];
      watchers[random(watchers.length + 1)]?.watcher.read(reading ?? 'at once');
    }
    for (const { watcher } of watchers) watcher.read('at once');
    await settle();
    for (const [i, { watcher, fieldSelector }] of watchers.entries()) {
      const want = cache
        .list()
        .filter(({ object }) => concerns(fieldSelector, object as { spec?: { color?: string } }))
        .map(({ object, revision }) => `${object.metadata.name} ${revision}`);
      const { known, problems } = believed(watcher.lines);
      expectLines(
        [`watcher ${i} of "${fieldSelector}"`, ...known, ...problems],
        [`watcher ${i} of "${fieldSelector}"`, ...want],
      );
    }
    figure('watchers', watchers.length);
    figure(
      'events',
      watchers.reduce((sum, { watcher }) => sum + watcher.lines.length, 0),
    );
  },
);

const concerns = (selector: string, { spec }: { spec?: { color?: string } }): boolean =>
  selector === '' || (spec?.color === 'red') === (selector === 'spec.color=red');

/** What a client believes after it heard all that, and what it should not have heard. */
function believed(lines: readonly string[]): { known: string[]; problems: string[] } {
  const objects = new Map<string, string>();
  const problems: string[] = [];
  for (const line of lines) {
    const [type, name = '', revision = ''] = line.split(' ');
    if ((type === 'ADDED') === objects.has(name)) problems.push(`${line}, which it did not expect`);
    if (type === 'DELETED') objects.delete(name);
    else objects.set(name, revision);
  }
  const known = [...objects].map(([name, revision]) => `${name} ${revision}`).sort();
  return { known, problems };
}

lesson(
  'Your own server, as a process: stock kubectl makes, changes, watches and deletes on it',
  {
    invariant: 1,
    byHand: 'kubectl get configmaps -w --output-watch-events',
    symbols: ['src/server/watch-stream.ts#serveWatch'],
    timeoutMs: 60_000,
  },
  async ({ event, figure, signal }) => {
    await using server = await startOwnServer(event, signal);
    const { kubectl } = server;
    expect(await kubectl('create namespace shop')).toBe('namespace/shop created');
    expect(await kubectl('create configmap -n shop a --from-literal=size=1')).toBe(
      'configmap/a created',
    );
    const format = '{.type} {.object.metadata.name} {.object.metadata.labels.color}{"\\n"}';
    const flags = ['-n', 'shop', '--field-selector=metadata.name!=kube-root-ca.crt'];
    const watched = server.follow(
      [
        'get',
        'configmaps',
        ...flags,
        '--watch',
        '--output-watch-events',
        '-o',
        `jsonpath=${format}`,
      ],
      signal,
    );
    await watched.until(1);
    for (const command of [
      'label configmap -n shop a color=red',
      'create configmap -n shop b',
      'delete configmap -n shop a',
    ]) {
      await kubectl(command);
    }
    await watched.until(4);
    expectLines(
      watched.lines.map((line) => line.trim()),
      ['ADDED a', 'MODIFIED a red', 'ADDED b', 'DELETED a red'],
    );
    event('kubectl wait, which is a watch too, until b is gone');
    const waited = kubectl('wait -n shop --for=delete configmap/b --timeout=20s');
    await kubectl('delete configmap -n shop b --wait=false');
    await waited;
    figure('events', watched.lines.length);
  },
);
