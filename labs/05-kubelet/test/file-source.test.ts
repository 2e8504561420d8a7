// A folder of manifests: what is taken from it, when, and what is complained of.

import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Clock, FakeClock, type Logger, realClock, silentLogger } from '@kube-labs/apiserver';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { FileSource } from '#src/config/file-source.ts';
import { PodManager } from '#src/config/pod-manager.ts';

const manifest = (name: string, rest = '') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: ${name}${rest}}\nspec: {containers: [{name: c, image: x}]}\n`;

async function setUp({
  files = {},
  clock = new FakeClock(),
  folder = mkdtempSync(join(tmpdir(), 'kubelet-files-')),
  path = folder,
}: {
  files?: Readonly<Record<string, string | Uint8Array>>;
  clock?: Clock;
  folder?: string;
  path?: string;
} = {}) {
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  const manager = new PodManager();
  const told: string[] = [];
  manager.onChange({
    set: ({ metadata }, before) =>
      told.push(`${before === undefined ? 'set' : 'update'} ${metadata?.name}`),
    gone: ({ metadata }) => told.push(`gone ${metadata?.name}`),
  });
  const said: string[] = [];
  const note = (message: string, fields = {}) =>
    said.push(`${message} ${Object.values(fields).join(' ').replaceAll(folder, '')}`);
  const log: Logger = { ...silentLogger, error: note, warn: note };
  /** Uids and names that still end. */
  const alive = new Set<string>();
  const source = new FileSource({
    ...{ path, manager, clock, log },
    ...{ nodeName: 'n', intervalMs: 20_000 },
    isAlive: (uid, name = '') => alive.has(uid) || alive.has(name),
  });
  const running = new AbortController();
  let synced = 0;
  const stopped = source.run(() => synced++, running.signal);
  onTestFinished(async () => {
    running.abort();
    await stopped;
  });
  await vi.waitFor(() => expect(synced).toBe(1));
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, `.${name}`), text);
    renameSync(join(folder, `.${name}`), join(folder, name));
  };
  const names = () => manager.pods().map(({ metadata }) => metadata?.name);
  const until = (want: readonly string[]) => vi.waitFor(() => expect(told).toEqual(want));
  return { folder, source, manager, told, said, alive, write, names, until };
}

test('every file of the folder is a pod; hidden files, folders and their contents are none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubelet-files-'));
  mkdirSync(join(folder, 'old'));
  writeFileSync(join(folder, 'old', 'c.yaml'), manifest('c'));
  writeFileSync(join(folder, 'target'), manifest('linked'));
  symlinkSync(join(folder, 'target'), join(folder, 'z.yaml'));
  rmSync(join(folder, 'target'));
  writeFileSync(join(folder, '.target'), manifest('linked'));
  rmSync(join(folder, 'z.yaml'));
  symlinkSync(join(folder, '.target'), join(folder, 'z.yaml'));
  const json =
    '{"apiVersion":"v1","kind":"Pod","metadata":{"name":"b"},"spec":{"containers":[{"name":"c","image":"x"}]}}';
  const files = { 'a.yaml': manifest('a'), 'b.json': json, '.hidden.yaml': manifest('hidden') };
  const { told, said } = await setUp({ folder, files });
  expect(told).toEqual(['set a-n', 'set b-n', 'set linked-n']);
  expect(said).toEqual([]);
});

test('one file may be named instead of a folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubelet-files-'));
  const files = { 'a.yaml': manifest('a'), 'b.yaml': manifest('b') };
  const { told, write, until } = await setUp({ folder, files, path: join(folder, 'b.yaml') });
  expect(told).toEqual(['set b-n']);
  write('b.yaml', manifest('b', ', labels: {x: y}'));
  await until(['set b-n', 'gone b-n', 'set b-n']);
});

test('a folder that is not there is empty; it may come, and go again with all its pods', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubelet-files-'));
  const path = join(folder, 'manifests');
  const clock = new FakeClock();
  const { source, told, said, until } = await setUp({ folder, path, clock });
  source.look();
  mkdirSync(path);
  writeFileSync(join(path, 'a.yaml'), manifest('a'));
  clock.advance(20_000);
  await until(['set a-n']);
  rmSync(path, { recursive: true });
  clock.advance(20_000);
  await until(['set a-n', 'gone a-n']);
  expect(said[0]).toBe('Unable to read config path /manifests path does not exist, ignoring');
  expect(told).toHaveLength(2);
});

test('a change is seen at once; without a word from the kernel by the next reading', async () => {
  const { write, folder, until } = await setUp({ files: { 'a.yaml': manifest('a') } });
  write('b.yaml', manifest('b'));
  await until(['set a-n', 'set b-n']);
  rmSync(join(folder, 'a.yaml'));
  await until(['set a-n', 'set b-n', 'gone a-n']);
});

test('the same again is no change, however it is written', async () => {
  const { source, write, folder, told, until } = await setUp({
    files: { 'a.yaml': manifest('a') },
  });
  write('a.yaml', `# A remark.\n${manifest('a')}`);
  appendFileSync(join(folder, 'a.yaml'), '# Another.\n');
  source.look();
  write('b.yaml', manifest('b'));
  await until(['set a-n', 'set b-n']);
  expect(told).toHaveLength(2);
});

