// Replay: does again what the entries of a snapshot and of a log say was done, in their order.
//
// A snapshot begins with what a compaction left: its versions are collected first, and put into the empty state together.
// From the first commit on there is no difference between a snapshot and a log.
// Invariant: revisions have no gaps. An entry that does not follow the one before it is damage.
// Upstream: etcd, server/storage/mvcc/kvstore.go (restore).

import type { Change } from './change.ts';
import type { SnapshotEntry } from './entry.ts';
import type { Entry } from './journal.ts';
import { type KeyValue, StoreError } from './kv.ts';
import type { LeaseBook } from './lease.ts';
import type { Meta } from './meta.ts';
import type { Mvcc } from './mvcc.ts';

export interface State {
  readonly mvcc: Mvcc;
  readonly leases: LeaseBook;
  readonly meta?: Meta;
}

export class Replay {
  readonly #state: State;
  #snapshot: { compactRevision: number; last: readonly Change[]; versions: KeyValue[] } | undefined;
  isSnapshotComplete = false;

  constructor(state: State) {
    this.#state = state;
  }

  apply(entry: Entry | SnapshotEntry): void {
    const { mvcc, leases, meta } = this.#state;
    switch (entry.kind) {
      case 'snapshot':
        this.#snapshot = { ...entry, versions: [] };
        break;
      case 'version':
        this.#snapshot?.versions.push(entry.kv);
        break;
      case 'commit':
        this.#restoreVersions();
        this.#commit(entry.revision, entry.changes);
        break;
      case 'compact':
        if (entry.revision > mvcc.compactRevision) mvcc.compact(entry.revision);
        break;
      case 'lease-grant':
        leases.grant(entry.id, entry.ttlSeconds);
        break;
      case 'lease-revoke':
        leases.remove(entry.id);
        break;
      case 'meta':
        meta?.restore(entry.name, entry.value);
        break;
      case 'end':
        this.#restoreVersions();
        this.isSnapshotComplete = true;
        break;
      default:
        entry satisfies never;
    }
  }

  /** All versions of a snapshot come before its commits. */
  #restoreVersions(): void {
    if (this.#snapshot === undefined) return;
    const { compactRevision, last, versions } = this.#snapshot;
    this.#snapshot = undefined;
    this.#state.mvcc.restore(compactRevision, versions, last);
    const leased = versions.filter(({ lease }) => lease !== '0');
    this.#state.leases.follow(leased.map((kv) => ({ type: 'put', kv })));
  }

  #commit(revision: number, changes: readonly Change[]): void {
    const { mvcc, leases } = this.#state;
    if (revision !== mvcc.revision + 1) {
      throw new StoreError('corrupt', `revision ${revision} follows revision ${mvcc.revision}`);
    }
    for (const change of changes) mvcc.stage(change);
    leases.follow(mvcc.commit());
    mvcc.markDurable(revision);
  }
}
