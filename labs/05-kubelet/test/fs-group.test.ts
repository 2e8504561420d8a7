// Whose the files of volumes are: fsGroup's ownership and bits, and what it must not touch.

import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runHostCommand } from '#src/host-command.ts';
import { writeAtomically } from '#src/volume/atomic-writer.ts';
import { memoryBytesOf, setUpEmptyDir } from '#src/volume/empty-dir.ts';
import { setVolumeOwnership, withFsGroup } from '#src/volume/fs-group.ts';
import { removeDirectory } from '#src/volume/mounts.ts';
import { container, pod } from './objects.ts';

const run = runHostCommand;
const ALWAYS = { fsGroup: 7, readOnly: false, onRootMismatch: false };

async function directory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'kubelet-fs-group-'));
  onTestFinished(() => removeDirectory(path, run));
  return path;
}

/** As `mode group`. */
async function seen(path: string): Promise<string> {
  const { mode, gid } = await lstat(path);
  return `${(mode & 0o7777).toString(8)} ${gid}`;
}

test('all of a volume gets the group, with its bits, and directories hand it on', async () => {
  const root = await directory();
  await mkdir(join(root, 'a/b'), { recursive: true, mode: 0o700 });
  await writeFile(join(root, 'a/file'), 'x', { mode: 0o600 });
  await setVolumeOwnership(root, ALWAYS);
  expect(await seen(root)).toBe('2770 7');
  expect(await seen(join(root, 'a/b'))).toBe('2770 7');
  expect(await seen(join(root, 'a/file'))).toBe('660 7');
  await writeFile(join(root, 'a/b/made'), '');
  expect((await stat(join(root, 'a/b/made'))).gid).toBe(7);
});

test('a read-only volume is opened for reading alone', async () => {
  const root = await directory();
  await writeFile(join(root, 'file'), 'x', { mode: 0o400 });
  await setVolumeOwnership(root, { ...ALWAYS, readOnly: true });
  expect([await seen(root), await seen(join(root, 'file'))]).toEqual(['2750 7', '440 7']);
});

test('OnRootMismatch looks at the volume’s own directory alone', async () => {
  const root = await directory();
  await setVolumeOwnership(root, { ...ALWAYS, onRootMismatch: true });
  await writeFile(join(root, 'late'), '');
  await chmod(join(root, 'late'), 0o600);
  await setVolumeOwnership(root, { ...ALWAYS, onRootMismatch: true });
  expect(await seen(join(root, 'late'))).toBe('600 7');
  await setVolumeOwnership(root, ALWAYS);
  expect(await seen(join(root, 'late'))).toBe('660 7');
});

test('what a link leads to is left alone', async () => {
  const [root, other] = [await directory(), await directory()];
  await writeFile(join(other, 'secret'), '');
  await chmod(join(other, 'secret'), 0o600);
  await symlink(join(other, 'secret'), join(root, 'link'));
  await symlink(other, join(root, 'folder'));
  await setVolumeOwnership(root, ALWAYS);
  expect(await seen(join(other, 'secret'))).toBe('600 0');
  expect(await seen(other)).toBe('700 0');
  expect((await lstat(join(root, 'link'))).gid).toBe(7);
});

test('files of secrets are the group’s to read, and are written anew when the group changes', async () => {
  const root = await directory();
  const files = new Map([['key', { data: Buffer.from('s3'), mode: 0o400, uid: 5 }]]);
  expect(await writeAtomically(root, withFsGroup(files, 7), 0)).toBe(true);
  const { uid, gid, mode } = await stat(join(root, 'key'));
  expect([uid, gid, mode & 0o777]).toEqual([5, 7, 0o440]);
  expect(await writeAtomically(root, withFsGroup(files, 7), 1)).toBe(false);
  expect(await writeAtomically(root, withFsGroup(files, 8), 2)).toBe(true);
  expect(withFsGroup(files, undefined)).toBe(files);
});

test('an emptyDir is everybody’s and the group’s, and then what its containers make of it', async () => {
  const root = await directory();
  const setUp = (fsGroup?: number) =>
    setUpEmptyDir({}, join(root, 'v'), { fsGroup, memoryBytes: undefined, run });
  await setUp(7);
  expect(await seen(join(root, 'v'))).toBe('2777 7');
  await writeFile(join(root, 'v/file'), 'kept');
  await chmod(join(root, 'v'), 0o700);
  await setUp(7);
  expect(await seen(join(root, 'v'))).toBe('700 7');
  expect(await readFile(join(root, 'v/file'), 'utf8')).toBe('kept');
});

test('an emptyDir that was half made is made again', async () => {
  const root = await directory();
  await mkdir(join(root, 'v.new'));
  await setUpEmptyDir({}, join(root, 'v'), { fsGroup: undefined, memoryBytes: undefined, run });
  expect(await seen(join(root, 'v'))).toBe('777 0');
  await rename(join(root, 'v'), join(root, 'gone'));
  await rm(join(root, 'gone'), { recursive: true });
});

test('an emptyDir in memory has its bound and its group; other media are refused', async () => {
  const root = await directory();
  const options = { fsGroup: 7, memoryBytes: 1024 ** 2, run };
  await setUpEmptyDir({ medium: 'Memory' }, join(root, 'm'), options);
  expect(await seen(join(root, 'm'))).toBe('2777 7');
  const df = await run('df', ['-B1', '--output=fstype,size', join(root, 'm')]);
  expect(df).toMatch(/tmpfs\s+1048576/);
  const huge = setUpEmptyDir({ medium: 'HugePages' }, join(root, 'h'), options);
  await expect(huge).rejects.toThrow('emptyDir medium HugePages is not on this node');
});

const MI = 1024 ** 2;
const limited = (memory: string) => container('c', { resources: { limits: { memory } } });
test.each([
  { name: 'the node', containers: [container('c')], sizeLimit: undefined, want: 100 * MI },
  { name: 'the volume', containers: [container('c')], sizeLimit: '10Mi', want: 10 * MI },
  {
    name: 'the pod',
    containers: [limited('20Mi'), limited('30Mi')],
    sizeLimit: '70Mi',
    want: 50 * MI,
  },
  {
    name: 'the node, as one container has no limit',
    containers: [limited('20Mi'), container('d')],
    sizeLimit: undefined,
    want: 100 * MI,
  },
])('a volume in memory is bounded by $name', ({ containers, sizeLimit, want }) => {
  const source = sizeLimit === undefined ? {} : { sizeLimit };
  expect(memoryBytesOf(pod({ containers }), source, '100Mi')).toBe(want);
});
