// A log whose file is longer than what it says: while it is open, after it was closed, after a crash, on a disk without room for zeros.
import { appendFile, cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Disk, realDisk } from '#src/disk.ts';
import { openStore } from '#src/open-store.ts';
import { preallocating } from '#src/preallocate.ts';
import { bytes, line, temporaryDirectory } from './support/store-helpers.ts';

const PIECE = 1024 * 1024;
const everything = { key: '\0', rangeEnd: '\0' };

const log = (directory: string, segment = 1) => readFile(join(directory, `wal-${segment}.log`));
const zeros = (content: Buffer) => content.length - content.findLastIndex((byte) => byte !== 0) - 1;

async function contentOf(directory: string): Promise<string[]> {
  await using store = await openStore({ dataDir: directory });
  return (await store.range(everything)).kvs.map(line);
}

/** Files may have so many bytes, and a write that needs more writes what fits. */
function smallDisk(fileBytesMax: number): Disk {
  return {
    async open(path) {
      const file = await realDisk.open(path);
      return {
        write: async (content, position) => {
          await file.write(content.subarray(0, Math.max(0, fileBytesMax - position)), position);
          if (position + content.length > fileBytesMax) {
            throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
          }
        },
        datasync: () => file.datasync(),
        truncate: (size) => file.truncate(size),
        close: () => file.close(),
      };
    },
  };
}

test('the file grows by whole pieces while it is open, and ends with its last record when it is closed', async () => {
  await using directory = await temporaryDirectory();
  const store = await openStore({ dataDir: directory.path });
  const lengths: number[] = [];
  for (const value of ['small', 'x'.repeat(PIECE), 'small']) {
    await store.put({ key: 'a', value: bytes(value) });
    lengths.push((await log(directory.path)).length);
  }
  expect(lengths).toEqual([PIECE, 2 * PIECE, 2 * PIECE]);
  await store[Symbol.asyncDispose]();
  const closed = await log(directory.path);
  expect(closed.length).toBeGreaterThan(PIECE);
  expect(closed.length).toBeLessThan(PIECE + 1000);
  expect(await contentOf(directory.path)).toHaveLength(1);
});

test('a crash leaves the zeros; the store opens, goes on where the records end, and has all', async () => {
  await using directory = await temporaryDirectory();
  await using crashed = await temporaryDirectory();
  {
    await using store = await openStore({ dataDir: directory.path });
    await store.put({ key: 'a', value: bytes('before') });
    await cp(directory.path, crashed.path, { recursive: true });
  }
  expect(zeros(await log(crashed.path))).toBeGreaterThan(PIECE / 2);
  {
    await using store = await openStore({ dataDir: crashed.path });
    await store.put({ key: 'b', value: bytes('after') });
  }
  expect(await contentOf(crashed.path)).toEqual(['a=before 2/2/1', 'b=after 3/3/1']);
  expect(zeros(await log(crashed.path))).toBeLessThan(PIECE / 2);
});

test('a crash between two segments leaves zeros before an empty segment; before one with records they are damage', async () => {
  await using directory = await temporaryDirectory();
  await using crashed = await temporaryDirectory();
  {
    await using store = await openStore({ dataDir: directory.path });
    await store.put({ key: 'a', value: bytes('before') });
    await cp(directory.path, crashed.path, { recursive: true });
  }
  await writeFile(join(crashed.path, 'wal-2.log'), '');
  expect(await contentOf(crashed.path)).toEqual(['a=before 2/2/1']);
  await appendFile(join(crashed.path, 'wal-1.log'), Buffer.alloc(100));
  await writeFile(join(crashed.path, 'wal-2.log'), await log(directory.path));
  await expect(contentOf(crashed.path)).rejects.toThrow('wal-1.log is damaged: it ends too early');
});

test('when something is written to a new segment, the old one ends without zeros', async () => {
  await using directory = await temporaryDirectory();
  let zerosBefore = -1;
  const watching: Disk = {
    async open(path) {
      // Without a snapshot the old segment stays.
      if (path.includes('snapshot')) throw new Error('EIO');
      const file = await realDisk.open(path);
      return {
        ...file,
        write: async (content, position) => {
          if (path.endsWith('wal-2.log') && zerosBefore < 0)
            zerosBefore = zeros(await log(directory.path));
          await file.write(content, position);
        },
      };
    },
  };
  await using store = await openStore({
    dataDir: directory.path,
    disk: preallocating(watching),
    snapshotBytesMin: 1,
  });
  await store.put({ key: 'a', value: bytes('first') });
  await store.put({ key: 'a', value: bytes('second') });
  expect(zerosBefore).toBe(0);
});

test('where there is no room for the zeros, there may be for the record', async () => {
  await using directory = await temporaryDirectory();
  const disk = preallocating(smallDisk(400));
  const store = await openStore({ dataDir: directory.path, disk });
  await store.put({ key: 'a', value: bytes('fits') });
  await store.put({ key: 'b', value: bytes('fits too') });
  expect((await log(directory.path)).length).toBeLessThan(400);
  await expect(store.put({ key: 'c', value: bytes('x'.repeat(400)) })).rejects.toMatchObject({
    code: 'no-space',
  });
  await store[Symbol.asyncDispose]();
  expect(await contentOf(directory.path)).toEqual(['a=fits 2/2/1', 'b=fits too 3/3/1']);
});
