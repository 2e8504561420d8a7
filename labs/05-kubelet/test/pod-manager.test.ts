// From the sources of pods to their workers: what is new is admitted first, what is the same wakes nobody.

import type { Pod, PodStatus } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { PodManager } from '#src/config/pod-manager.ts';
import { nodeFit } from '#src/pod/node-fit.ts';
import { PodEvents } from '#src/pod/pod-events.ts';
import { podHandler } from '#src/pod/pod-handler.ts';
import type { Ending, PodWorkers, WorkState } from '#src/pod/pod-worker.ts';
import type { StatusManager } from '#src/pod/status-manager.ts';

function pod(name: string, rest: Partial<Pod> = {}, day = 1): Pod {
  const creationTimestamp = new Date(Date.UTC(2015, 10, day)).toISOString();
  return {
    ...rest,
    metadata: {
      name,
      namespace: 'default',
      uid: `uid-${name}`,
      creationTimestamp,
      ...rest.metadata,
    },
  };
}

function setUp(podsMax = 2) {
  const said: string[] = [];
  const states = new Map<string, WorkState>();
  const note = (what: string, { metadata }: Pod) => said.push(`${what} ${metadata?.name}`);
  const workers = {
    update(one: Pod) {
      note('update', one);
      states.set(one.metadata?.uid ?? '', { state: 'syncing' });
    },
    refresh: (one: Pod) => note('refresh', one),
    end(one: Pod, ending: Extract<Ending, { reason: string }>) {
      note(`${ending.why}: ${ending.message}:`, one);
      states.set(one.metadata?.uid ?? '', { state: 'terminated', ending });
    },
    remove: ({ name }: { name: string }, grace: number) => said.push(`remove ${name} ${grace}`),
    stateOf: (uid: string) => states.get(uid),
  };
  const statuses = { recheck() {}, forget() {} };
  const pods = new PodManager();
  const events = new PodEvents({ event: (_, type, reason) => said.push(`${type} ${reason}`) });
  const handler = podHandler({
    pods,
    workers: workers as unknown as PodWorkers,
    statuses: statuses as unknown as StatusManager,
    events,
    admission: [nodeFit({ node: () => ({}), allocatable: { pods: String(podsMax) } })],
  });
  return { pods, handler, said };
}

const FULL = `rejected: Pod was rejected: Node didn't have enough resource: pods, requested: 1, used: 2, capacity: 2:`;

test('what is there when the node starts goes in the order of its age, and what is one too many has failed', () => {
  const { pods, handler, said } = setUp();
  for (const [name, day] of [
    ['young', 3],
    ['old', 1],
    ['middle', 2],
  ] as const) {
    pods.set(pod(name, {}, day));
  }
  pods.onChange(handler);
  expect(said).toEqual(['update old', 'update middle', 'Warning OutOfpods', `${FULL} young`]);
});

test.each([
  { name: 'has ended', status: { phase: 'Succeeded' } as PodStatus },
  { name: 'is being deleted', metadata: { deletionTimestamp: '2015-11-09T10:00:00Z' } },
])('a pod that $name needs nobody’s leave to end', ({ name: _, ...rest }) => {
  const { pods, handler, said } = setUp(0);
  pods.onChange(handler);
  pods.set(pod('over', rest));
  expect(said).toEqual(['update over']);
});

test('a pod that was rejected, or has gone, makes room for nobody twice', () => {
  const { pods, handler, said } = setUp(1);
  pods.onChange(handler);
  pods.set(pod('a'));
  pods.set(pod('b'));
  pods.remove(pod('a'));
  pods.set(pod('c'));
  expect(said.filter((text) => text.startsWith('update'))).toEqual(['update a', 'update c']);
});

test('only what somebody wants of a pod wakes its worker, not what others tell of it', () => {
  const { pods, handler, said } = setUp();
  pods.onChange(handler);
  pods.set(pod('a'));
  pods.set(pod('a', { status: { phase: 'Running' } }));
  pods.set(pod('a', { metadata: { labels: { app: 'shop' } } }));
  pods.set(pod('a', { metadata: { labels: { app: 'shop' } }, status: { phase: 'Failed' } }));
  pods.remove(pod('a', { metadata: { deletionGracePeriodSeconds: 0 } }));
  expect(said).toEqual(['update a', 'refresh a', 'update a', 'update a', 'remove a 1']);
});

test('a name belongs to the pod that came last, and stays its own when the one before goes', () => {
  const pods = new PodManager();
  const before = pod('web', { metadata: { uid: 'first' } });
  const after = pod('web', { metadata: { uid: 'second' } });
  pods.set(before);
  pods.set(after);
  pods.remove(before);
  expect(pods.byName('default', 'web')).toBe(after);
  expect(pods.byUid('first')).toBeUndefined();
  expect(pods.pods()).toEqual([after]);
});

test('sources are ready when all of them are', () => {
  const pods = new PodManager();
  const slow = { hasSynced: false };
  pods.addSource({ hasSynced: true });
  pods.addSource(slow);
  expect(pods.sourcesReady()).toBe(false);
  slow.hasSynced = true;
  expect(pods.sourcesReady()).toBe(true);
});
