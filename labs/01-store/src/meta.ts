// Meta: the few small things that a store remembers beside its keys: alarms, and who may do what.
//
// They have names, not revisions: no range finds them, no watch hears of them. They go through the same journal as
// everything else, and a snapshot carries them.
// Upstream: etcd keeps such things in buckets of their own: server/storage/schema (alarm, auth).
import type { Journal } from './journal.ts';
import type { StoreError } from './kv.ts';

export class Meta {
  readonly #values = new Map<string, Uint8Array>();
  #journal: Journal | undefined;

  /** From now on set() works. Before that (recovery) there is only restore(). */
  start(journal: Journal): void {
    this.#journal = journal;
  }

  get(name: string): Uint8Array | undefined {
    return this.#values.get(name);
  }

  /** What a restart must bring back. */
  all(): readonly (readonly [name: string, value: Uint8Array])[] {
    return [...this.#values];
  }

  restore(name: string, value: Uint8Array): void {
    this.#values.set(name, value);
  }

  /** Resolves when it is durable; get() returns it from then on. The bytes belong to the store from now on. */
  set(name: string, value: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      const durable = () => {
        this.#values.set(name, value);
        resolve();
      };
      const failed = (error: StoreError) => reject(error);
      this.#journal?.append([{ kind: 'meta', name, value }], { durable, failed });
    });
  }
}
