// Journal: where changes go to become durable. The store asks for nothing else of a disk.
//
// Rules of use
//   - The store changes its state first, then appends what it did. The journal settles appends in
//     their order: durable() for each that is safe.
//   - When the disk refuses, failed() goes to every append that is not safe, the newest first, so
//     that the store can undo them like a stack: later ones were built on earlier ones.
//   - The entries of one append become durable together or not at all.

import type { Change } from './change.ts';
import type { StoreError } from './kv.ts';

export type Entry =
  | { readonly kind: 'commit'; readonly revision: number; readonly changes: readonly Change[] }
  | { readonly kind: 'compact'; readonly revision: number }
  | { readonly kind: 'lease-grant'; readonly id: string; readonly ttlSeconds: number }
  | { readonly kind: 'lease-revoke'; readonly id: string }
  | { readonly kind: 'meta'; readonly name: string; readonly value: Uint8Array };

export interface Settle {
  durable(): void;
  failed(error: StoreError): void;
}

export interface Journal {
  /** No entries = just wait until everything before is safe. */
  append(entries: readonly Entry[], settle: Settle): void;
  /**
   * If there is a disk: writes down the state itself, so that what led to it can go.
   * Resolves when that is gone from the disk.
   */
  checkpoint?(): Promise<void>;
  close(): Promise<void>;
}

/** Nothing to be safe from: the store lives and dies with the process. */
export const memoryJournal: Journal = {
  append: (_entries, settle) => settle.durable(),
  close: () => Promise.resolve(),
};
