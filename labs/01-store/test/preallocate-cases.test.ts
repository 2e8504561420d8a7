// What a preallocated file asks of the disk below it, call by call.
import { expect, test } from 'vitest';
import type { Disk } from '#src/disk.ts';
import { preallocating } from '#src/preallocate.ts';

const PIECE = 1024 * 1024;

/** Remembers what it was asked; the call that `failing` names fails with this code. */
function recordingDisk(failing?: { call: string; code: string }) {
  const calls: string[] = [];
  const did = async (call: string) => {
    calls.push(call);
    if (call === failing?.call)
      throw Object.assign(new Error(failing.code), { code: failing.code });
  };
  const disk: Disk = {
    open: async () => ({
      write: (content, position) => did(`write ${content.length} at ${position}`),
      datasync: () => did('datasync'),
      truncate: (size) => did(`truncate ${size}`),
      close: () => did('close'),
    }),
  };
  return { calls, open: () => preallocating(disk).open('wal-1.log') };
}

const bytes = (length: number) => new Uint8Array(length).fill(1);

test('a write within the piece is that write, up to its last byte; the next one brings a piece', async () => {
  const { calls, open } = recordingDisk();
  const file = await open();
  await file.write(bytes(10), 0);
  await file.write(bytes(10), 10);
  await file.write(bytes(PIECE - 20), 20);
  await file.write(bytes(1), PIECE);
  await file.datasync();
  await file.close();
  expect(calls).toEqual([
    `write ${PIECE} at 0`,
    'write 10 at 10',
    `write ${PIECE - 20} at 20`,
    `write ${PIECE} at ${PIECE}`,
    'datasync',
    `truncate ${PIECE + 1}`,
    'datasync',
    'close',
  ]);
});

test('a file without zeros is closed and no more', async () => {
  const { calls, open } = recordingDisk();
  await (await open()).close();
  const full = await open();
  await full.write(bytes(PIECE), 0);
  await full.close();
  expect(calls).toEqual(['close', `write ${PIECE} at 0`, 'close']);
});

test('a file is closed even if its zeros cannot be cut off, and that is told', async () => {
  const { calls, open } = recordingDisk({ call: 'truncate 10', code: 'EIO' });
  const file = await open();
  await file.write(bytes(10), 0);
  await expect(file.close()).rejects.toThrow('EIO');
  expect(calls.at(-1)).toBe('close');
});

test('without room for the zeros the bytes are written alone, where they belong', async () => {
  const { calls, open } = recordingDisk({ call: `write ${PIECE} at 0`, code: 'ENOSPC' });
  const file = await open();
  await file.write(bytes(10), 0);
  await file.close();
  expect(calls).toEqual([`write ${PIECE} at 0`, 'truncate 0', 'write 10 at 0', 'close']);
});

test('any other fault is told, and nothing is tried again', async () => {
  const { calls, open } = recordingDisk({ call: `write ${PIECE} at 0`, code: 'EIO' });
  const file = await open();
  await expect(file.write(bytes(10), 0)).rejects.toThrow('EIO');
  expect(calls).toEqual([`write ${PIECE} at 0`]);
});
