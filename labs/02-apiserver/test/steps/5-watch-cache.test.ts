// Step 5, the watch cache: one watch on the store, and everybody who subscribes hears every change once, in order, or is told why not.
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import { ObjectFilter, type SelectorOptions } from '#src/registry/object-filter.ts';
import type { CacheEvent } from '#src/registry/watch-cache.ts';
import { CachedStore, Hearer, lineOf, refusalOf } from './support/cached-store.ts';
import { expectLines } from './support/lines.ts';
import { randomOf } from './support/random.ts';
import { WIDGETS } from './support/widgets.ts';

const SEED = Number(process.env.SEED ?? 1);

/** A watcher as a client is: a copy of what matches, kept true by what it is told. It complains of what makes no sense. */
class Copy {
  readonly filter: ObjectFilter;
  readonly objects = new Map<string, string>();
  /** The last revision that it heard of: from there it goes on when it comes back. */
  revision = 0;
  isEnded = false;
  events = 0;
  #unsubscribe: () => void = () => undefined;

  constructor(selectors: SelectorOptions) {
    this.filter = new ObjectFilter(WIDGETS, selectors);
  }

  list({ cache }: CachedStore): void {
    this.leave();
    this.objects.clear();
    for (const stored of cache.list().filter((one) => this.filter.matches(one))) {
      this.objects.set(stored.key, lineOf(stored));
    }
    this.revision = cache.revision;
  }

  /** False when it has to list again. */
  follow({ cache }: CachedStore): boolean {
    try {
      this.#unsubscribe = cache.subscribe(this.revision, this, this.filter.interest);
    } catch (error) {
      if (!ApiError.is(error, 'Expired')) throw error;
      return false;
    }
    this.isEnded = false;
    return true;
  }

  leave(): void {
    this.#unsubscribe();
  }

  onEnd(): void {
    this.isEnded = true;
  }

  onEvent(event: CacheEvent): void {
    const { revision, key } = event.current;
    if (this.isEnded) throw new Error(`${revision} was told after the end`);
    if (revision < this.revision) throw new Error(`${revision} was told after ${this.revision}`);
    const change = this.filter.changeOf(event);
    this.events += 1;
    this.revision = revision;
    if (change === undefined) return;
    const isKnown = this.objects.has(key);
    if (isKnown === (change.type === 'ADDED')) {
      throw new Error(`${change.type} at ${revision}, but ${key} is ${isKnown ? '' : 'not '}there`);
    }
    if (change.type === 'DELETED') this.objects.delete(key);
    else this.objects.set(key, lineOf(change.stored));
  }

  get lines(): string[] {
    return [...this.objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line);
  }
}

lesson(
  'The cache begins with a list, and is then as far as that list',
  {
    invariant: 1,
    byHand: 'kubectl get pods -v 8 2>&1 | grep -o \'"resourceVersion":"[0-9]*"\' | head -1',
    symbols: ['src/registry/watch-cache.ts#WatchCache.#relist'],
  },
  async ({ event }) => {
    await using shop = await CachedStore.open();
    event('three widgets in the store; the cache starts');
    await shop.write('b=red', 'a=blue', 'shop/c=red');
    let woken = false;
    const reader = shop.cache.ready().then(() => {
      woken = true;
    });
    await shop.start();
    expect(woken ? 'who waited for the list was woken' : 'nobody was woken').toBe(
      'who waited for the list was woken',
    );
    await reader;
    expectLines(shop.cache.list().map(lineOf), ['a=blue', 'b=red', 'shop/c=red']);
    expect(`at revision ${shop.cache.revision}`).toBe('at revision 2');
    expect(`watches from ${shop.watches}`).toBe('watches from 3');
  },
);

