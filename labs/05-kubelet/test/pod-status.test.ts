// The status of a pod: phase, conditions, container states in upstream's words.

import type { PodStatus } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { type PodStatusView, podStatusOf } from '#src/pod/pod-status.ts';
import { statusChanges } from '#src/pod/status-patch.ts';
import { container, exited, pod, RUNNING, record, runtimePod } from './objects.ts';

function statusOf(rest: Partial<PodStatusView>): PodStatus {
  return podStatusOf({
    pod: pod(),
    runtime: runtimePod([]),
    hostAddress: '172.30.0.11',
    nowMs: Date.UTC(2015, 10, 9),
    waiting: new Map(),
    terminal: false,
    probe: () => ({ ready: true, started: true }),
    messageOf: () => undefined,
    ...rest,
  });
}

describe('podStatusOf().phase', () => {
  const two = { containers: [container('a'), container('b')] };
  const rows: { name: string; view: Partial<PodStatusView>; want: string }[] = [
    { name: 'is Pending before anything runs', view: {}, want: 'Pending' },
    {
      name: 'is Pending while init containers run',
      view: {
        pod: pod({ initContainers: [container('i')] }),
        runtime: runtimePod([record('i', RUNNING)]),
      },
      want: 'Pending',
    },
    {
      name: 'is Pending while one of two has not started',
      view: { pod: pod(two), runtime: runtimePod([record('a', RUNNING)]) },
      want: 'Pending',
    },
    {
      name: 'is Running when all run',
      view: { runtime: runtimePod([record('c', RUNNING)]) },
      want: 'Running',
    },
    {
      name: 'stays Running between two restarts',
      view: { runtime: runtimePod([record('c', exited(1))]) },
      want: 'Running',
    },
    {
      name: 'is Succeeded when all ended with 0 under OnFailure',
      view: {
        pod: pod({ restartPolicy: 'OnFailure' }),
        runtime: runtimePod([record('c', exited(0))]),
      },
      want: 'Succeeded',
    },
    {
      name: 'is Running when one will be tried again under OnFailure',
      view: {
        pod: pod({ restartPolicy: 'OnFailure' }),
        runtime: runtimePod([record('c', exited(1))]),
      },
      want: 'Running',
    },
    {
      name: 'is Failed when one failed under Never',
      view: {
        pod: pod({ restartPolicy: 'Never', ...two }),
        runtime: runtimePod([record('a', exited(0)), record('b', exited(3))]),
      },
      want: 'Failed',
    },
    {
      name: 'is Running while another one still runs under Never',
      view: {
        pod: pod({ restartPolicy: 'Never', ...two }),
        runtime: runtimePod([record('a', RUNNING), record('b', exited(3))]),
      },
      want: 'Running',
    },
    {
      name: 'is Failed when an init container failed under Never',
      view: {
        pod: pod({ restartPolicy: 'Never', initContainers: [container('i')] }),
        runtime: runtimePod([record('i', exited(1))]),
      },
      want: 'Failed',
    },
    {
      name: 'is Failed for a deleted pod that was killed',
      view: { runtime: runtimePod([record('c', exited(137))]), terminal: true },
      want: 'Failed',
    },
    {
      name: 'never leaves Succeeded',
      view: { pod: pod({}, { status: { phase: 'Succeeded' } }) },
      want: 'Succeeded',
    },
  ];
  test.each(rows)('$name', ({ view, want }) => expect(statusOf(view).phase).toBe(want));
});

