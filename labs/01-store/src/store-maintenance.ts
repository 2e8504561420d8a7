// StoreMaintenance: what a person asks of this store, each in a file of its own.
//
// Upstream: etcd, server/etcdserver/api/v3rpc/maintenance.go.
import { tmpdir } from 'node:os';
import type { Alarms } from './alarms.ts';
import { backup } from './backup.ts';
import { checkInteger } from './check.ts';
import type { Disk } from './disk.ts';
import { hashAll, hashKeys } from './hash.ts';
import type { Journal } from './journal.ts';
import type { AlarmKind, HashKv, Maintenance, SnapshotPiece } from './maintenance.ts';
import type { SnapshotState } from './snapshot.ts';

export interface MaintenanceParts {
  readonly state: SnapshotState;
  readonly alarms: Alarms;
  readonly journal: Journal;
  readonly disk: Disk;
  /** Where a snapshot may be while it is sent; a store in memory has none. */
  readonly directory?: string;
}

export class StoreMaintenance implements Maintenance {
  readonly #parts: MaintenanceParts;

  constructor(parts: MaintenanceParts) {
    this.#parts = parts;
  }

  hash(): Promise<{ hash: number; revision: number }> {
    return hashAll(this.#parts.state);
  }

  async hashKv(revision = 0): Promise<HashKv> {
    checkInteger('revision', revision);
    return hashKeys(this.#parts.state.mvcc, revision);
  }

  snapshot(signal: AbortSignal): AsyncIterable<SnapshotPiece> {
    const { state, disk, directory = tmpdir() } = this.#parts;
    return backup(state, { directory, disk }, signal);
  }

  async alarms(): Promise<readonly AlarmKind[]> {
    return this.#parts.alarms.all();
  }

  disarm(alarm: AlarmKind): Promise<void> {
    return this.#parts.alarms.disarm(alarm);
  }

  async defragment(): Promise<void> {
    await this.#parts.journal.checkpoint?.();
  }
}
