// In which order the pods of a node end that goes down, and how long each may take.

import type { Pod, PodSpec } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { shutdownGroups } from '#src/shutdown/shutdown-groups.ts';
import { pod } from './objects.ts';

const PERIODS = { gracePeriodMs: 30_000, criticalPodsMs: 10_000 };

function named(name: string, spec: Partial<PodSpec> = {}): Pod {
  return pod(spec, { metadata: { name, namespace: 'default', uid: name } });
}

const namesOf = (pods: readonly Pod[]) =>
  shutdownGroups(pods, PERIODS).map(({ graceSeconds, pods: members }) => [
    graceSeconds,
    ...members.map((one) => `${one.pod.metadata?.name} ${one.graceSeconds}`),
  ]);

describe('shutdownGroups()', () => {
  test('ordinary pods have what critical ones leave; who needs less takes less', () => {
    const pods = [
      named('dns', { priority: 2_000_000_000 }),
      named('web', { terminationGracePeriodSeconds: 5 }),
      named('db', { terminationGracePeriodSeconds: 600, priority: 1_000_000_000 }),
      named('plain'),
    ];
    expect(namesOf(pods)).toEqual([
      [20, 'web 5', 'db 20', 'plain 20'],
      [10, 'dns 10'],
    ]);
  });
  test('a group of nobody is none', () => {
    expect(namesOf([named('web')])).toEqual([[20, 'web 20']]);
    expect(namesOf([])).toEqual([]);
  });
});
