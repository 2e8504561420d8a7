// Which images go when the disk is full: the plan as tables, and what is done of it, on an engine in memory.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ImageCollector } from '#src/image/image-collector.ts';
import {
  bytesToFree,
  disposableImages,
  type ImageGcPolicy,
  type KnownImage,
  outdatedImages,
} from '#src/image/image-gc.ts';
import { PulledImages } from '#src/image/pulled-images.ts';
import { parseKubeletFlags } from '#src/options.ts';
import { RuntimeError } from '#src/runtime/runtime.ts';

const POLICY: ImageGcPolicy = {
  highThresholdPercent: 85,
  lowThresholdPercent: 80,
  ageMinMs: 120_000,
  unusedMaxMs: 0,
};
const NOW_MS = 1_000_000;

function image(name: string, rest: Partial<KnownImage> = {}): KnownImage {
  const age = { detectedAtMs: 0, usedAtMs: 0, isUsed: false };
  return { name, id: `sha256:${name}`, sizeBytes: 10, ...age, ...rest };
}

test.each([
  { availableBytes: 160, want: 0 },
  { availableBytes: 150, want: 50 },
  { availableBytes: 149, want: 51 },
  { availableBytes: 0, want: 200 },
])('with $availableBytes of 1000 bytes left, $want are wanted', ({ availableBytes, want }) => {
  expect(bytesToFree({ capacityBytes: 1000, availableBytes }, POLICY)).toBe(want);
});

describe('disposableImages()', () => {
  const names = (images: readonly KnownImage[]) =>
    disposableImages(images, { nowMs: NOW_MS, ageMinMs: 120_000 }).map(({ name }) => name);

  test('takes those first that nobody has used for the longest time, then the oldest', () => {
    const images = [
      image('used-later', { usedAtMs: 500 }),
      image('never-used-young', { detectedAtMs: 900 }),
      image('used-earlier', { usedAtMs: 400 }),
      image('never-used-old', { detectedAtMs: 100 }),
    ];
    const want = ['never-used-old', 'never-used-young', 'used-earlier', 'used-later'];
    expect(names(images)).toEqual(want);
  });

  test('leaves what is used, and what has just come', () => {
    const images = [
      image('used', { isUsed: true }),
      image('young', { detectedAtMs: NOW_MS - 119_999 }),
      image('old-enough', { detectedAtMs: NOW_MS - 120_000 }),
    ];
    expect(names(images)).toEqual(['old-enough']);
  });
});

test.each([
  { unusedMaxMs: 0, want: [] },
  { unusedMaxMs: 1_000, want: ['never'] },
  { unusedMaxMs: 100, want: ['never', 'before'] },
])('unused for more than $unusedMaxMs ms go $want', ({ unusedMaxMs, want }) => {
  const images = [
    image('never', { detectedAtMs: NOW_MS - 2_000 }),
    image('before', { usedAtMs: NOW_MS - 500 }),
    image('now', { isUsed: true }),
  ];
  const found = outdatedImages(images, { nowMs: NOW_MS, unusedMaxMs });
  expect(found.map(({ name }) => name)).toEqual(want);
});

async function fileOf(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'kubelet-images-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return join(directory, 'pulled-images.json');
}

test('what was pulled is on record for the next kubelet; a torn record is none', async () => {
  const path = await fileOf();
  const images = new PulledImages(path);
  const record = (name: string) => ({ name, id: `sha256:${name}`, pulledAtMs: 1 });
  await Promise.all(['a', 'b', 'c'].map((name) => images.note(record(name))));
  await images.forget('b');
  expect(await new PulledImages(path).list()).toEqual([record('a'), record('c')]);
  for (const text of ['[{"name": "a"}, null, 7]', '{', '7', '']) {
    await writeFile(path, text);
    const torn = new PulledImages(path);
    expect(await torn.list()).toEqual([]);
    await torn.note(record('a'));
    expect(JSON.parse(await readFile(path, 'utf8'))).toEqual([record('a')]);
  }
});

/** An engine with four images, of which this kubelet has pulled all but one, on a disk of 100 bytes. */
async function setUp(policy: Partial<ImageGcPolicy> = {}, capacityBytes = 100) {
  const clock = new FakeClock();
  const there = new Set(['pulled-1', 'pulled-2', 'used', 'foreign']);
  const stuck = new Set<string>();
  const runtime = {
    listImages: async () =>
      [...there].map((name) => ({ id: `sha256:${name}`, names: [name], sizeBytes: 10 })),
    imagesInUse: async () => new Set(['sha256:used']),
    removeImage: async (name: string) => {
      if (stuck.has(name)) throw new RuntimeError('conflict', 'image is being used');
      there.delete(name);
    },
  };
  const pulled = new PulledImages(await fileOf());
  for (const name of ['pulled-1', 'pulled-2', 'used', 'gone']) {
    await pulled.note({ name, id: `sha256:${name}`, pulledAtMs: clock.now() });
  }
  clock.advance(POLICY.ageMinMs);
  const told: string[] = [];
  const collector = new ImageCollector({
    ...{ runtime, pulled, clock, log: silentLogger },
    policy: { ...POLICY, ...policy },
    disk: async () => ({ capacityBytes, availableBytes: 20 - 10 * (there.size - 3) }),
    warn: (reason, message) => told.push(`${reason} ${message}`),
  });
  return { clock, there, stuck, pulled, told, collector };
}

test('as many images go as make enough room, and none that somebody else has pulled', async () => {
  const { there, pulled, told, collector } = await setUp();
  await collector.collect();
  expect([...there]).toEqual(['pulled-2', 'used', 'foreign']);
  expect((await pulled.list()).map(({ name }) => name)).toEqual(['pulled-2', 'used']);
  expect(told).toEqual([]);
  await collector.collect();
  expect(there.size).toBe(3);
  await collector.deleteUnused();
  expect([...there]).toEqual(['used', 'foreign']);
});

test('room that cannot be made is told; an image that cannot be removed keeps no other one', async () => {
  const { there, stuck, told, collector } = await setUp({ lowThresholdPercent: 0 });
  stuck.add('pulled-1');
  await collector.collect();
  expect([...there]).toEqual(['pulled-1', 'used', 'foreign']);
  const numbers = 'Attempted to free 90 bytes, but only found 10 bytes eligible to free.';
  expect(told).toEqual([
    `FreeDiskSpaceFailed Failed to garbage collect required amount of images. ${numbers}`,
  ]);
});

test('a disk without a size is told, and nothing is removed for it', async () => {
  const { there, told, collector } = await setUp({}, 0);
  await collector.collect();
  expect(there.size).toBe(4);
  expect(told).toEqual(['InvalidDiskCapacity invalid capacity 0 on image filesystem']);
});

test('it looks every five minutes, and goes on after a failure', async () => {
  const { clock, there, collector } = await setUp({ unusedMaxMs: 1 });
  const stop = new AbortController();
  const running = collector.run(stop.signal);
  clock.advance(299_999);
  expect(there.size).toBe(4);
  clock.advance(1);
  await expect.poll(() => there.size).toBe(2);
  stop.abort();
  await running;
});

test.each([
  [[], 1],
  [['--serialize-image-pulls=false'], Number.POSITIVE_INFINITY],
  [['--serialize-image-pulls=false', '--max-parallel-image-pulls=3'], 3],
])('with %j so many images are pulled at a time: %d', (flags, want) => {
  const options = parseKubeletFlags(['--kubeconfig=x', ...flags]);
  expect(options.imagePullsMax).toBe(want);
  expect(options.imageGc).toEqual(POLICY);
});
