// Maintenance: comparing stores, copying them while they work, and giving back what compactions freed.
import { createHash } from 'node:crypto';
import { appendFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { restoreSnapshot } from '#src/backup.ts';
import { crc32c } from '#src/crc32c.ts';
import { StoreError } from '#src/kv.ts';
import { openMemoryStore, openStore } from '#src/open-store.ts';
import type { Store } from '#src/store.ts';
import { eventually } from './support/eventually.ts';
import { FaultDisk } from './support/fault-disk.ts';
import { bytes, line, take, temporaryDirectory } from './support/store-helpers.ts';

const everything = { key: '\0', rangeEnd: '\0' };
const never = new AbortController().signal;
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: unknown) => (StoreError.is(error) ? error.code : error),
  );

/** The same history on any store: puts, deletes, a lease, a compaction. */
async function live(store: Store): Promise<void> {
  await store.grantLease(1000, '7');
  await store.grantLease(1000, '3');
  for (let i = 0; i < 30; i++) {
    await store.put({ key: `k${i % 7}`, value: bytes(`${i}`), lease: i % 3 === 0 ? '7' : '0' });
    if (i % 10 === 5) await store.deleteRange({ key: 'k0', rangeEnd: 'k3' });
  }
  await store.compact(12);
  await store.meta.set('name', bytes('value'));
}

describe('crc32c()', () => {
  test('is the checksum of Castagnoli', () => {
    // The check value of the algorithm, and those of RFC 3720, B.4.
    expect(crc32c(bytes('123456789')).toString(16)).toBe('e3069283');
    expect(crc32c(Buffer.alloc(32)).toString(16)).toBe('8a9136aa');
    expect(crc32c(Buffer.alloc(32, 0xff)).toString(16)).toBe('62a8ab43');
    expect(crc32c(Buffer.from(Array.from({ length: 32 }, (_, i) => i))).toString(16)).toBe(
      '46dd794e',
    );
  });

  test('can be continued at any place', () => {
    const all = Buffer.from(Array.from({ length: 40 }, (_, i) => (i * 37) & 0xff));
    for (let cut = 0; cut <= all.length; cut++) {
      expect(crc32c(all.subarray(cut), crc32c(all.subarray(0, cut)))).toBe(crc32c(all));
    }
  });
});

describe('hash() and hashKv()', () => {
  test('are the same for the same history, on disk and in memory, before and after a restart', async () => {
    await using directory = await temporaryDirectory();
    await using memory = await openMemoryStore();
    const durable = await openStore({ dataDir: directory.path });
    await live(memory);
    await live(durable);
    const wanted = [await memory.maintenance.hash(), await memory.maintenance.hashKv()];
    expect([await durable.maintenance.hash(), await durable.maintenance.hashKv()]).toEqual(wanted);
    expect(wanted[1]).toMatchObject({ revision: 34, compactRevision: 12 });
    await durable[Symbol.asyncDispose]();
    const fromLog = await openStore({ dataDir: directory.path });
    expect([await fromLog.maintenance.hash(), await fromLog.maintenance.hashKv()]).toEqual(wanted);
    await fromLog.maintenance.defragment();
    await fromLog[Symbol.asyncDispose]();
    await using again = await openStore({ dataDir: directory.path });
    expect([await again.maintenance.hash(), await again.maintenance.hashKv()]).toEqual(wanted);
  });

  test('of a revision does not change with what comes later', async () => {
    await using store = await openMemoryStore();
    await live(store);
    const { maintenance } = store;
    const now = await maintenance.hashKv();
    expect(await maintenance.hashKv(34)).toEqual(now);
    expect((await maintenance.hashKv(33)).hash).not.toBe(now.hash);
    await store.put({ key: 'later', value: bytes('') });
    expect(await maintenance.hashKv(34)).toEqual(now);
    expect((await maintenance.hashKv()).hash).not.toBe(now.hash);
    expect(await codeOf(maintenance.hashKv(11))).toBe('compacted');
    expect(await codeOf(maintenance.hashKv(36))).toBe('future-revision');
    expect(await codeOf(maintenance.hashKv(Number.NaN))).toBe('invalid');
  });

  test.each([
    ['a value', (store: Store) => store.put({ key: 'k1', value: bytes('else') })],
    ['a lease', (store: Store) => store.grantLease(1000, '99')],
    ['a compaction', (store: Store) => store.compact(20)],
    ['what is kept beside keys', (store: Store) => store.meta.set('name', bytes('else'))],
  ])('hash() changes with %s', async (_name, change) => {
    await using store = await openMemoryStore();
    await live(store);
    const { hash } = await store.maintenance.hash();
    await change(store);
    expect((await store.maintenance.hash()).hash).not.toBe(hash);
  });
});

