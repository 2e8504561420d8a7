// Stores: every way to have a KeyValueStore, for the tests that must pass on all of them. A new way is one entry here.
import { openEtcd3Store } from '#src/etcd3-store.ts';
import type { KeyValueStore } from '#src/kv.ts';
import { openMemoryStore, openStore } from '#src/open-store.ts';
import { PATIENT_MS, startEtcd } from './etcd.ts';
import { serve } from './serve.ts';
import { temporaryDirectory } from './store-helpers.ts';

export interface OpenedStore {
  readonly store: KeyValueStore;
  /** Ends what is behind the store, after the store itself was closed. */
  close(): PromiseLike<void>;
}

/** Small enough that a test reaches what takes long in earnest. The real etcd reports progress as often, see startEtcd(). */
const OPTIONS = { progressIntervalMs: 300, watchQueueLengthMax: 100 };

export const stores: Readonly<Record<string, () => Promise<OpenedStore>>> = {
  memory: async () => {
    const store = await openMemoryStore(OPTIONS);
    return { store, close: () => Promise.resolve() };
  },
  durable: async () => {
    const directory = await temporaryDirectory();
    const store = await openStore({
      ...OPTIONS,
      dataDir: directory.path,
      snapshotBytesMin: 10_000,
    });
    return { store, close: () => directory[Symbol.asyncDispose]() };
  },
  grpc: async () => {
    const served = await serve(OPTIONS);
    const store = await openEtcd3Store({ endpoints: [served.url], requestTimeoutMs: PATIENT_MS });
    return { store, close: () => served[Symbol.asyncDispose]() };
  },
  etcd: async () => {
    const etcd = await startEtcd();
    try {
      const store = await openEtcd3Store({
        endpoints: [etcd.endpoint],
        requestTimeoutMs: PATIENT_MS,
      });
      return { store, close: () => etcd[Symbol.asyncDispose]() };
    } catch (error) {
      await etcd[Symbol.asyncDispose]();
      throw error;
    }
  },
};
