// Images: what is told of a pull, who shares it, and names that no registry could have.

import { FakeClock } from '@kube-labs/apiserver';
import { expect, test, vi } from 'vitest';
import { ImagePuller } from '#src/image/image-puller.ts';
import { durationText } from '#src/pod/back-off.ts';
import { PodEvents } from '#src/pod/pod-events.ts';
import { FakeRuntime } from './fake-runtime.ts';
import { container, pod } from './objects.ts';

const never = new AbortController().signal;

function setUp() {
  const clock = new FakeClock();
  const runtime = new FakeRuntime(() => clock.now());
  const told: string[] = [];
  const events = new PodEvents({
    event: (_, _type, reason, text) => told.push(`${reason} ${text}`),
  });
  /** Pulls that are on, each to be ended by the test. */
  const pulls: { signal: AbortSignal; finish: () => void }[] = [];
  runtime.pullImage = (image, signal) =>
    new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      const finish = () => {
        runtime.images.add(image);
        resolve({ id: image, names: [image], sizeBytes: 1 });
      };
      pulls.push({ signal, finish });
    });
  const puller = new ImagePuller({ runtime, events, clock });
  return { clock, told, pulls, puller };
}

const spec = container('c', { imagePullPolicy: 'Always' });

test('a pull is told with its own time, the time that was waited, and the size', async () => {
  const { clock, told, pulls, puller } = setUp();
  const first = puller.ensure(pod(), spec, never);
  await vi.waitFor(() => expect(pulls.length).toBe(1));
  clock.advance(1_234);
  const second = puller.ensure(pod(), spec, never);
  await vi.waitFor(() => expect(told.length).toBe(2));
  clock.advance(266);
  pulls[0]?.finish();
  expect([await first, await second]).toEqual([{ kind: 'present' }, { kind: 'present' }]);
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
  expect(await third).toEqual({ kind: 'present' });
});

test.each([
  {
    image: 'Web',
    problem: 'invalid reference format: repository name (library/Web) must be lowercase',
  },
  {
    image: 'localhost:5000/A/b:v1',
    problem: 'invalid reference format: repository name (localhost:5000/A/b) must be lowercase',
  },
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