lesson(
  'Every change in the store becomes an event, with the state before it, and the cache shows it',
  {
    invariant: 2,
    byHand:
      'kubectl get cm -w --output-watch-events & kubectl create cm a; kubectl label cm a x=y; kubectl delete cm a',
    symbols: [
      'src/registry/watch-cache.ts#WatchCache.#apply',
      'src/registry/watch-cache.ts#WatchCache.subscribe',
    ],
  },
  async ({ event }) => {
    await using shop = await CachedStore.open();
    await shop.write('a=red');
    await shop.start();
    const hearer = new Hearer();
    shop.cache.subscribe(shop.cache.revision, hearer);
    /** What somebody finds who looks into the cache while he is told of revision 4. */
    const found: string[] = [];
    const onEvent = ({ current: { key, revision } }: CacheEvent) => {
      const inside = shop.cache.get(key);
      if (revision !== 4 || inside === undefined) return;
      found.push(`${lineOf(inside)}, and the cache is at revision ${shop.cache.revision}`);
    };
    shop.cache.subscribe(shop.cache.revision, { onEvent, onEnd: () => undefined });
    event('make b; change a and b in one revision; delete a; make a again');
    await shop.write('b=red');
    await shop.write('b=blue', 'a=blue');
    await shop.write('-a');
    await shop.write('a=green');
    await shop.settled();
    expectLines(hearer.lines, [
      'ADDED b=red at 3',
      'MODIFIED b=blue at 4, was b=red at 3',
      'MODIFIED a=blue at 4, was a=red at 2',
      'DELETED a=blue at 5, was a=blue at 4',
      'ADDED a=green at 6',
    ]);
    expectLines(shop.cache.list().map(lineOf), ['a=green', 'b=blue']);
    expect(`at revision ${shop.cache.revision}`).toBe('at revision 6');
    event('a subscriber finds what he is told in the cache, which has not finished the revision');
    expectLines(found, [
      'b=blue, and the cache is at revision 3',
      'a=blue, and the cache is at revision 3',
    ]);
  },
);

lesson(
  'A long list is read in pages, all of one revision: what happens between two pages comes as an event',
  {
    invariant: 1,
    byHand: `kubectl get --raw '/api/v1/pods?limit=1'   # the next page, by its "continue", is of the same resourceVersion`,
    symbols: ['src/registry/watch-cache.ts#WatchCache.#relist'],
  },
  async ({ event, figure }) => {
    await using shop = await CachedStore.open();
    const names = Array.from({ length: 2300 }, (_, i) => `w${10_000 + i}`);
    for (let i = 0; i < names.length; i += 100) {
      await shop.write(...names.slice(i, i + 100).map((name) => `${name}=red`));
    }
    const start = (await shop.store.range({ key: 'x' })).revision;
    let pages = 0;
    shop.beforePage = async (page) => {
      pages = page;
      if (page !== 2) return;
      event('before page 2: delete the first and the last widget, and make one before and behind');
      await shop.write(`-${names[0]}`, `-${names.at(-1)}`, 'a=blue', 'z=blue');
    };
    event('2,300 widgets; the cache starts');
    await shop.start();
    const [inCache, inStore] = [shop.cache.list().map(lineOf), await shop.inStore()];
    const onlyIn = (place: string, one: readonly string[], other: readonly string[]) =>
      one.filter((line) => !other.includes(line)).map((line) => `only in the ${place}: ${line}`);
    expectLines([...onlyIn('store', inStore, inCache), ...onlyIn('cache', inCache, inStore)], []);
    expect(`${shop.cache.size} objects`).toBe('2300 objects');
    event('who comes from the revision of the list hears what happened since');
    const hearer = new Hearer();
    shop.cache.subscribe(start, hearer);
    expectLines(hearer.lines, [
      `DELETED ${names[0]}=red at ${start + 1}, was ${names[0]}=red at 2`,
      `DELETED ${names.at(-1)}=red at ${start + 1}, was ${names.at(-1)}=red at ${start}`,
      `ADDED a=blue at ${start + 1}`,
      `ADDED z=blue at ${start + 1}`,
    ]);
    figure('pages', pages);
  },
);

lesson(
  'However many subscribe, the store sees one watch, and each of them hears everything once',
  {
    invariant: 3,
    byHand:
      'for i in 1 2 3; do kubectl get cm -w & done; kubectl create cm a   # heard three times',
    symbols: ['src/registry/watch-cache.ts#WatchCache.subscribe'],
  },
  async ({ event, figure }) => {
    await using shop = await CachedStore.open();
    await shop.start();
    event('200 subscribers; one leaves; two changes; 100 more leave; one change');
    const hearers = Array.from({ length: 200 }, () => new Hearer());
    const leave = hearers.map((one) => shop.cache.subscribe(shop.cache.revision, one));
    leave[0]?.();
    await shop.write('a=red');
    await shop.write('a=blue');
    await shop.settled();
    for (const one of leave.slice(0, 101)) one();
    await shop.write('-a');
    await shop.settled();
    const counts = hearers.map(({ lines }) => lines.length);
    expect(counts.join(' ')).toBe([0, ...Array(100).fill(2), ...Array(99).fill(3)].join(' '));
    expect(`${shop.watches.length} watch`).toBe('1 watch');
    event('one who is interested in a namespace only');
    const narrow = new Hearer();
    const prefix = `${WIDGETS.storagePrefix}shop/`;
    shop.cache.subscribe(shop.cache.revision, narrow, { kind: 'prefix', prefix });
    await shop.write('a=red', 'shop/b=red');
    await shop.settled();
    expectLines(narrow.lines, ['ADDED shop/b=red at 5']);
    figure(
      'deliveries',
      counts.reduce((sum, count) => sum + count, 0),
    );
  },
);