describe('podStatusOf().containerStatuses', () => {
  test('shows CrashLoopBackOff with the end as last state', () => {
    const waiting = new Map([['c', { reason: 'CrashLoopBackOff', message: 'back-off 10s' }]]);
    const runtime = runtimePod([record('c', exited(3), { attempt: 2 })]);
    const [status] = statusOf({ runtime, waiting }).containerStatuses ?? [];
    expect(status).toMatchObject({
      restartCount: 2,
      ready: false,
      state: { waiting: { reason: 'CrashLoopBackOff' } },
      lastState: { terminated: { exitCode: 3, reason: 'Error', containerID: 'docker://c-2' } },
    });
  });

  test('keeps the end of the run before as last state of a running container', () => {
    const runtime = runtimePod([record('c', RUNNING, { attempt: 1 }), record('c', exited(3))]);
    const [status] = statusOf({ runtime }).containerStatuses ?? [];
    expect(status?.state?.running?.startedAt).toBe('1970-01-01T00:00:01Z');
    expect(status?.lastState?.terminated?.exitCode).toBe(3);
  });

  test('waits as ContainerCreating, or as PodInitializing behind init containers', () => {
    const [plain] = statusOf({}).containerStatuses ?? [];
    expect(plain?.state?.waiting?.reason).toBe('ContainerCreating');
    const behind = statusOf({ pod: pod({ initContainers: [container('i')] }) });
    expect(behind.containerStatuses?.[0]?.state?.waiting?.reason).toBe('PodInitializing');
  });

  test('shows the last words of a container', () => {
    const status = statusOf({
      pod: pod({ restartPolicy: 'Never' }),
      runtime: runtimePod([record('c', exited(1))]),
      messageOf: () => 'no database',
    });
    expect(status.containerStatuses?.[0]?.state?.terminated?.message).toBe('no database');
  });

  test('a container that the engine has lost shows as restarted, with an unknown end', () => {
    const told = { name: 'c', image: 'image:v1', imageID: 'id', containerID: 'docker://x' };
    const running = { ...told, ready: true, restartCount: 3, state: { running: {} } };
    const lost = pod({}, { status: { containerStatuses: [running] } });
    const status = statusOf({ pod: lost }).containerStatuses?.[0];
    expect(status).toMatchObject({
      restartCount: 4,
      state: { waiting: {} },
      lastState: {
        terminated: {
          exitCode: 137,
          reason: 'ContainerStatusUnknown',
          message:
            'The container could not be located when the pod was deleted.  The container used to be Running',
        },
      },
    });
    const again = pod({}, { status: { containerStatuses: status === undefined ? [] : [status] } });
    expect(statusOf({ pod: again }).containerStatuses?.[0]).toEqual(status);
    const metadata = { ...lost.metadata, deletionTimestamp: '2015-11-09T10:00:00Z' };
    expect(statusOf({ pod: { ...lost, metadata } }).containerStatuses?.[0]?.restartCount).toBe(3);
  });

  test('an end that has been told stays told when the engine has forgotten it, unless it may run again', () => {
    const told = { name: 'c', image: 'image:v1', imageID: 'id', ready: false, restartCount: 1 };
    const state = { terminated: { exitCode: 0, reason: 'Completed' } };
    const stateUnder = (restartPolicy: string) => {
      const forgotten = pod(
        { restartPolicy },
        { status: { containerStatuses: [{ ...told, state }] } },
      );
      return statusOf({ pod: forgotten }).containerStatuses?.[0]?.state;
    };
    expect(stateUnder('Never')).toEqual(state);
    expect(stateUnder('OnFailure')).toEqual(state);
    expect(stateUnder('Always')).toMatchObject({ waiting: {} });
  });
});

describe('podStatusOf().conditions', () => {
  const conditionOf = (status: PodStatus, type: string) =>
    status.conditions?.find((condition) => condition.type === type);

  test('names the containers that are not ready', () => {
    const runtime = runtimePod([record('c', RUNNING)]);
    const status = statusOf({ runtime, probe: () => ({ ready: false, started: true }) });
    expect(conditionOf(status, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'ContainersNotReady',
      message: 'containers with unready status: [c]',
    });
    expect(conditionOf(status, 'PodReadyToStartContainers')?.status).toBe('True');
  });

  test('keep the time of their last change', () => {
    const runtime = runtimePod([record('c', RUNNING)]);
    const first = statusOf({ runtime, nowMs: 1_000 });
    const second = statusOf({ runtime, nowMs: 9_000, pod: pod({}, { status: first }) });
    expect(conditionOf(second, 'Ready')?.lastTransitionTime).toBe('1970-01-01T00:00:01Z');
  });
});

describe('statusChanges()', () => {
  test('is nothing when the server only left out what is empty', () => {
    const wanted = statusOf({ runtime: runtimePod([record('c', RUNNING)]) });
    const served = JSON.parse(JSON.stringify(wanted));
    delete served.containerStatuses[0].lastState;
    served.conditions[0].lastProbeTime = null;
    expect(statusChanges(served, wanted)).toBeUndefined();
  });

  test('holds the fields that differ, and null for those that go', () => {
    const changes = statusChanges({ phase: 'Pending', message: 'x' }, { phase: 'Running' });
    expect(changes).toEqual({ phase: 'Running', message: null });
  });

  test('names only conditions of ours that change, with what they no longer say', () => {
    const foreign = { type: 'DisruptionTarget', status: 'True' };
    const scheduled = { type: 'PodScheduled', status: 'True' };
    const unready = { type: 'Ready', status: 'False', reason: 'ContainersNotReady' };
    const ready = { type: 'Ready', status: 'True' };
    const changes = statusChanges(
      { conditions: [foreign, scheduled, unready] },
      { conditions: [scheduled, ready] },
    );
    expect(changes).toEqual({ conditions: [{ ...ready, reason: null }] });
    expect(
      statusChanges({ conditions: [foreign, ready] }, { conditions: [ready] }),
    ).toBeUndefined();
  });
});
