// Volumes on disk: atomic replacement, paths that stay inside, types of host paths.

import {
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { FakeClock } from '@kube-labs/apiserver';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runHostCommand } from '#src/host-command.ts';
import { type Payload, writeAtomically } from '#src/volume/atomic-writer.ts';
import { payloadOf } from '#src/volume/config-payload.ts';
import { setUpEmptyDir } from '#src/volume/empty-dir.ts';
import { setUpHostPath } from '#src/volume/host-path.ts';
import { mountPoints, removeDirectory } from '#src/volume/mounts.ts';
import { VolumeManager } from '#src/volume/volume-manager.ts';
import { diskUsageOf, memoryUsageOf } from '#src/volume/volume-usage.ts';
import { container, pod } from './objects.ts';

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kubelet-volume-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

const payload = (files: Record<string, string>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));

describe('writeAtomically()', () => {
  test('shows files through ..data, and replaces them all at once', async () => {
    const path = await directory();
    await writeAtomically(path, payload({ a: '1', 'dir/b': '2' }, 0o400), 0);
    const first = await readlink(join(path, '..data'));
    expect(await readFile(join(path, 'dir/b'), 'utf8')).toBe('2');
    expect((await stat(join(path, 'a'))).mode & 0o777).toBe(0o400);
    await writeAtomically(path, payload({ a: '3', c: '4' }), 1_000);
    expect((await readdir(path)).sort()).toEqual(
      ['..data', await readlink(join(path, '..data')), 'a', 'c'].sort(),
    );
    expect(await readlink(join(path, '..data'))).not.toBe(first);
    expect(await readFile(join(path, 'a'), 'utf8')).toBe('3');
  });

  test.each([{ next: '1' }, { next: '2' }])(
    'takes away what an update left that was cut off, with $next after 1',
    async ({ next }) => {
      const path = await directory();
      await writeAtomically(path, payload({ a: '1' }), 0);
      await mkdir(join(path, '..2015_11_09_10_00_00.123456'));
      await writeAtomically(path, payload({ a: next }), 1_000);
      const current = await readlink(join(path, '..data'));
      expect((await readdir(path)).sort()).toEqual(['..data', current, 'a'].sort());
      expect(await readFile(join(path, 'a'), 'utf8')).toBe(next);
    },
  );

  test('makes the names at the top that somebody did not come to who was killed', async () => {
    const path = await directory();
    await writeAtomically(path, payload({ a: '1', b: '2' }), 0);
    await rm(join(path, 'b'));
    expect(await writeAtomically(path, payload({ a: '1', b: '2' }), 1)).toBe(false);
    expect(await readFile(join(path, 'b'), 'utf8')).toBe('2');
  });

  test('changes nothing when nothing changed', async () => {
    const path = await directory();
    expect(await writeAtomically(path, payload({ a: '1' }), 0)).toBe(true);
    expect(await writeAtomically(path, payload({ a: '1' }), 1)).toBe(false);
  });

  test.each(['../x', '/etc/passwd', 'a/../../b', '..data', ''])('refuses %j', async (name) => {
    const path = await directory();
    await expect(writeAtomically(path, payload({ [name]: '1' }), 0)).rejects.toThrow(
      'invalid path',
    );
    expect(await readdir(path)).toEqual([]);
  });
});

describe('setUpHostPath()', () => {
  test('makes what its type says, and checks what is there', async () => {
    const root = await directory();
    await setUpHostPath({ path: '/d', type: 'DirectoryOrCreate' }, root);
    await setUpHostPath({ path: '/f', type: 'FileOrCreate' }, root);
    expect((await stat(join(root, 'd'))).isDirectory()).toBe(true);
    await expect(setUpHostPath({ path: '/f', type: 'Directory' }, root)).rejects.toThrow(
      'hostPath type check failed: /f is not a directory',
    );
    await expect(setUpHostPath({ path: '/none', type: 'File' }, root)).rejects.toThrow(
      'not a file',
    );
  });
});