/** What snapshot() gives, as one file's content. */
async function download(store: Store): Promise<{ content: Buffer; remaining: number[] }> {
  const pieces: Uint8Array[] = [];
  const remaining: number[] = [];
  for await (const { bytes: piece, remainingBytes } of store.maintenance.snapshot(never)) {
    pieces.push(piece);
    remaining.push(remainingBytes);
  }
  return { content: Buffer.concat(pieces), remaining };
}

async function facts(store: Store) {
  return {
    kvs: (await store.range(everything)).kvs.map(line),
    status: await store.status(),
    leases: [...(await store.leases())].sort(),
    keysOf7: (await store.leaseTimeToLive('7')).keys,
    hash: await store.maintenance.hash(),
  };
}

describe('snapshot() and restoreSnapshot()', () => {
  test.each(['memory', 'durable'])('of a %s store makes the same store', async (kind) => {
    await using directory = await temporaryDirectory();
    const dataDir = join(directory.path, 'original');
    await using store = await (kind === 'memory' ? openMemoryStore() : openStore({ dataDir }));
    await live(store);
    await store.put({ key: 'big', value: Buffer.alloc(200_000, 'x') });
    const { content, remaining } = await download(store);
    const path = join(directory.path, 'saved.db');
    await writeFile(path, content);
    expect(remaining.at(-1)).toBe(0);
    expect(remaining.length).toBe(Math.ceil((content.length - 32) / (32 * 1024)) + 1);
    expect(remaining[0]).toBe(content.length - 32 * 1024);
    const hash = createHash('sha256').update(content.subarray(0, -32)).digest();
    expect(content.subarray(-32)).toEqual(hash);

    const copy = join(directory.path, 'copy');
    await restoreSnapshot(path, copy);
    await using restored = await openStore({ dataDir: copy });
    restored.check();
    expect(await facts(restored)).toEqual(await facts(store));
    const events = { ...everything, startRevision: 12 };
    expect(await take(restored, events, 20)).toEqual(await take(store, events, 20));
    await restored.put({ key: 'new', value: bytes('') });
  });

  test('is of one moment, whatever is written while it is read', async () => {
    await using directory = await temporaryDirectory();
    await using store = await openStore({ dataDir: join(directory.path, 'original') });
    await store.put({ key: 'big', value: Buffer.alloc(200_000, 'x') });
    await live(store);
    const before = await facts(store);
    const reading = store.maintenance.snapshot(never)[Symbol.asyncIterator]();
    const pieces: Uint8Array[] = [];
    for (let next = await reading.next(); !next.done; next = await reading.next()) {
      pieces.push(next.value.bytes);
      await store.put({ key: `later${pieces.length}`, value: bytes('') });
      await store.deleteRange({ key: 'k', rangeEnd: 'l' });
      if (pieces.length === 2) await store.compact((await store.status()).revision);
    }
    const path = join(directory.path, 'saved.db');
    await writeFile(path, Buffer.concat(pieces));
    await restoreSnapshot(path, join(directory.path, 'copy'));
    await using restored = await openStore({ dataDir: join(directory.path, 'copy') });
    expect(await facts(restored)).toEqual(before);
    // The copy's file is gone, and nothing is pinned: the compaction has freed what it should.
    expect((await readdir(join(directory.path, 'original'))).sort()).toEqual(['wal-1.log']);
    expect((await store.status()).dbSizeInUseBytes).toBeLessThan(210_000);
    store.check();
  });

  test('a reader that stops leaves nothing behind, and neither does one that is aborted', async () => {
    await using directory = await temporaryDirectory();
    await using store = await openStore({ dataDir: directory.path });
    await store.put({ key: 'big', value: Buffer.alloc(200_000, 'x') });
    for await (const { remainingBytes } of store.maintenance.snapshot(never)) {
      expect(remainingBytes).toBeGreaterThan(0);
      break;
    }
    const stop = new AbortController();
    const reading = (async () => {
      for await (const _ of store.maintenance.snapshot(stop.signal)) stop.abort();
    })();
    expect(await codeOf(reading)).toMatchObject({ name: 'AbortError' });
    expect(await readdir(directory.path)).toEqual(['wal-1.log']);
  });

  test('on a full disk says so, and leaves the store alone', async () => {
    await using directory = await temporaryDirectory();
    const disk = new FaultDisk();
    await using store = await openStore({ dataDir: directory.path, disk });
    await live(store);
    disk.freeBytes = 100;
    expect(await codeOf(download(store))).toBe('no-space');
    expect(await readdir(directory.path)).toEqual(['wal-1.log']);
    disk.freeBytes = Number.POSITIVE_INFINITY;
    await store.put({ key: 'a', value: bytes('') });
  });

  test('what a crash left of one is removed on opening', async () => {
    await using directory = await temporaryDirectory();
    const first = await openStore({ dataDir: directory.path });
    await first.put({ key: 'big', value: Buffer.alloc(200_000, 'x') });
    const reading = first.maintenance.snapshot(never)[Symbol.asyncIterator]();
    await reading.next();
    expect((await readdir(directory.path)).length).toBe(2);
    await first[Symbol.asyncDispose]();
    await using again = await openStore({ dataDir: directory.path });
    expect(await readdir(directory.path)).toEqual(['wal-1.log']);
    expect((await again.range({ ...everything, countOnly: true })).count).toBe(1);
    await reading.return?.();
  });

  test.each([
    ['is cut anywhere', (path: string, size: number) => truncate(path, size - 40)],
    ['lost a byte of its hash', (path: string, size: number) => truncate(path, size - 1)],
    ['has more than belongs there', (path: string) => appendFile(path, 'more')],
    ['is empty', (path: string) => truncate(path, 0)],
    ['is something else', (path: string) => writeFile(path, 'a text file, and no snapshot at all')],
    [
      'has a bit flipped',
      async (path: string) => {
        const content = await readFile(path);
        content.writeUInt8(content.readUInt8(100) ^ 1, 100);
        await writeFile(path, content);
      },
    ],
  ])('a file that %s is refused, and the directory stays empty', async (_name, damage) => {
    await using directory = await temporaryDirectory();
    await using store = await openMemoryStore();
    await live(store);
    const path = join(directory.path, 'saved.db');
    await writeFile(path, (await download(store)).content);
    await damage(path, (await stat(path)).size);
    const dataDir = join(directory.path, 'copy');
    expect(await codeOf(restoreSnapshot(path, dataDir))).toBe('corrupt');
    expect(await readdir(dataDir)).toEqual([]);
  });

  test('a directory that is not empty is refused, and stays as it is', async () => {
    await using directory = await temporaryDirectory();
    await using store = await openStore({ dataDir: join(directory.path, 'original') });
    const path = join(directory.path, 'saved.db');
    await writeFile(path, (await download(store)).content);
    expect(await codeOf(restoreSnapshot(path, join(directory.path, 'original')))).toBe('invalid');
    expect(await readdir(join(directory.path, 'original'))).toEqual(['wal-1.log']);
  });

  test('the snapshot file of a data directory can be restored too', async () => {
    await using directory = await temporaryDirectory();
    const original = join(directory.path, 'original');
    await using store = await openStore({ dataDir: original });
    await live(store);
    await store.maintenance.defragment();
    await restoreSnapshot(join(original, 'snapshot-2.db'), join(directory.path, 'copy'));
    await using restored = await openStore({ dataDir: join(directory.path, 'copy') });
    expect(await facts(restored)).toEqual(await facts(store));
  });
});