test('what a file had before must be gone before its next pod comes, under the same name and under another', async () => {
  const { source, manager, alive, write, told, until } = await setUp({
    files: { 'a.yaml': manifest('a') },
  });
  const first = manager.pods()[0]?.metadata?.uid ?? '';
  alive.add(first).add('default/a-n');
  write('a.yaml', manifest('a', ', labels: {x: y}'));
  await until(['set a-n', 'gone a-n']);
  write('a.yaml', manifest('b'));
  source.look();
  write('c.yaml', manifest('c'));
  await until(['set a-n', 'gone a-n', 'set c-n']);
  alive.clear();
  source.look();
  await until(['set a-n', 'gone a-n', 'set c-n', 'set b-n']);
  expect(told).toHaveLength(4);
});

test('a file that moves, or comes again, waits for its own pod to end', async () => {
  const { source, alive, folder, write, until } = await setUp({
    files: { 'a.yaml': manifest('a') },
  });
  alive.add('default/a-n');
  renameSync(join(folder, 'a.yaml'), join(folder, 'b.yaml'));
  await until(['set a-n', 'gone a-n']);
  write('c.yaml', manifest('c'));
  await until(['set a-n', 'gone a-n', 'set c-n']);
  alive.clear();
  source.look();
  await until(['set a-n', 'gone a-n', 'set c-n', 'set a-n']);
});

test('of two files for one name the first has it, and keeps it; the other comes when it goes', async () => {
  const files = { 'a.yaml': manifest('web'), 'b.yaml': manifest('web', ', labels: {x: y}') };
  const { folder, source, said, manager, until } = await setUp({ files });
  await until(['set web-n']);
  source.look();
  rmSync(join(folder, 'a.yaml'));
  await until(['set web-n', 'gone web-n', 'set web-n']);
  expect(manager.pods()[0]?.metadata?.labels).toEqual({ x: 'y' });
  expect(said).toEqual([
    'Could not process manifest file /b.yaml pod name or uid duplicates the one of /a.yaml',
  ]);
});

test('a pod with a uid of its own is changed, not replaced', async () => {
  const own = ', uid: my-own';
  const { write, until } = await setUp({ files: { 'a.yaml': manifest('a', own) } });
  write('a.yaml', manifest('a', `${own}, labels: {x: y}`));
  await until(['set a-n', 'update a-n']);
});

test('a file that turns bad is complained of once, and its pod runs on; a good one takes over', async () => {
  const { source, said, write, told, until } = await setUp({ files: { 'a.yaml': manifest('a') } });
  write('a.yaml', manifest('a').slice(0, -20));
  await vi.waitFor(() => expect(said).toHaveLength(1));
  source.look();
  write('b.yaml', manifest('b'));
  await until(['set a-n', 'set b-n']);
  expect(said).toHaveLength(1);
  write('a.yaml', manifest('a', ', labels: {x: y}'));
  await until(['set a-n', 'set b-n', 'gone a-n', 'set a-n']);
  expect(told).toHaveLength(4);
});

