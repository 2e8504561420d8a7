// A key that one revision puts and deletes, or deletes and puts: in memory, undone, compacted, and back from the disk.
import { describe, expect, test } from 'vitest';
import type { Op } from '#src/kv.ts';
import { Mvcc } from '#src/mvcc.ts';
import { openStore } from '#src/open-store.ts';
import { FaultDisk } from './support/fault-disk.ts';
import { linesOf } from './support/model.ts';
import { bytes, line, take, temporaryDirectory } from './support/store-helpers.ts';

const put = (key: string, value: string, lease = '0') =>
  ({ kind: 'put', key, value: bytes(value), lease }) as const;
const inner = (op: Op): Op => ({ kind: 'txn', compare: [], success: [op], failure: [] });
const all = { key: 'a', rangeEnd: '\0' };

const CASES = [
  {
    name: 'put, then deleted',
    ops: [inner(put('a', 'new', '7')), inner({ kind: 'delete', key: 'a' })],
    after: [],
    events: ['a=new 2/3/2', 'a deleted at 3'],
    // What was never there for anybody at that revision is not told once the past is gone.
    eventsWhenCompacted: ['a deleted at 3'],
    keysOf7: [],
  },
  {
    name: 'deleted, then put',
    ops: [{ kind: 'delete', ...all } as const, put('a', 'new', '7')],
    after: ['a=new 3/3/1'],
    events: ['a deleted at 3', 'a=new 3/3/1'],
    eventsWhenCompacted: ['a deleted at 3', 'a=new 3/3/1'],
    keysOf7: ['a'],
  },
];

describe.each(CASES)('a key that is $name in one revision', (want) => {
  const run = async (dataDir: string, disk: FaultDisk) => {
    const store = await openStore({ dataDir, disk });
    await store.grantLease(1000, '7');
    await store.put(put('a', 'old'));
    return { store, txn: () => store.txn({ compare: [], success: want.ops, failure: [] }) };
  };
  const told = async (store: Awaited<ReturnType<typeof run>>['store'], count: number) =>
    (await take(store, { ...all, startRevision: 3 }, count)).flatMap((b) => linesOf(b.events));

  test('is read, told, compacted, and brought back as such', async () => {
    await using directory = await temporaryDirectory();
    let { store, txn } = await run(directory.path, new FaultDisk());
    await txn();
    const reopen = async () => {
      await store[Symbol.asyncDispose]();
      store = await openStore({ dataDir: directory.path });
    };
    const expectAll = async (events: readonly string[]) => {
      store.check();
      expect((await store.range(all)).kvs.map(line)).toEqual(want.after);
      expect((await store.leaseTimeToLive('7')).keys).toEqual(want.keysOf7);
      expect(await told(store, events.length)).toEqual(events);
    };
    await expectAll(want.events);
    expect((await store.range({ ...all, revision: 2 })).kvs.map(line)).toEqual(['a=old 2/2/1']);
    await reopen();
    await expectAll(want.events);
    await store.maintenance.defragment();
    await reopen();
    await expectAll(want.events);
    await store.compact(3);
    await expectAll(want.eventsWhenCompacted);
    await store.maintenance.defragment();
    await reopen();
    await expectAll(want.eventsWhenCompacted);
    await store[Symbol.asyncDispose]();
  });

  test('is as before when the disk refuses', async () => {
    await using directory = await temporaryDirectory();
    const disk = new FaultDisk();
    const { store, txn } = await run(directory.path, disk);
    disk.freeBytes = 10;
    await expect(txn()).rejects.toMatchObject({ code: 'no-space' });
    store.check();
    expect((await store.range(all)).kvs.map(line)).toEqual(['a=old 2/2/1']);
    expect((await store.leaseTimeToLive('7')).keys).toEqual([]);
    await store[Symbol.asyncDispose]();
  });
});

test('Mvcc.stage() takes no second put of a key in a revision', () => {
  const mvcc = new Mvcc();
  const change = { type: 'put', key: 'a', value: bytes(''), lease: '0' } as const;
  mvcc.stage(change);
  expect(() => mvcc.stage(change)).toThrow('a key is put at most once in a revision');
});
