// A disk that gets full: writes stop with etcd's alarm, reads go on, nothing that was acknowledged is lost.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { StoreError } from '#src/kv.ts';
import { openStore } from '#src/open-store.ts';
import { bundle } from './support/bundle.ts';
import { type Account, fillTheDisk, keyOf } from './support/disk-full.ts';
import { FaultDisk } from './support/fault-disk.ts';
import { bytes, line, temporaryDirectory } from './support/store-helpers.ts';

const DISK_BYTES = 2_000_000;
const NO_SPACE = 'no-space: etcdserver: mvcc: database space exceeded';

/** A mount of our own that goes with its process, if this machine lets us have one. */
const NAMESPACE = ['--mount', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'])];
const MOUNT = `mount -t tmpfs -o size=${DISK_BYTES} tmpfs "$0"`;
const canMount =
  spawnSync('unshare', [...NAMESPACE, 'sh', '-c', MOUNT, '/tmp'], { stdio: 'ignore' }).status === 0;

const disks: Record<string, (directory: string) => Promise<Account>> = {
  'a disk that says it is full': async (dataDir) => {
    const disk = new FaultDisk();
    disk.freeBytes = DISK_BYTES;
    const makeRoom = async () => {
      disk.freeBytes = Number.POSITIVE_INFINITY;
    };
    return fillTheDisk({ dataDir, disk, makeRoom });
  },
  ...(canMount && { 'a real file system of two megabytes': onRealFileSystem }),
};

async function onRealFileSystem(directory: string): Promise<Account> {
  const script = await bundle('disk-full-process.ts', directory);
  const mountPoint = join(directory, 'small');
  await mkdir(mountPoint);
  const command = ['sh', '-c', `${MOUNT} && exec "$@"`, mountPoint];
  const child = spawn('unshare', [...NAMESPACE, ...command, process.execPath, script, mountPoint], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = once(child, 'exit');
  try {
    const [account] = await Promise.race([
      once(child, 'message'),
      exited.then(() => Promise.reject(new Error('the process ended without its account'))),
    ]);
    return account as Account;
  } finally {
    child.kill('SIGKILL');
    await exited;
  }
}

describe.each(Object.keys(disks))('%s', (name) => {
  test('stops writes with NOSPACE until somebody makes room and disarms, and loses nothing', async () => {
    await using directory = await temporaryDirectory();
    const account = await (disks[name] as (typeof disks)[string])(directory.path);
    const { acknowledged } = account;
    expect(acknowledged).toBeGreaterThan(50);
    expect(account).toEqual({
      acknowledged,
      refusal: NO_SPACE,
      others: [NO_SPACE, NO_SPACE],
      alarms: ['NOSPACE'],
      readable: acknowledged,
      watched: acknowledged,
      beforeDisarm: NO_SPACE,
      afterDisarm: 'ok',
      reopened: {
        alarms: [],
        keys: ['after', ...Array.from({ length: acknowledged }, (_, n) => keyOf(n))],
      },
    });
  });
});

test('full at any byte of a record, nothing of it stays, and the log goes on where it was', async () => {
  await using directory = await temporaryDirectory();
  const disk = new FaultDisk();
  const options = { dataDir: directory.path, disk };
  const everything = { key: '\0', rangeEnd: '\0' };
  let expected: string[] = [];
  for (let freeBytes = 0; ; freeBytes++) {
    const store = await openStore(options);
    expect([freeBytes, (await store.range(everything)).kvs.map(line)]).toEqual([
      freeBytes,
      expected,
    ]);
    disk.freeBytes = freeBytes;
    const put = store.put({ key: 'a', value: bytes('value') });
    const error = await put.then(
      () => undefined,
      (e: unknown) => e,
    );
    disk.freeBytes = Number.POSITIVE_INFINITY;
    if (error === undefined) {
      await store[Symbol.asyncDispose]();
      break;
    }
    expect(StoreError.is(error, 'no-space')).toBe(true);
    await store.maintenance.disarm('NOSPACE');
    await store.put({ key: 'b', value: bytes(`${freeBytes}`) });
    expected = (await store.range(everything)).kvs.map(line);
    await store[Symbol.asyncDispose]();
  }
  expect(expected.length).toBe(1);
});
