// After a crash: what was acknowledged is there, nothing is half there, and damage is called damage.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { StoreError } from '../src/kv.ts';
import { openStore } from '../src/open-store.ts';
import {
  bytes,
  line,
  randomOf,
  seedOf,
  temporaryDirectory,
  text,
} from './support/store-helpers.ts';

const everything = { key: '\0', rangeEnd: '\0' };
const WAL = 'wal-1.log';

describe('kill -9 while it writes', () => {
  const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 6);

  test(`keeps every acknowledged revision, ${ROUNDS} times`, async () => {
    await using directory = await temporaryDirectory();
    const random = randomOf(seedOf('crash'));
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < ROUNDS; round++) {
      await writeAndKill(directory.path, 20 + random(400), acknowledged);
      const store = await openStore({ dataDir: directory.path });
      store.check();
      const { kvs } = await store.range(everything);
      const values = new Map(kvs.map((kv) => [kv.key, Number(text(kv.value))]));
      for (const [worker, n] of acknowledged) {
        const found = values.get(`left/${worker}`) ?? 0;
        expect(found).toBe(values.get(`right/${worker}`));
        // One more may have become durable without its answer coming out.
        expect([n, n + 1]).toContain(found);
        acknowledged.set(worker, found);
      }
      await store[Symbol.asyncDispose]();
    }
  });
});

async function writeAndKill(dataDir: string, lines: number, acknowledged: Map<string, number>) {
  const script = join(import.meta.dirname, 'support/crash-writer.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let seen = 0;
  for await (const said of createInterface({ input: child.stdout })) {
    const [worker = '', n] = said.split(' ');
    acknowledged.set(worker, Number(n));
    if (++seen === lines) child.kill('SIGKILL');
  }
  await exited;
  expect(child.signalCode).toBe('SIGKILL');
}

/** A closed store with some records; the last one is a transaction of two puts. */
async function smallStore(path: string) {
  const store = await openStore({ dataDir: path });
  for (const key of ['a', 'b', 'c']) await store.put({ key, value: bytes(`value of ${key}`) });
  const whole = await readFile(join(path, WAL));
  const before = (await store.range(everything)).kvs.map(line);
  const puts = ['a', 'd'].map((key) => ({ kind: 'put', key, value: bytes('last') }) as const);
  await store.txn({ compare: [], success: puts, failure: [] });
  const after = (await store.range(everything)).kvs.map(line);
  await store[Symbol.asyncDispose]();
  return { before, after, log: await readFile(join(path, WAL)), lastAt: whole.length };
}

/** Opens a copy of the store with this log, and puts one more key: 'corrupt', or the lines before that. */
async function reopened(path: string, log: Buffer): Promise<string[] | string> {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, WAL), log);
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
    if (StoreError.is(error)) return error.code;
    throw error;
  }
}

test('a log cut at any byte of its last record recovers to the record before', async () => {
  await using directory = await temporaryDirectory();
  const { before, after, log, lastAt } = await smallStore(join(directory.path, 'original'));
  const copy = join(directory.path, 'copy');
  for (let end = lastAt; end < log.length; end++) {
    expect([end, await reopened(copy, log.subarray(0, end))]).toEqual([end, before]);
  }
  expect(await reopened(copy, log)).toEqual(after);
});

test('a last record that was only written in part, the rest zeros, is cut too', async () => {
  await using directory = await temporaryDirectory();
  const { before, log, lastAt } = await smallStore(join(directory.path, 'original'));
  const copy = join(directory.path, 'copy');
  for (let from = lastAt; from < log.length - 1; from += 7) {
    const torn = Buffer.from(log);
    torn.fill(0, from);
    expect([from, await reopened(copy, torn)]).toEqual([from, before]);
  }
});

test('a flipped bit in the last record loses at most that record', async () => {
  await using directory = await temporaryDirectory();
  const { before, log, lastAt } = await smallStore(join(directory.path, 'original'));
  const copy = join(directory.path, 'copy');
  for (let at = lastAt; at < log.length; at++) {
    const flipped = Buffer.from(log);
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at);
    expect([at, await reopened(copy, flipped)]).toEqual([at, before]);
  }
});

test('a flipped bit anywhere before the last record is damage, and the store does not open', async () => {
  await using directory = await temporaryDirectory();
  const { log, lastAt } = await smallStore(join(directory.path, 'original'));
  const copy = join(directory.path, 'copy');
  for (let at = 0; at < lastAt; at++) {
    const flipped = Buffer.from(log);
    flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << (at % 8)), at);
    expect([at, await reopened(copy, flipped)]).toEqual([at, 'corrupt']);
  }
});

test('damage is named: which file, what is wrong with it', async () => {
  await using directory = await temporaryDirectory();
  const { log } = await smallStore(directory.path);
  await writeFile(join(directory.path, WAL), Buffer.concat([Buffer.from([0]), log]));
  const error = await openStore({ dataDir: directory.path }).catch((e: unknown) => e);
  expect((error as Error).message).toBe(
    `cannot open the store: ${join(directory.path, WAL)} is damaged: record 0 is broken`,
  );
});

describe('a store with snapshots', () => {
  async function snapshotStore(path: string): Promise<string[]> {
    const store = await openStore({ dataDir: path, snapshotBytesMin: 2000 });
    for (let i = 0; i < 100; i++) await store.put({ key: `${i}`, value: bytes('x'.repeat(50)) });
    await store[Symbol.asyncDispose]();
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
