// WatchGroup: the watchers, kept so that an event finds those it may concern without asking all of them.
//
// Thousands watch one key each: they are found by that key. The few that watch a range are asked one after another.
// Upstream: etcd, server/storage/mvcc/watcher_group.go; there an interval tree finds the ranges too.
import type { Key, StoreEvent, WatchRequest } from './kv.ts';

export class WatchGroup<W extends { readonly request: WatchRequest }> {
  readonly #ofKey = new Map<Key, Set<W>>();
  readonly #ofRange = new Set<W>();

  get isEmpty(): boolean {
    return this.#ofKey.size === 0 && this.#ofRange.size === 0;
  }

  add(watcher: W): void {
    const { key, rangeEnd } = watcher.request;
    if (rangeEnd) {
      this.#ofRange.add(watcher);
      return;
    }
    const others = this.#ofKey.get(key);
    if (others === undefined) this.#ofKey.set(key, new Set([watcher]));
    else others.add(watcher);
  }

  delete(watcher: W): void {
    const { key } = watcher.request;
    this.#ofRange.delete(watcher);
    const others = this.#ofKey.get(key);
    others?.delete(watcher);
    if (others?.size === 0) this.#ofKey.delete(key);
  }

  *all(): Generator<W> {
    yield* this.#ofRange;
    for (const watchers of this.#ofKey.values()) yield* watchers;
  }

  /** Each watcher that events of one revision may concern, once, with those that may. */
  *concernedBy(events: readonly StoreEvent[]): Generator<readonly [W, readonly StoreEvent[]]> {
    for (const watcher of this.#ofRange) yield [watcher, events];
    if (this.#ofKey.size === 0) return;
    for (const [key, ofKey] of groupByKey(events)) {
      for (const watcher of this.#ofKey.get(key) ?? []) yield [watcher, ofKey];
    }
  }
}

function groupByKey(events: readonly StoreEvent[]): ReadonlyMap<Key, readonly StoreEvent[]> {
  const groups = new Map<Key, StoreEvent[]>();
  for (const event of events) {
    const group = groups.get(event.kv.key);
    if (group === undefined) groups.set(event.kv.key, [event]);
    else group.push(event);
  }
  return groups;
}
