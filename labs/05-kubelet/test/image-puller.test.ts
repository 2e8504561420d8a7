// Images: what is told of a pull, who shares it, which credentials are tried, and names that no registry could have.

import { FakeClock } from '@kube-labs/apiserver';
import { expect, test, vi } from 'vitest';
import { ImagePuller } from '#src/image/image-puller.ts';
import { durationText } from '#src/pod/back-off.ts';
import { PodEvents } from '#src/pod/pod-events.ts';
import { type PullOptions, RuntimeError } from '#src/runtime/runtime.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { container, pod } from './objects.ts';

const never = new AbortController().signal;

function setUp(secrets: Readonly<Record<string, object>> = {}, parallelMax?: number) {
  const clock = new FakeClock();
  const runtime = new FakeRuntime(() => clock.now());
  const told: string[] = [];
  const events = new PodEvents({
    event: (_, _type, reason, text) => told.push(`${reason} ${text}`),
  });
  /** Pulls that are on, each to be ended by the test. */
  const pulls: {
    image: string;
    options: PullOptions;
    signal: AbortSignal;
    finish: () => void;
  }[] = [];
  runtime.pullImage = (image, options, signal) =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      const finish = () => {
        runtime.images.add(image);
        resolve({ id: image, names: [image], sizeBytes: 1 });
      };
      pulls.push({ image, options, signal, finish });
    });
  const secret = async (_: string, name: string) => {
    const found = secrets[name];
    if (found === undefined) return undefined;
    return new Map(Object.entries(found).map(([key, text]) => [key, Buffer.from(text)]));
  };
  const limit = parallelMax === undefined ? {} : { parallelMax };
  const puller = new ImagePuller({ runtime, events, clock, reader: { secret }, ...limit });
  return { clock, runtime, told, pulls, puller };
}

const spec = container('c', { imagePullPolicy: 'Always' });

test('credentials are tried one after the other; who has others shares nothing', async () => {
  const { runtime, told, puller } = setUp({
    one: { '.dockercfg': '{"r.io": {"username": "a", "password": "1"}}' },
    two: { '.dockercfg': '{"r.io": {"username": "b", "password": "2"}}' },
  });
  const tried: unknown[] = [];
  runtime.pullImage = async (_, { auth }) => {
    tried.push(auth?.username);
    throw new Error(`denied ${auth?.username}`);
  };
  const imagePullSecrets = [{ name: 'one' }, { name: 'two' }];
  const order = container('c', { image: 'r.io/app', imagePullPolicy: 'Always' });
  const result = await puller.ensure(pod({ imagePullSecrets }), order, never);
  expect(result).toMatchObject({ reason: 'ErrImagePull', message: '[denied a, denied b]' });
  expect(told).toContain('Failed Failed to pull image "r.io/app": [denied a, denied b]');
  await puller.ensure(pod({}, { metadata: { uid: 'u2' } }), order, never);
  expect(tried).toEqual(['a', 'b', undefined]);
});

test('a secret that cannot be read fails the pull, one that is missing does not', async () => {
  const { pulls, told, puller } = setUp({ torn: { '.dockercfg': '{' } });
  const torn = pod({ imagePullSecrets: [{ name: 'torn' }] });
  expect(await puller.ensure(torn, spec, never)).toMatchObject({ reason: 'ErrImagePull' });
  expect(pulls).toEqual([]);
  const missing = pod({ imagePullSecrets: [{ name: 'gone' }, {}] }, { metadata: { uid: 'u2' } });
  const ensured = puller.ensure(missing, spec, never);
  await vi.waitFor(() => expect(pulls.length).toBe(1));
  pulls[0]?.finish();
  expect((await ensured).kind).toBe('present');
  expect(pulls[0]?.options).toMatchObject({ onProgress: expect.any(Function) });
  expect(told).toContain(
    'FailedToRetrieveImagePullSecret Unable to retrieve some image pull secrets (gone); attempting to pull the image may not succeed.',
  );
});

test('an image that the engine cannot look at has its own reason; an engine that is away is no reason', async () => {
  const { runtime, told, puller } = setUp();
  runtime.imageStatus = async () => {
    throw new RuntimeError('failed', 'no layer');
  };
  const message = 'Failed to inspect image "image:v1": no layer';
  const result = await puller.ensure(pod(), container('c'), never);
  expect(result).toEqual({ kind: 'failed', reason: 'ImageInspectError', message });
  expect(told).toEqual([`InspectFailed ${message}`, 'Failed Error: ImageInspectError']);
  runtime.imageStatus = async () => {
    throw new RuntimeError('unavailable', 'away');
  };
  await expect(puller.ensure(pod(), container('c'), never)).rejects.toThrow('away');
});

test('how far a pull is, is told now and then; one without any news for a minute is given up', async () => {
  const { clock, told, pulls, puller } = setUp();
  const ensured = puller.ensure(pod(), spec, never);
  await vi.waitFor(() => expect(pulls.length).toBe(1));
  const news = (text: string) => pulls[0]?.options.onProgress?.(text);
  news('a1: Downloading [>  ] 1MB/9MB');
  clock.advance(10_000);
  clock.advance(10_000);
  news('a1: Downloading [=> ] 5MB/9MB');
  clock.advance(10_000);
  expect(told).toEqual([
    'Pulling Pulling image "image:v1"',
    'Pulling Pulling image "image:v1": "a1: Downloading [>  ] 1MB/9MB"',
    'Pulling Pulling image "image:v1": "a1: Downloading [=> ] 5MB/9MB"',
  ]);
  clock.advance(60_000);
  const message =
    'Cancel pulling image "image:v1" because of no progress for 1m0s, latest progress: "a1: Downloading [=> ] 5MB/9MB"';
  expect(await ensured).toMatchObject({ reason: 'ErrImagePull', message });
  expect(clock.pendingTimers).toBe(0);
});

