// The contract of KeyValueStore, on every way to have one. What a test says about one, it says about all.
//
// The tests are in contract/, the ways in support/stores.ts. A test that only our own store can pass is a wrong test.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { kvContract } from './contract/kv.ts';
import { leaseContract } from './contract/lease.ts';
import { failure, Subject } from './contract/subject.ts';
import { txnContract } from './contract/txn.ts';
import { watchContract } from './contract/watch.ts';
import { bytes } from './support/store-helpers.ts';
import { type OpenedStore, stores } from './support/stores.ts';

describe.each(Object.entries(stores))('%s store', (name, open) => {
  const subject = new Subject(name);
  let opened: OpenedStore | undefined;

  beforeAll(async () => {
    opened = await open();
    subject.store = opened.store;
  });

  afterAll(async () => {
    await opened?.store[Symbol.asyncDispose]();
    await opened?.close();
  });

  kvContract(subject);
  txnContract(subject);
  watchContract(subject);
  leaseContract(subject);

  test('a watch ends when the store is closed', async () => {
    const { store: other, close } = await open();
    try {
      const watching = other.watch({ key: 'a' }, new AbortController().signal);
      const next = failure(watching[Symbol.asyncIterator]().next());
      await other.put({ key: 'b', value: bytes('') });
      await other[Symbol.asyncDispose]();
      expect(await next).toBe('unavailable');
      expect(await failure(other.put({ key: 'a', value: bytes('') }))).toBe('unavailable');
    } finally {
      await close();
    }
  });
});
