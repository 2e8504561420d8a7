// Which containers that ended may go: of one container of a pod, of the whole node, by their age.

import { FakeClock, silentLogger } from '@kube-labs/apiserver';
import { describe, expect, test } from 'vitest';
import { collectContainers, disposableOnNode, runContainerGc } from '#src/image/container-gc.ts';
import { disposableContainers } from '#src/pod/dead-containers.ts';
import { exited, RUNNING, record, runtimePod } from './objects.ts';

const LIMITS = { perContainerMax: 1, max: -1, ageMinMs: 0 };

/** Newest first, as the runtime gives them: `c-3` runs or has just ended, `c-0` is the oldest. */
function dead(name: string, count: number) {
  const attempts = Array.from({ length: count }, (_, i) => count - 1 - i);
  return attempts.map((attempt) =>
    record(name, exited(1), { attempt, createdAtMs: attempt * 1_000 }),
  );
}

describe('disposableOnNode()', () => {
  const ids = (containers: ReturnType<typeof dead>, limits: Partial<typeof LIMITS>, nowMs = 1e6) =>
    disposableOnNode([runtimePod(containers)], { ...LIMITS, ...limits }, nowMs).map(({ id }) => id);

  test.each([
    { what: 'all but the last one', limits: {}, want: ['c-1', 'c-0'] },
    { what: 'all but the last two', limits: { perContainerMax: 2 }, want: ['c-0'] },
    { what: 'not even then the last one', limits: { perContainerMax: 0 }, want: ['c-1', 'c-0'] },
    { what: 'none without a limit', limits: { perContainerMax: -1 }, want: [] },
  ])('of one container: $what', ({ limits, want }) => {
    expect(ids(dead('c', 3), limits)).toEqual(want);
  });

  test('leaves what runs, and what is too young', () => {
    const running = record('c', RUNNING, { attempt: 9, createdAtMs: 9_000 });
    expect(ids([running, ...dead('c', 2)], {})).toEqual(['c-0']);
    expect(ids(dead('c', 3), { ageMinMs: 500 }, 1_000)).toEqual([]);
    expect(ids(dead('c', 3), { ageMinMs: 0 }, 1_000)).toEqual(['c-0']);
  });

  test.each([
    { max: 6, want: [] },
    { max: 5, want: ['c-0', 'd-0'] },
    { max: 1, want: ['c-1', 'c-0', 'd-1', 'd-0'] },
  ])('of the whole node $max are kept, each container’s share', ({ max, want }) => {
    const containers = [...dead('c', 3), ...dead('d', 3)];
    expect(ids(containers, { perContainerMax: -1, max })).toEqual(want);
  });
});

test.each([
  [undefined, ['c-1', 'c-0']],
  [2, ['c-0']],
  [-1, []],
])('disposableContainers() of a pod keeps %s of each', (keptMax, want) => {
  const found = disposableContainers(runtimePod(dead('c', 3)), keptMax);
  expect(found.map(({ id }) => id)).toEqual(want);
});

test('the loop removes them each minute, and one that cannot be removed keeps no other one', async () => {
  const clock = new FakeClock();
  const removed: string[] = [];
  const outdated: string[] = [];
  const options = {
    cache: {
      list: () => [runtimePod(dead('c', 3))],
      outdate: (uid: string) => void outdated.push(uid),
    },
    runtime: {
      removeContainer: async (id: string) => {
        if (id === 'c-1') throw new Error('busy');
        removed.push(id);
      },
    },
    ...{ limits: LIMITS, clock, log: silentLogger },
  };
  await collectContainers(options);
  expect(removed).toEqual(['c-0']);
  expect(outdated).toEqual(['u1', 'u1']);
  const stop = new AbortController();
  const running = runContainerGc(options, stop.signal);
  clock.advance(60_000);
  await expect.poll(() => removed.length).toBe(2);
  stop.abort();
  await running;
});