describe('compact() with physical, and defragment()', () => {
  const sizeOf = async (path: string) => {
    const sizes = (await readdir(path)).map(async (name) => (await stat(join(path, name))).size);
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
  };
  const value = bytes('x'.repeat(1000));

  test('answer when what was dropped is gone from memory and disk', async () => {
    await using directory = await temporaryDirectory();
    await using store = await openStore({ dataDir: directory.path });
    for (let i = 0; i < 100; i++) await store.put({ key: 'a', value });
    await store.compact(50);
    expect(await sizeOf(directory.path)).toBeGreaterThan(100_000);
    await store.compact(101, { physical: true });
    expect(await sizeOf(directory.path)).toBeLessThan(2500);
    expect((await store.status()).dbSizeInUseBytes).toBe(1001);
    for (let i = 0; i < 10; i++) await store.put({ key: 'a', value });
    await store.compact(111);
    await store.maintenance.defragment();
    expect(await sizeOf(directory.path)).toBeLessThan(2500);
    expect((await readdir(directory.path)).sort()).toEqual(['snapshot-3.db', 'wal-3.log']);
  });

  test('asked for while a snapshot is written wait for another one', async () => {
    await using directory = await temporaryDirectory();
    const disk = new FaultDisk();
    let release = () => {};
    disk.gate = { pattern: /snapshot/, opened: new Promise((resolve) => (release = resolve)) };
    await using store = await openStore({ dataDir: directory.path, disk, snapshotBytesMin: 5000 });
    for (let i = 0; i < 10; i++) await store.put({ key: 'a', value });
    await eventually(async () => {
      expect(await readdir(directory.path)).toContain('snapshot-2.db.tmp');
    });
    const done = store.compact(11, { physical: true });
    const alsoDone = store.maintenance.defragment();
    await store.put({ key: 'b', value });
    release();
    await Promise.all([done, alsoDone]);
    expect((await readdir(directory.path)).sort()).toEqual(['snapshot-3.db', 'wal-3.log']);
    expect(await sizeOf(directory.path)).toBeLessThan(4000);
  });

  test('say when there is no room for the snapshot, and lose nothing', async () => {
    await using directory = await temporaryDirectory();
    const disk = new FaultDisk();
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    const store = await openStore({ dataDir: directory.path, disk, warn });
    for (let i = 0; i < 10; i++) await store.put({ key: `${i}`, value });
    disk.freeBytes = 2000;
    expect(await codeOf(store.maintenance.defragment())).toBe('no-space');
    expect(warnings).toEqual(['cannot write a snapshot: ENOSPC: no space left on device']);
    disk.freeBytes = Number.POSITIVE_INFINITY;
    await store[Symbol.asyncDispose]();
    await using again = await openStore({ dataDir: directory.path });
    expect((await again.range({ ...everything, countOnly: true })).count).toBe(10);
  });

  test('a snapshot is also due after so many transactions', async () => {
    await using directory = await temporaryDirectory();
    await using store = await openStore({ dataDir: directory.path, snapshotCount: 5 });
    for (let i = 0; i < 4; i++) await store.put({ key: 'a', value: bytes('') });
    expect(await readdir(directory.path)).toEqual(['wal-1.log']);
    await store.put({ key: 'a', value: bytes('') });
    await eventually(async () => {
      expect((await readdir(directory.path)).sort()).toEqual(['snapshot-2.db', 'wal-2.log']);
    });
  });
});
