// Two stores, one directory: the second is refused, until the first is gone.
import { expect, test } from 'vitest';
import { StoreError } from '#src/kv.ts';
import { openStore } from '#src/open-store.ts';
import { temporaryDirectory } from './support/store-helpers.ts';

test('openStore() refuses a directory that is open, and takes it when it is closed', async () => {
  await using directory = await temporaryDirectory();
  const options = { dataDir: directory.path };
  const first = await openStore(options);
  const error = await openStore(options).catch((e: unknown) => e);
  expect(StoreError.is(error, 'unavailable')).toBe(true);
  expect((error as Error).message).toBe(
    `cannot open ${directory.path}: another process has this store open`,
  );
  await first[Symbol.asyncDispose]();
  await (await openStore(options))[Symbol.asyncDispose]();
});

test('openStore() of a place that is no directory says so, and locks nothing', async () => {
  const error = await openStore({ dataDir: '/dev/null/store' }).catch((e: unknown) => e);
  expect(StoreError.is(error, 'unavailable')).toBe(true);
  expect((error as Error).message).toContain('cannot make the directory /dev/null/store');
});