test('a file that is being written is not taken before it rests', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubelet-files-'));
  const file = join(folder, 'a.yaml');
  let restedMs = 0;
  let looks = 0;
  const now = () => {
    looks++;
    return statSync(file).ctimeMs + restedMs;
  };
  const { until, told } = await setUp({ folder, clock: { ...realClock, now } });
  // Valid, but not all of it.
  writeFileSync(file, manifest('a'));
  await vi.waitFor(() => expect(looks).toBeGreaterThan(2));
  appendFileSync(file, '# more\n');
  expect(told).toEqual([]);
  writeFileSync(file, manifest('whole'));
  restedMs = 200;
  await until(['set whole-n']);
});

test('a file that is written without end is complained of, and keeps nothing from being complete', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kubelet-files-'));
  const log = join(folder, 'b.log');
  writeFileSync(log, '');
  const setTimeout = (callback: () => void) =>
    realClock.setTimeout(() => {
      appendFileSync(log, 'x');
      callback();
    }, 10);
  const now = () => statSync(log).ctimeMs;
  const files = { 'a.yaml': manifest('a') };
  const { told, said } = await setUp({ folder, files, clock: { ...realClock, now, setTimeout } });
  expect(told).toEqual(['set a-n']);
  expect(said).toEqual(['Could not process manifest file /b.log it is written all the time']);
});

describe('bad manifests', () => {
  const notPod = { 'no kind': 'apiVersion: v1', 'no pod': 'apiVersion: v1\nkind: Service' };
  test.each<readonly [string, string | Uint8Array, string | RegExp]>([
    ['nothing', '', /Object 'Kind' is missing in ''/],
    ['no kind', notPod['no kind'], /Object 'Kind' is missing/],
    [
      'another kind',
      notPod['no pod'],
      /converting \(v1.Service\) to \(core.Pod\): unknown conversion/,
    ],
    ['cut in the middle', '{"apiVersion":"v1","ki', /error converting YAML to JSON: yaml: line 1/],
    ['not UTF-8', Uint8Array.of(0x61, 0xff, 0xfe), /yaml: invalid UTF-8/],
    ['too large', Buffer.alloc(10 * 1024 * 1024 + 1, 0x20), /the read limit is reached/],
    ['two in one', `${manifest('a')}---\n${manifest('b')}`, /multiple documents/],
    ['a hostile name', manifest('../../etc'), /metadata.name: Invalid value: "..\/..\/etc-n"/],
    [
      'a name too long',
      manifest('a'.repeat(252)),
      /metadata.name: .*no more than 253 (bytes|char)/,
    ],
    [
      'a hostile uid',
      manifest('a', ', uid: ../../etc'),
      /metadata.uid: Invalid value: "..\/..\/etc"/,
    ],
    [
      'a hostile namespace',
      manifest('a', ', namespace: ../x'),
      /metadata.namespace: Invalid value/,
    ],
    [
      'a wrong type',
      manifest('a').replace('[{name: c, image: x}]', 'x'),
      /json: cannot unmarshal string/,
    ],
    [
      'a missing field',
      manifest('a').replace(', image: x', ''),
      /containers\[0\].image: Required value/,
    ],
    [
      'the same name twice',
      manifest('a').replace('[{', '[{name: c, image: y}, {'),
      /containers\[1\].name: Duplicate value: "c"/,
    ],
    [
      'a secret',
      manifest('a').replace('image: x', 'image: x, envFrom: [{secretRef: {name: s}}]'),
      'static pods may not reference secrets',
    ],
  ])('%s', async (_, text, error) => {
    const files = { 'a.yaml': text, 'good.yaml': manifest('good') };
    const { told, said, names } = await setUp({ files });
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(error);
    expect(said[0]).toMatch(/^Could not process manifest file \/a.yaml /);
    expect(told).toEqual(['set good-n']);
    expect(names()).toEqual(['good-n']);
  });

  test('a field that does not exist is warned of, and the pod runs', async () => {
    const text = manifest('a').replace('image: x', 'image: x, colour: red');
    const { told, said } = await setUp({ files: { 'a.yaml': text } });
    expect(said).toEqual(['Manifest file /a.yaml unknown field "spec.containers[0].colour"']);
    expect(told).toEqual(['set a-n']);
  });
});