test('so many images are pulled at a time; who leaves while it waits costs nothing', async () => {
  const { pulls, puller } = setUp({}, 1);
  const ensure = (image: string, signal = never) =>
    puller.ensure(pod(), container('c', { image, imagePullPolicy: 'Always' }), signal);
  const leaving = new AbortController();
  const all = [ensure('a'), ensure('b', leaving.signal), ensure('c')];
  await vi.waitFor(() => expect(pulls.length).toBe(1));
  leaving.abort();
  await expect(all[1]).rejects.toThrow('abort');
  pulls[0]?.finish();
  await vi.waitFor(() => expect(pulls.length).toBe(2));
  expect(pulls.map(({ image }) => image)).toEqual(['a', 'c']);
  pulls[1]?.finish();
  expect((await Promise.all([all[0], all[2]])).map((one) => one?.kind)).toEqual([
    'present',
    'present',
  ]);
});

test('a pull is told with its own time, the time that was waited, and the size', async () => {
  const { clock, told, pulls, puller } = setUp();
  const first = puller.ensure(pod(), spec, never);
  await vi.waitFor(() => expect(pulls.length).toBe(1));
  clock.advance(1_234);
  const second = puller.ensure(pod(), spec, never);
  await vi.waitFor(() => expect(told.length).toBe(2));
  clock.advance(266);
  pulls[0]?.finish();
  expect([await first, await second]).toMatchObject([{ kind: 'present' }, { kind: 'present' }]);
  expect(told.slice(2).sort()).toEqual([
    'Pulled Successfully pulled image "image:v1" in 1.5s (1.5s including waiting). Image size: 1 bytes.',
    'Pulled Successfully pulled image "image:v1" in 1.5s (266ms including waiting). Image size: 1 bytes.',
  ]);
  expect(pulls.length).toBe(1);
});

test('a pod that goes leaves the pull to the others; the last one ends it, and the next begins anew', async () => {
  const { pulls, puller } = setUp();
  const [one, two] = [new AbortController(), new AbortController()];
  const first = puller.ensure(pod(), spec, one.signal);
  const second = puller.ensure(pod(), spec, two.signal);
  await vi.waitFor(() => expect(pulls.length).toBe(1));
  one.abort();
  await expect(first).rejects.toThrow('abort');
  expect(pulls[0]?.signal.aborted).toBe(false);
  two.abort();
  await expect(second).rejects.toThrow('abort');
  expect(pulls[0]?.signal.aborted).toBe(true);
  const third = puller.ensure(pod(), spec, never);
  await vi.waitFor(() => expect(pulls.length).toBe(2));
  pulls[1]?.finish();
  expect(await third).toMatchObject({ kind: 'present' });
});

test.each([
  {
    image: 'Web',
    problem: 'invalid reference format: repository name (library/Web) must be lowercase',
  },
  {
    image: 'localhost:5000/A/b:v1',
    problem: 'invalid reference format: repository name (A/b) must be lowercase',
  },
  {
    image: 'localhost/Web',
    problem: 'invalid reference format: repository name (Web) must be lowercase',
  },
  {
    image: 'shop/Web',
    problem: 'invalid reference format: repository name (shop/Web) must be lowercase',
  },
  {
    image: 'r.example/Web:v1',
    problem: 'invalid reference format: repository name (Web) must be lowercase',
  },
  { image: 'a'.repeat(256), problem: 'repository name must not be more than 255 characters' },
  { image: 'web:', problem: 'invalid reference format' },
  { image: 'we b', problem: 'invalid reference format' },
  { image: 'web@sha256:12', problem: 'invalid reference format' },
  { image: '', problem: 'invalid reference format' },
  { image: 'a'.repeat(1_000_000), problem: 'repository name must not be more than 255 characters' },
  {
    image: 'a'.repeat(64),
    problem: `invalid repository name (${'a'.repeat(64)}), cannot specify 64-byte hexadecimal strings`,
  },
])(
  'an image cannot be named $image.length characters long: $problem',
  async ({ image, problem }) => {
    const { told, puller } = setUp();
    const message = `Failed to apply default image tag "${image}": couldn't parse image reference "${image}": ${problem}`;
    const result = await puller.ensure(pod(), container('c', { image }), never);
    expect(result).toEqual({ kind: 'failed', reason: 'InvalidImageName', message });
    expect(told).toEqual([`InspectFailed ${message}`, 'Failed Error: InvalidImageName']);
  },
);

test.each([
  'web',
  'web:v1.2_3-x',
  'team/web',
  'localhost:5000/team/web:v1',
  'registry.k8s.io/pause:3.10',
  'a--b/c__d.e-f',
  `web@sha256:${'a'.repeat(64)}`,
  `web:v1@sha256:${'a'.repeat(64)}`,
  'a'.repeat(255),
  `${'a'.repeat(255)}:v1`,
  `${'a'.repeat(64)}b`,
])('%s is an image', async (image) => {
  const { pulls, puller } = setUp();
  const ensured = puller.ensure(pod(), container('c', { image }), never);
  await vi.waitFor(() => expect(pulls.length).toBe(1));
  pulls[0]?.finish();
  expect((await ensured).kind).toBe('present');
});

test.each([
  [0, '0s'],
  [345, '345ms'],
  [1_000, '1s'],
  [1_234, '1.234s'],
  [160_000, '2m40s'],
])('%d ms are %s', (ms, text) => expect(durationText(ms)).toBe(text));
