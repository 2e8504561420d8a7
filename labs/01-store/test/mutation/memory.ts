// The contract and a random history on the store in memory: what mutants of the core meet first.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openMemoryStore } from '#src/open-store.ts';
import type { Store } from '#src/store.ts';
import { kvContract } from '../contract/kv.ts';
import { leaseContract } from '../contract/lease.ts';
import { Subject } from '../contract/subject.ts';
import { txnContract } from '../contract/txn.ts';
import { watchContract } from '../contract/watch.ts';

const subject = new Subject('memory');
let store: Store;

beforeAll(async () => {
  store = await openMemoryStore({ progressIntervalMs: 300, watchQueueLengthMax: 100 });
  subject.store = store;
});

afterAll(async () => {
  await store[Symbol.asyncDispose]();
});

kvContract(subject);
txnContract(subject);
watchContract(subject);
leaseContract(subject);

test('after all that every invariant holds', () => {
  expect(() => store.check()).not.toThrow();
});