lesson(
  'Who comes from the past hears what he missed, then what happens: no gap, and nothing twice',
  {
    invariant: 2,
    byHand:
      "kubectl get --raw '/api/v1/configmaps?watch=1&resourceVersion=VERSION&timeoutSeconds=3'",
    symbols: ['src/registry/watch-cache.ts#WatchCache.subscribe'],
  },
  async ({ event }) => {
    await using shop = await CachedStore.open();
    await shop.start();
    for (const color of ['red', 'blue', 'green']) await shop.write(`a=${color}`, `b=${color}`);
    await shop.settled();
    const from = (revision: number) => {
      event(`subscribe from ${revision}, at revision ${shop.cache.revision}`);
      const hearer = new Hearer();
      shop.cache.subscribe(revision, hearer);
      return hearer;
    };
    const revisions = ({ lines }: Hearer) =>
      lines.map((line) => /at (\d+)/.exec(line)?.[1]).join(' ');
    const [past, now, future] = [from(2), from(4), from(5)];
    expect(revisions(past)).toBe('3 3 4 4');
    await shop.write('a=red', 'b=red');
    await shop.write('a=blue');
    await shop.settled();
    expect(revisions(past)).toBe('3 3 4 4 5 5 6');
    expect(revisions(now)).toBe('5 5 6');
    expect(revisions(future)).toBe('6');
  },
);

lesson(
  'The ring keeps the last thousand events at least; who needs older ones is told so, and not given a part',
  {
    invariant: 4,
    byHand:
      "kubectl get --raw '/api/v1/configmaps?watch=1&resourceVersion=1&timeoutSeconds=1'   # after a restart of the server: too old",
    symbols: [
      'src/registry/watch-cache.ts#WatchCache.#remember',
      'src/registry/watch-cache.ts#WatchCache.subscribe',
    ],
  },
  async ({ event, figure }) => {
    await using shop = await CachedStore.open();
    const first = await shop.write('a=0', 'b=0');
    await shop.start();
    event('who comes from before the first list');
    expect(refusalOf(() => shop.cache.subscribe(first - 1, new Hearer()))).toBe(
      `Expired: too old resource version: ${first - 1} (${first})`,
    );
    event('1,000 revisions with two events each: all of them are in the ring');
    for (let i = 1; i <= 1000; i++) await shop.write(`a=${i}`, `b=${i}`);
    await shop.settled();
    const all = new Hearer();
    shop.cache.subscribe(first, all);
    expect(`${all.lines.length} events`).toBe('2000 events');
    event(
      'one revision more: the 1,001 oldest events go, and with the last of them half of a revision',
    );
    await shop.write('a=last', 'b=last');
    await shop.settled();
    const start = first + 501;
    for (const revision of [first, start - 1]) {
      expect(refusalOf(() => shop.cache.subscribe(revision, new Hearer()))).toBe(
        `Expired: too old resource version: ${revision} (${start})`,
      );
    }
    const recent = new Hearer();
    shop.cache.subscribe(start, recent);
    expect(recent.lines[0]).toBe(`MODIFIED a=502 at ${start + 1}, was a=501 at ${start}`);
    expect(recent.lines.at(-1)).toBe(
      `MODIFIED b=last at ${first + 1001}, was b=1000 at ${first + 1000}`,
    );
    expect(`${recent.lines.length} events`).toBe('1000 events');
    event('500 revisions more: now whole revisions go, and who comes from the last of them may');
    for (let i = 1; i <= 500; i++) await shop.write(`a=${i}`, `b=${i}`);
    await shop.settled();
    const rest = new Hearer();
    shop.cache.subscribe(first + 1001, rest);
    expect(`${rest.lines.length} events`).toBe('1000 events');
    figure('events', 3002);
  },
);