describe('payloadOf()', () => {
  const data = new Map([
    ['key', Buffer.from('v')],
    ['other', Buffer.from('w')],
  ]);
  const sources = {
    reader: { secret: async () => data, configMap: async () => undefined },
    surroundings: { podAddress: undefined, hostAddress: '', allocatable: {} },
  };
  const filesOf = async (volume: object) => {
    const files = await payloadOf(pod(), { name: 'v', ...volume }, sources);
    return Object.fromEntries([...files].map(([path, file]) => [path, file.mode.toString(8)]));
  };

  test('takes all keys, or the items with their paths and modes', async () => {
    expect(await filesOf({ secret: { secretName: 's', defaultMode: 0o400 } })).toEqual({
      key: '400',
      other: '400',
    });
    const items = [{ key: 'key', path: 'sub/k', mode: 0o600 }];
    expect(await filesOf({ secret: { secretName: 's', items } })).toEqual({ 'sub/k': '600' });
  });

  test('says what is missing, unless it is optional', async () => {
    await expect(filesOf({ configMap: { name: 'cm' } })).rejects.toThrow(
      'configmap "cm" not found',
    );
    expect(await filesOf({ configMap: { name: 'cm', optional: true } })).toEqual({});
    const items = [{ key: 'nokey', path: 'k' }];
    await expect(filesOf({ secret: { secretName: 's', items } })).rejects.toThrow('nokey');
  });

  test('refuses what it does not know', async () => {
    const source = { clusterTrustBundle: { path: 'ca.crt' } };
    await expect(filesOf({ projected: { sources: [source] } })).rejects.toThrow(
      'there are no projected sources of the kind clusterTrustBundle',
    );
  });

  test('puts projected sources together', async () => {
    const fieldRef = { fieldPath: 'metadata.name' };
    const sourcesOf = [
      { secret: { name: 's' } },
      { downwardAPI: { items: [{ path: 'name', fieldRef }] } },
    ];
    expect(await filesOf({ projected: { sources: sourcesOf } })).toEqual({
      key: '644',
      other: '644',
      name: '644',
    });
  });
});

test('mountPoints() understands blanks in paths', () => {
  expect(mountPoints('1 2 0:1 / /a\\040b rw - tmpfs tmpfs rw\n')).toEqual(['/a b']);
});

test('the writer leaves foreign files of the volume’s hidden names alone', async () => {
  const path = await directory();
  await writeFile(join(path, '..keep'), 'x');
  await writeAtomically(path, payload({ a: '1' }), 0);
  expect(await readFile(join(path, '..keep'), 'utf8')).toBe('x');
});

describe('usage', () => {
  const run = runHostCommand;
  test('files are counted, each once', async () => {
    const files = 20;
    const path = await directory();
    await mkdir(join(path, 'sub'));
    const names = [...Array(files - 1).keys()].map((index) => join(path, 'sub', `${index}`));
    for (const name of names) await writeFile(name, 'x');
    await writeFile(join(path, 'big'), Buffer.alloc(100_000, 1));
    await link(join(path, 'big'), join(path, 'again'));
    const usage = await diskUsageOf(path);
    expect(usage?.inodes).toBe(files + 2);
    const [blocks, disk] = [await blocksOf(join(path, 'big')), await blocksOf(names[0] ?? '')];
    const directories = (await blocksOf(path)) + (await blocksOf(join(path, 'sub')));
    expect(usage?.usedBytes).toBe(512 * (blocks + (files - 1) * disk + directories));
  });

  test('what is in memory is known to the kernel', async () => {
    const path = await directory();
    const options = { fsGroup: undefined, memoryBytes: 1024 ** 2, run };
    await setUpEmptyDir({ medium: 'Memory' }, join(path, 'm'), options);
    onTestFinished(() => removeDirectory(join(path, 'm'), run));
    await writeFile(join(path, 'm/file'), Buffer.alloc(100_000, 1));
    const usage = await memoryUsageOf(join(path, 'm'));
    expect(usage?.usedBytes).toBeGreaterThanOrEqual(100_000);
    expect(usage?.inodes).toBe(2);
  });

  test('files that come and go do not hide the others', async () => {
    const path = await directory();
    await writeFile(join(path, 'big'), Buffer.alloc(100_000, 1));
    const churn = `const fs = require('node:fs');
      for (let turn = 0; turn < 1e6; turn++) {
        fs.writeFileSync('${path}/f' + turn, '');
        fs.rmSync('${path}/f' + (turn - 3), { force: true });
      }`;
    const worker = new Worker(churn, { eval: true });
    onTestFinished(async () => void (await worker.terminate()));
    for (let look = 0; look < 200; look++) {
      expect((await diskUsageOf(path))?.usedBytes).toBeGreaterThanOrEqual(100_000);
    }
    await worker.terminate();
    expect(await diskUsageOf(join(path, 'none'))).toBeUndefined();
    expect(await memoryUsageOf(join(path, 'none'))).toBeUndefined();
  });

  const blocksOf = async (path: string) => (await stat(path)).blocks;
});

