// Damaged files: the store comes back to the last whole record, or refuses and says what is broken.
//
// The kill -9 that makes most torn logs is in crash.test.ts.
import { copyFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { realDisk } from '#src/disk.ts';
import { StoreError } from '#src/kv.ts';
import { openStore } from '#src/open-store.ts';
import { bytes, line, temporaryDirectory } from './support/store-helpers.ts';

const everything = { key: '\0', rangeEnd: '\0' };
const WAL = 'wal-1.log';

interface Written {
  readonly log: Buffer;
  /** Where each record begins, and last the end of the log. */
  readonly starts: readonly number[];
  /** The lines of the store after so many records. */
  readonly states: readonly (readonly string[])[];
}

/** A closed store with a log of six records: puts, a delete, a lease, and last a transaction of two puts. */
async function smallStore(path: string): Promise<Written> {
  // A disk that does not preallocate: the file is as long as its records.
  const store = await openStore({ dataDir: path, disk: realDisk });
  const starts = [0];
  const states: string[][] = [[]];
  const put = (key: string) => ({ kind: 'put', key, value: bytes(`value of ${key}`) }) as const;
  const steps = [
    () => store.put(put('a')),
    () => store.put(put('b')),
    () => store.put(put('c')),
    () => store.deleteRange({ key: 'b' }),
    () => store.grantLease(100, '4711'),
    () => store.txn({ compare: [], success: [put('a'), put('d')], failure: [] }),
  ];
  for (const step of steps) {
    await step();
    starts.push((await readFile(join(path, WAL))).length);
    states.push((await store.range(everything)).kvs.map(line));
  }
  await store[Symbol.asyncDispose]();
  return { log: await readFile(join(path, WAL)), starts, states };
}

/** Opens a store with this one file, and puts one more key: the message of the refusal, or the lines before that. */
async function reopened(path: string, name: string, data: Buffer): Promise<string[] | string> {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, name), data);
  try {
    const store = await openStore({ dataDir: path });
    const lines = (await store.range(everything)).kvs.map(line);
    await store.put({ key: 'z', value: bytes('after') });
    await store[Symbol.asyncDispose]();
    const again = await openStore({ dataDir: path });
    again.check();
    expect((await again.range({ key: 'z' })).count).toBe(1);
    await again[Symbol.asyncDispose]();
    return lines;
  } catch (error) {
    if (StoreError.is(error, 'corrupt')) return error.message;
    throw error;
  }
}

function flipped(data: Buffer, at: number): Buffer {
  const copy = Buffer.from(data);
  copy.writeUInt8(copy.readUInt8(at) ^ (1 << (at % 8)), at);
  return copy;
}

describe('the last three records of a log', () => {
  const RECORDS = 6;
  const TESTED = [3, 4, 5];
  const refusal = (directory: string, what: string) =>
    `cannot open the store: ${join(directory, WAL)} is damaged: ${what}`;

  test.each(TESTED)('cut at any byte of record %i, it recovers to the record before', async (n) => {
    await using directory = await temporaryDirectory();
    const { log, starts, states } = await smallStore(join(directory.path, 'original'));
    const copy = join(directory.path, 'copy');
    for (let end = starts[n] as number; end < (starts[n + 1] as number); end++) {
      const found = await reopened(copy, WAL, log.subarray(0, end));
      expect([end, found]).toEqual([end, states[n]]);
    }
    expect(await reopened(copy, WAL, log)).toEqual(states[RECORDS]);
  });

  test.each(TESTED)(
    'written in part up to any byte of record %i, zeros after it, it is cut too',
    async (n) => {
      await using directory = await temporaryDirectory();
      const { log, starts, states } = await smallStore(join(directory.path, 'original'));
      const copy = join(directory.path, 'copy');
      // The last byte of a record may be a zero itself, and then nothing would be torn.
      for (let from = starts[n] as number; from < (starts[n + 1] as number) - 1; from++) {
        const torn = Buffer.from(log).fill(0, from);
        expect([from, await reopened(copy, WAL, torn)]).toEqual([from, states[n]]);
      }
    },
  );

  test('a flipped bit at any byte of the last record loses that record and no more', async () => {
    await using directory = await temporaryDirectory();
    const { log, starts, states } = await smallStore(join(directory.path, 'original'));
    const copy = join(directory.path, 'copy');
    for (let at = starts[RECORDS - 1] as number; at < log.length; at++) {
      const found = await reopened(copy, WAL, flipped(log, at));
      expect([at, found]).toEqual([at, states[RECORDS - 1]]);
    }
  });

  test.each([0, 3, 4])(
    'a flipped bit at any byte of record %i is damage, as a whole record follows',
    async (n) => {
      await using directory = await temporaryDirectory();
      const { log, starts } = await smallStore(join(directory.path, 'original'));
      const copy = join(directory.path, 'copy');
      for (let at = starts[n] as number; at < (starts[n + 1] as number); at++) {
        const found = await reopened(copy, WAL, flipped(log, at));
        expect([at, found]).toEqual([at, refusal(copy, `record ${n} is broken`)]);
      }
    },
  );

  test('a byte too many at the beginning is damage as well', async () => {
    await using directory = await temporaryDirectory();
    const { log } = await smallStore(join(directory.path, 'original'));
    const copy = join(directory.path, 'copy');
    const moved = Buffer.concat([Buffer.from([0]), log]);
    expect(await reopened(copy, WAL, moved)).toBe(refusal(copy, 'record 0 is broken'));
  });
});

