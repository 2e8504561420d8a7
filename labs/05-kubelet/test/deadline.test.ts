// A pod that is active longer than it may be, ephemeral containers, and what keeps a pod from its end: on a fake engine
// and a fake clock.

import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { activeForMs } from '#src/pod/active-deadline.ts';
import { container, pod as podOf, sidecar, statusOf } from './objects.ts';
import { never, setUp } from './syncer-setup.ts';

describe('activeForMs()', () => {
  const startTime = '2015-11-09T00:00:10Z';
  const start = Date.parse(startTime);
  const rows = [
    { name: 'no deadline', seconds: undefined, nowMs: start, want: undefined },
    { name: 'not yet', seconds: 30, nowMs: start + 10_000, want: 20_000 },
    { name: 'this moment', seconds: 30, nowMs: start + 30_000, want: 0 },
    { name: 'long ago', seconds: 30, nowMs: start + 99_000, want: 0 },
  ];
  test.each(rows)('$name: $want', ({ seconds, nowMs, want }) => {
    const pod = podOf(seconds === undefined ? {} : { activeDeadlineSeconds: seconds });
    expect(activeForMs(pod, { startTime }, nowMs)).toBe(want);
  });

  test('a pod that has not begun has all the time', () => {
    expect(activeForMs(podOf({ activeDeadlineSeconds: 1 }), {}, start)).toBeUndefined();
  });
});

test('a pod past its deadline is told of, ended with its grace period, and has failed', async () => {
  const { clock, syncer, told, known, runtime } = await setUp();
  const pod = podOf({ activeDeadlineSeconds: 60 });
  expect(await syncer.syncPod(pod, never)).toEqual({ final: false, againAfterMs: 60_000 });
  clock.advance(60_000);
  const message = 'Pod was active on the node longer than the specified deadline';
  const { ending } = await syncer.syncPod(pod, never);
  expect(ending).toEqual({ why: 'deadline', reason: 'DeadlineExceeded', message });
  expect(told.at(-1)).toBe(`DeadlineExceeded ${message}`);
  expect(known.get('u1')?.phase).toBe('Running');
  if (ending === undefined) return;
  const identity = { uid: 'u1', name: 'web', namespace: 'default' };
  await syncer.syncTerminating({ identity, pod }, { graceSeconds: 30, ending }, never);
  expect(runtime.calls.at(-1)).toBe('stop c');
  expect(known.get('u1')).toMatchObject({
    phase: 'Failed',
    reason: 'DeadlineExceeded',
    message,
    containerStatuses: [{ state: { terminated: { exitCode: 143 } } }],
  });
});

test('whatever is due before the deadline is due then', async () => {
  const { syncer, exit, runtime } = await setUp();
  const pod = podOf({ activeDeadlineSeconds: 60 });
  await syncer.syncPod(pod, never);
  exit('container-2', 1);
  await syncer.syncPod(pod, never);
  expect(runtime.calls.at(-1)).toBe('start c');
  exit('container-3', 1);
  expect((await syncer.syncPod(pod, never)).againAfterMs).toBe(10_000);
});

test('a sidecar keeps a pod whose init container has failed from its final phase as long as it runs', async () => {
  const lab = await setUp();
  const pod = podOf({ restartPolicy: 'Never', initContainers: [sidecar('s'), container('i')] });
  await lab.syncer.syncPod(pod, never);
  await lab.syncer.syncPod(pod, never);
  lab.exit('container-3', 1);
  expect(await lab.syncer.syncPod(pod, never)).toEqual({ final: true });
  expect(lab.phase()).toBe('Pending');
  await finish(lab, pod);
  expect(lab.runtime.calls.at(-1)).toBe('stop s');
  expect(lab.phase()).toBe('Failed');
});

/** What is done with a pod whose phase is final. */
function finish(lab: Awaited<ReturnType<typeof setUp>>, pod: Pod): Promise<void> {
  const identity = { uid: 'u1', name: 'web', namespace: 'default' };
  const end = { graceSeconds: 0, ending: { why: 'finished' } } as const;
  return lab.syncer.syncTerminating({ identity, pod }, end, never);
}