test('VolumeManager makes what containers mount, and measures what is the pod’s own', async () => {
  const rootDirectory = await directory();
  const read = async (_: string, name: string) =>
    name === 'there' ? new Map([['key', Buffer.from('v')]]) : undefined;
  const volumes = new VolumeManager({
    ...{ rootDirectory, hostRoot: '', run: runHostCommand, clock: new FakeClock() },
    reader: { configMap: read, secret: read },
  });
  const mounts = (...names: string[]) => names.map((name) => ({ name, mountPath: `/${name}` }));
  const subject = pod({
    volumes: [
      { name: 'data', emptyDir: {} },
      { name: 'conf', configMap: { name: 'there' } },
      { name: 'unused', secret: { secretName: 'none' } },
    ],
    containers: [container('c', { volumeMounts: mounts('data') })],
    initContainers: [container('i', { volumeMounts: mounts('conf') })],
  });
  const surroundings = { podAddress: undefined, hostAddress: '', allocatable: {} };
  const result = await volumes.setUp(subject, surroundings);
  expect(result.kind === 'ready' && [...result.volumes.keys()]).toEqual(['data', 'conf']);
  const usage = await volumes.usage(subject);
  expect(usage.map(({ name, inodes }) => [name, inodes])).toEqual([
    ['data', 1],
    // Itself, ..data, its version and the file in it, and the link to that.
    ['conf', 5],
  ]);
  const spec = { containers: [container('c', { volumeMounts: mounts('unused') })] };
  const failed = await volumes.setUp(pod({ ...subject.spec, ...spec }), surroundings);
  expect(failed).toEqual({
    kind: 'failed',
    volume: 'unused',
    message: 'MountVolume.SetUp failed for volume "unused" : secret "none" not found',
  });
  await volumes.tearDown('u1');
  expect(await volumes.podsOnDisk()).toEqual([]);
  expect(await volumes.usage(subject)).toEqual([]);
});

test('VolumeManager keeps the files that it cannot bring up to date, and tells why', async () => {
  const rootDirectory = await directory();
  let data: ReadonlyMap<string, Uint8Array> | undefined = new Map([['key', Buffer.from('v')]]);
  const read = async () => data;
  const volumes = new VolumeManager({
    ...{ rootDirectory, hostRoot: '', run: runHostCommand, clock: new FakeClock() },
    reader: { configMap: read, secret: read },
  });
  const volumeMounts = [{ name: 'conf', mountPath: '/conf' }];
  const subject = pod({
    volumes: [{ name: 'conf', configMap: { name: 'conf' } }],
    containers: [container('c', { volumeMounts })],
  });
  const surroundings = { podAddress: undefined, hostAddress: '', allocatable: {} };
  expect(await volumes.setUp(subject, surroundings)).toMatchObject({ warnings: [] });
  data = undefined;
  const later = await volumes.setUp(subject, surroundings);
  if (later.kind === 'failed') throw new Error(later.message);
  expect(later.warnings).toEqual([
    'MountVolume.SetUp failed for volume "conf" : configmap "conf" not found',
  ]);
  const place = later.volumes.get('conf')?.hostPath ?? '';
  expect(await readFile(join(place, 'key'), 'utf8')).toBe('v');
});