describe('a snapshot', () => {
  /** One snapshot with a few keys, two leases and a compaction, and the empty log that follows it. */
  async function smallSnapshot(path: string): Promise<{ name: string; data: Buffer }> {
    const store = await openStore({ dataDir: path, snapshotBytesMin: 200 });
    await store.grantLease(100, '4711');
    await store.put({ key: 'a', value: bytes('a') });
    await store.put({ key: 'a', value: bytes('a'), lease: '4711' });
    await store.compact(3);
    for (const key of ['b', 'c']) await store.put({ key, value: bytes(key) });
    await store[Symbol.asyncDispose]();
    const name = (await readdir(path)).find((n) => n.startsWith('snapshot')) ?? '';
    return { name, data: await readFile(join(path, name)) };
  }

  test('cut or flipped at any byte, it is refused: it has no older state to fall back to', async () => {
    await using directory = await temporaryDirectory();
    const { name, data } = await smallSnapshot(directory.path);
    const message = `cannot open the store: ${join(directory.path, name)} is damaged: it ends too early`;
    for (let at = 0; at < data.length; at++) {
      expect([at, await reopened(directory.path, name, data.subarray(0, at))]).toEqual([
        at,
        message,
      ]);
      expect([at, await reopened(directory.path, name, flipped(data, at))]).toEqual([at, message]);
    }
    expect(await reopened(directory.path, name, data)).toEqual([
      'a=a 2/3/2',
      'b=b 4/4/1',
      'c=c 5/5/1',
    ]);
  });

  test('of several records names the one that is broken', async () => {
    await using directory = await temporaryDirectory();
    const store = await openStore({ dataDir: directory.path });
    for (const key of ['a', 'b', 'c']) await store.put({ key, value: Buffer.alloc(900_000) });
    await store.maintenance.defragment();
    await store[Symbol.asyncDispose]();
    const name = (await readdir(directory.path)).find((n) => n.startsWith('snapshot')) ?? '';
    const data = await readFile(join(directory.path, name));
    const second = data.indexOf('KLW1', 1);
    expect(second).toBeGreaterThan(900_000);
    const refusal = (what: string) =>
      `cannot open the store: ${join(directory.path, name)} is damaged: ${what}`;
    const inFirst = await reopened(directory.path, name, flipped(data, 1000));
    expect(inFirst).toBe(refusal('record 0 is broken'));
    const inLast = await reopened(directory.path, name, flipped(data, data.length - 1));
    expect(inLast).toBe(refusal('it ends too early'));
  });
});

describe('a store with snapshots', () => {
  async function snapshotStore(path: string): Promise<string[]> {
    const store = await openStore({ dataDir: path, snapshotBytesMin: 2000 });
    for (let i = 0; i < 100; i++) await store.put({ key: `${i}`, value: bytes('x'.repeat(50)) });
    await store[Symbol.asyncDispose]();
    // A snapshot may have come right behind the last put: then there would be nothing in the log to cut.
    const again = await openStore({ dataDir: path });
    await again.put({ key: '99', value: bytes('x'.repeat(50)) });
    await again[Symbol.asyncDispose]();
    return (await readdir(path)).sort();
  }

  test.each([
    ['a snapshot that is cut', /^snapshot/, (path: string) => truncate(path, 1000)],
    ['a snapshot whose end is missing', /^snapshot/, cutLastByte],
    ['a log that is cut although another follows', /^wal/, copyAsNext],
  ])('refuses %s', async (_name, pattern, damage) => {
    await using directory = await temporaryDirectory();
    const names = await snapshotStore(directory.path);
    const name = names.find((n) => pattern.test(n)) ?? '';
    await damage(join(directory.path, name));
    const error = await openStore({ dataDir: directory.path }).catch((e: unknown) => e);
    expect(StoreError.is(error, 'corrupt')).toBe(true);
    expect((error as Error).message).toContain(`${name} is damaged: it ends too early`);
  });

  test('ignores and removes what an interrupted snapshot left', async () => {
    await using directory = await temporaryDirectory();
    const names = await snapshotStore(directory.path);
    await writeFile(join(directory.path, 'snapshot-99.db.tmp'), 'half');
    await using store = await openStore({ dataDir: directory.path });
    expect((await store.range({ ...everything, countOnly: true })).count).toBe(100);
    expect((await readdir(directory.path)).sort()).toEqual(names);
  });
});

async function cutLastByte(path: string): Promise<void> {
  await truncate(path, (await readFile(path)).length - 1);
}

async function copyAsNext(path: string): Promise<void> {
  const number = Number(/\d+/.exec(path.split('/').at(-1) ?? '')?.[0]);
  await copyFile(path, path.replace(`wal-${number}`, `wal-${number + 1}`));
  await cutLastByte(path);
}