describe('an ephemeral container', () => {
  const debugging = (rest: Pod['spec'] | object = {}) =>
    podOf({ ephemeralContainers: [container('debugger')], ...rest });
  const ephemeral = (lab: Awaited<ReturnType<typeof setUp>>) =>
    lab.known.get('u1')?.ephemeralContainerStatuses?.[0];

  test('is started beside what runs, also before the pod is initialized', async () => {
    const lab = await setUp();
    const initContainers = [container('i')];
    await lab.syncer.syncPod(podOf({ initContainers }), never);
    await lab.syncer.syncPod(debugging({ initContainers }), never);
    expect(lab.runtime.calls).toEqual([
      'sandbox web',
      'create i 0',
      'start i',
      'create debugger 0',
      'start debugger',
    ]);
    expect(ephemeral(lab)).toMatchObject({
      name: 'debugger',
      ready: false,
      state: { running: {} },
    });
  });

  test('is never started again, however it ends, and counts for no phase', async () => {
    const lab = await setUp();
    await lab.syncer.syncPod(podOf(), never);
    await lab.syncer.syncPod(debugging(), never);
    lab.exit('container-3', 1);
    await lab.syncer.syncPod(debugging(), never);
    await lab.syncer.syncPod(debugging(), never);
    expect(lab.runtime.calls.filter((call) => call === 'start debugger')).toHaveLength(1);
    expect(ephemeral(lab)).toMatchObject({
      restartCount: 0,
      state: { terminated: { exitCode: 1, reason: 'Error' } },
    });
    expect(lab.phase()).toBe('Running');
    // Nor when the engine has forgotten it.
    await lab.runtime.removeContainer('container-3');
    lab.cache.outdate('u1');
    await lab.syncer.syncPod(debugging(), never);
    expect(lab.runtime.calls.filter((call) => call === 'start debugger')).toHaveLength(1);
    expect(ephemeral(lab)?.state?.terminated?.exitCode).toBe(1);
  });

  test('ends with its pod, of which a final phase is told when it has', async () => {
    const lab = await setUp();
    await lab.syncer.syncPod(podOf({ restartPolicy: 'Never' }), never);
    const pod = debugging({ restartPolicy: 'Never' });
    await lab.syncer.syncPod(pod, never);
    lab.exit('container-2', 0);
    expect(await lab.syncer.syncPod(pod, never)).toEqual({ final: true });
    expect(lab.phase()).toBe('Running');
    await finish(lab, pod);
    expect(lab.runtime.calls.at(-1)).toBe('stop debugger');
    expect(lab.phase()).toBe('Succeeded');
  });

  test('sees the processes of its target', async () => {
    const lab = await setUp();
    const create = lab.runtime.createContainer.bind(lab.runtime);
    const namespaces: unknown[] = [];
    lab.runtime.createContainer = (config) => {
      namespaces.push(config.pidNamespace);
      return create(config);
    };
    await lab.syncer.syncPod(podOf(), never);
    const [spec] = debugging().spec?.ephemeralContainers ?? [];
    const aimed = { ephemeralContainers: [{ ...spec, name: 'd', targetContainerName: 'c' }] };
    await lab.syncer.syncPod(debugging(aimed), never);
    expect(namespaces).toEqual(['container', { containerId: 'container-2' }]);
  });

  test('waits with a reason when its target is not there', async () => {
    const lab = await setUp();
    await lab.syncer.syncPod(podOf(), never);
    const aimed = { ...container('debugger'), targetContainerName: 'x' };
    await lab.syncer.syncPod(debugging({ ephemeralContainers: [aimed] }), never);
    const message = 'unable to find target container x';
    expect(ephemeral(lab)?.state?.waiting).toEqual({
      reason: 'CreateContainerConfigError',
      message,
    });
    expect(lab.told.at(-1)).toBe(`Failed Error: ${message}`);
    expect(statusOf({ status: lab.known.get('u1') ?? {} }, 'c')?.ready).toBe(true);
  });
});