lesson(
  'When the connection to the store breaks the cache goes on where it was, and nobody notices',
  {
    invariant: 2,
    byHand: 'kubectl get cm -w   # and restart the etcd behind the server',
    symbols: ['src/registry/watch-cache.ts#WatchCache.#apply'],
  },
  async ({ event }) => {
    await using shop = await CachedStore.open();
    await shop.write('a=red');
    await shop.start();
    const hearer = new Hearer();
    shop.cache.subscribe(shop.cache.revision, hearer);
    await shop.write('a=blue');
    await shop.settled();
    event('the connection breaks; a is changed, b made; half a second later it is back');
    shop.cut();
    await shop.write('a=green');
    await shop.write('b=red');
    await shop.retry();
    await shop.settled();
    expectLines(hearer.lines, [
      'MODIFIED a=blue at 3, was a=red at 2',
      'MODIFIED a=green at 4, was a=blue at 3',
      'ADDED b=red at 5',
    ]);
    expect(`watches from ${shop.watches.join(', ')}`).toBe('watches from 3, 4');
  },
);

lesson(
  'When the store has forgotten what comes next the cache has a gap: everybody is told the end, and it lists again',
  {
    invariant: 4,
    byHand: 'kubectl get cm -w   # it ends when its watch does; a controller would list again',
    symbols: [
      'src/registry/watch-cache.ts#WatchCache.#lose',
      'src/registry/watch-cache.ts#WatchCache.#relist',
      'src/registry/watch-cache.ts#WatchCache.subscribe',
    ],
  },
  async ({ event }) => {
    await using shop = await CachedStore.open();
    await shop.write('a=red', 'b=red');
    await shop.start();
    const before = shop.cache.revision;
    const hearers = [new Hearer(), new Hearer()];
    const leave = hearers.map((one) => shop.cache.subscribe(before, one));
    const refusals: string[] = [];
    const onEnd = () => {
      refusals.push(refusalOf(() => shop.cache.subscribe(before, new Hearer())));
    };
    shop.cache.subscribe(before, { onEvent: () => undefined, onEnd });
    event('the connection breaks; a is deleted, b changed, c made; the store is compacted');
    shop.cut();
    await shop.write('-a', 'b=blue');
    const late = await shop.write('c=red');
    await shop.store.compact(late);
    await shop.retry();
    expect(hearers.map(({ lines }) => lines.join(', ')).join(' | ')).toBe('the end | the end');
    expect(shop.cache.isReady ? 'ready' : 'not ready').toBe('not ready');
    event('now nobody can subscribe, from wherever, before there is a new list; not even in onEnd');
    expect(refusals.join(', ')).toContain('Expired: ');
    expect(refusalOf(() => shop.cache.subscribe(before, new Hearer()))).toContain('Expired: ');
    expect(refusalOf(() => shop.cache.subscribe(late, new Hearer()))).toContain('Expired: ');
    await shop.retry();
    await shop.settled();
    expectLines(shop.cache.list().map(lineOf), ['b=blue', 'c=red']);
    event('who was ended hears nothing more; who comes from before the new list has to list, too');
    const next = new Hearer();
    shop.cache.subscribe(late, next);
    await shop.write('c=blue');
    await shop.settled();
    expectLines(next.lines, ['MODIFIED c=blue at 5, was c=red at 4']);
    expect(hearers.map(({ lines }) => lines.join(', ')).join(' | ')).toBe('the end | the end');
    for (const one of leave) one();
    expect(refusalOf(() => shop.cache.subscribe(before, new Hearer()))).toBe(
      `Expired: too old resource version: ${before} (${late})`,
    );
  },
);

lesson(
  'The cache knows how far it is, also by changes of other resources, and never goes back',
  {
    invariant: 1,
    byHand: `kubectl get --raw '/api/v1/configmaps?watch=1&allowWatchBookmarks=true&timeoutSeconds=2' | tail -1`,
    symbols: ['src/registry/watch-cache.ts#WatchCache.#apply'],
  },
  async ({ event }) => {
    await using shop = await CachedStore.open();
    await shop.start();
    await shop.write('a=red');
    await shop.settled();
    const { revision } = await shop.store.put({
      key: '/registry/other/x',
      value: Buffer.from('1'),
    });
    event(`something else is written, at revision ${revision}; a reader wants to see that far`);
    expect(await shop.cache.reach(revision, 1000)).toBe(true);
    expect(`at revision ${shop.cache.revision}`).toBe(`at revision ${revision}`);
    event('the connection breaks, and the store that answers then is behind');
    shop.greeting = [{ events: [], revision: revision - 1 }];
    shop.cut();
    await shop.retry();
    expect(`at revision ${shop.cache.revision}`).toBe(`at revision ${revision}`);
    event('a reader who waits when the cache loses track is not left waiting');
    let answer: boolean | undefined;
    void shop.cache.reach(revision + 9, 60_000).then((isThere) => {
      answer = isThere;
    });
    shop.cut();
    await shop.write('a=blue');
    await shop.store.compact(await shop.write('a=green'));
    await shop.retry();
    await shop.until(
      () => answer !== undefined,
      () => 'the reader hears that it is not to be had',
    );
    expect(answer).toBe(false);
  },
);

lesson(
  'When the cache stops, because its resource is no longer served, everybody is told',
  {
    invariant: 4,
    byHand: 'kubectl get lamps -w & kubectl delete crd lamps.example.com   # the watch ends',
    symbols: ['src/registry/watch-cache.ts#WatchCache.#lose'],
  },
  async ({ event }) => {
    await using shop = await CachedStore.open();
    await shop.start();
    const hearer = new Hearer();
    shop.cache.subscribe(shop.cache.revision, hearer);
    await shop.write('a=red');
    await shop.settled();
    event('the cache is stopped');
    await shop.stop();
    expectLines(hearer.lines, ['ADDED a=red at 2', 'the end']);
    expect(refusalOf(() => shop.cache.subscribe(2, new Hearer()))).toContain('Expired: ');
  },
);

lesson(
  'Through 1,500 random changes, cuts and compactions, the copies of 12 watchers stay true',
  {
    invariant: 2,
    byHand: 'kubectl get pods -l app=web -w',
    symbols: [
      'src/registry/watch-cache.ts#WatchCache.#apply',
      'src/registry/watch-cache.ts#WatchCache.subscribe',
    ],
  },
  async ({ event, figure }) => {
    event(`seed ${SEED}`);
    const random = randomOf(SEED);
    const pick = <T>(list: readonly T[]): T => list[random(list.length)] as T;
    await using shop = await CachedStore.open();
    await shop.start();
    const selectors: SelectorOptions[] = [
      {},
      { fieldSelector: 'spec.color=red' },
      { namespace: 'shop' },
      { namespace: 'shop', fieldSelector: 'spec.color=red' },
      { namespace: 'default', fieldSelector: 'metadata.name=a' },
      { fieldSelector: 'spec.color!=blue' },
    ];
    const copies = Array.from({ length: 12 }, (_, i) => new Copy(selectors[i % 6] ?? {}));
    let lists = 0;
    const join = (copy: Copy) => {
      if (copy.follow(shop)) return;
      lists += 1;
      copy.list(shop);
      if (!copy.follow(shop)) throw new Error('a watch from the revision of the list was refused');
    };
    for (const copy of copies) join(copy);
    const keys = ['a', 'b', 'c', 'shop/a', 'shop/b'];
    const change = () => {
      const key = pick(keys);
      return random(4) === 0 ? `-${key}` : `${key}=${pick(['red', 'blue', 'green'])}`;
    };
    for (let move = 0; move < 1500; move++) {
      const [first, second] = [change(), change()];
      const isOneKey = first.replace(/^-|=.*/g, '') === second.replace(/^-|=.*/g, '');
      const written = await shop.write(...(isOneKey ? [first] : [first, second]));
      if (random(4) === 0) await shop.settled();
      if (random(6) === 0) {
        const copy = pick(copies);
        copy.leave();
        if (random(2) === 0) await shop.settled();
        join(copy);
      }
      if (random(60) > 0) continue;
      event(`the connection breaks at revision ${written}`);
      shop.cut();
      await shop.write('a=red');
      const late = await shop.write('a=blue');
      if (random(2) === 0) {
        event(`and the store is compacted to ${late}`);
        await shop.store.compact(late);
        await shop.retry();
      }
      await shop.retry();
      await shop.settled();
      for (const copy of copies) if (copy.isEnded) join(copy);
    }
    await shop.write('a=red');
    await shop.settled();
    for (const [i, copy] of copies.entries()) {
      event(`the copy of watcher ${i}, ${JSON.stringify(selectors[i % 6])}`);
      if (copy.isEnded) join(copy);
      expectLines(copy.lines, await shop.inStore(copy.filter));
    }
    figure(
      'deliveries',
      copies.reduce((sum, { events }) => sum + events, 0),
    );
    figure('lists', lists);
  },
);
