// The status of a pod: phase, conditions, container states in upstream's words.

import type { PodStatus } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { withForeign } from '#src/pod/pod-conditions.ts';
import { type PodStatusView, podStatusOf } from '#src/pod/pod-status.ts';
import { statusChanges } from '#src/pod/status-patch.ts';
import type { RuntimeContainer } from '#src/runtime/runtime.ts';
import { container, exited, pod, RUNNING, record, runtimePod, sidecar } from './objects.ts';

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
      name: 'is Pending for a deleted pod while its init container is being stopped',
      view: {
        pod: pod({ initContainers: [container('i')] }),
        runtime: runtimePod([record('i', RUNNING)]),
        terminal: true,
      },
      want: 'Pending',
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

  test('shows the run before as last state of one that has ended for good', () => {
    const runtime = runtimePod([record('c', exited(0), { attempt: 1 }), record('c', exited(3))]);
    const [status] =
      statusOf({ pod: pod({ restartPolicy: 'OnFailure' }), runtime }).containerStatuses ?? [];
    expect(status?.state?.terminated?.exitCode).toBe(0);
    expect(status?.lastState?.terminated?.exitCode).toBe(3);
  });

  test('waits as ContainerCreating, or as PodInitializing behind init containers', () => {
    const [plain] = statusOf({}).containerStatuses ?? [];
    expect(plain?.state?.waiting?.reason).toBe('ContainerCreating');
    const behind = [[], [record('i', exited(0))]].map((containers) =>
      statusOf({ pod: pod({ initContainers: [container('i')] }), runtime: runtimePod(containers) }),
    );
    const reasons = behind.map((one) => one.containerStatuses?.[0]?.state?.waiting?.reason);
    expect(reasons).toEqual(['PodInitializing', 'PodInitializing']);
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

  test('name the init containers that have not done their part: a sidecar has that has started', () => {
    const status = statusOf({
      pod: pod({ initContainers: [sidecar('s'), container('i')] }),
      runtime: runtimePod([record('i', RUNNING), record('s', RUNNING)]),
      probe: () => ({ ready: false, started: true }),
    });
    expect(conditionOf(status, 'Initialized')).toMatchObject({
      status: 'False',
      message: 'containers with incomplete status: [i]',
    });
  });

  test('of a pod that has ended say so', () => {
    const ofEnd = (exitCode: number) => {
      const status = statusOf({
        pod: pod({ restartPolicy: 'Never', readinessGates: [{ conditionType: 'a' }] }),
        runtime: runtimePod([record('c', exited(exitCode))]),
      });
      return status.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`);
    };
    expect(ofEnd(0)).toEqual([
      'PodReadyToStartContainers False undefined',
      'Initialized True PodCompleted',
      'Ready False PodCompleted',
      'ContainersReady False PodCompleted',
      'PodScheduled True undefined',
    ]);
    expect(ofEnd(1)).toEqual([
      'PodReadyToStartContainers False undefined',
      'Initialized True undefined',
      'Ready False PodFailed',
      'ContainersReady False PodFailed',
      'PodScheduled True undefined',
    ]);
  });

  test('keep the time of their last change', () => {
    const runtime = runtimePod([record('c', RUNNING)]);
    const first = statusOf({ runtime, nowMs: 1_000 });
    const second = statusOf({ runtime, nowMs: 9_000, pod: pod({}, { status: first }) });
    expect(conditionOf(second, 'Ready')?.lastTransitionTime).toBe('1970-01-01T00:00:01Z');
  });
});

describe('readiness gates', () => {
  const gated = (conditions: PodStatus['conditions'] = [], ready = true) => {
    const readinessGates = [{ conditionType: 'a' }, { conditionType: 'b' }];
    const status = statusOf({
      pod: pod({ readinessGates }, { status: { conditions: [...(conditions ?? [])] } }),
      runtime: runtimePod([record('c', RUNNING)]),
      probe: () => ({ ready, started: true }),
    });
    const of = (type: string) => status.conditions?.find((condition) => condition.type === type);
    return { status, ready: of('Ready'), containersReady: of('ContainersReady')?.status };
  };
  const open = (type: string) => ({ type, status: 'True' });

  test('keep a pod unready whose containers are ready, and say which and why', () => {
    const { ready, containersReady } = gated([{ type: 'b', status: 'False' }]);
    expect(containersReady).toBe('True');
    expect(ready).toMatchObject({
      status: 'False',
      reason: 'ReadinessGatesNotReady',
      message:
        'corresponding condition of pod readiness gate "a" does not exist., the status of pod readiness gate "b" is not "True", but False',
    });
  });

  test('let a pod be ready when all are open, and do not speak while its containers are not', () => {
    expect(gated([open('a'), open('b')]).ready?.status).toBe('True');
    expect(gated([open('a')], false).ready?.reason).toBe('ContainersNotReady');
  });

  test('belong to others: the kubelet tells none of them', () => {
    const types = gated([open('a'), open('b')]).status.conditions?.map(({ type }) => type);
    expect(types).toEqual([
      'PodReadyToStartContainers',
      'Initialized',
      'Ready',
      'ContainersReady',
      'PodScheduled',
    ]);
  });

  test('are looked up in what the API has, beside what was told last', () => {
    const told = [{ type: 'Ready', status: 'False' }];
    const served = [{ type: 'Ready', status: 'True' }, open('a')];
    expect(withForeign(told, served)).toEqual([...told, open('a')]);
    expect(withForeign(undefined, served)).toEqual(served);
  });
});

describe('podStatusOf() of a pod that its kubelet ends', () => {
  const condition = { type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' };
  const failure = {
    reason: 'Evicted',
    message: 'The node was low on resource: memory. ',
    condition,
  };
  const end = (container: RuntimeContainer, rest: Partial<PodStatusView> = {}) =>
    statusOf({ runtime: runtimePod([container]), terminal: true, failure, ...rest });

  test('keeps its phase while something runs, and has failed with the reason after that', () => {
    expect(end(record('c', RUNNING)).phase).toBe('Running');
    expect(end(record('c', RUNNING))).not.toHaveProperty('reason');
    const ended = end(record('c', exited(0)));
    expect(ended).toMatchObject({ phase: 'Failed', reason: 'Evicted', message: failure.message });
    expect(ended.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(0);
  });

  test('has the condition from the beginning', () => {
    expect(end(record('c', RUNNING)).conditions).toContainEqual(expect.objectContaining(condition));
  });

  test('has no container that waits: what never ran is missing', () => {
    const missing = {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was terminated',
    };
    const statesOf = (spec: Parameters<typeof pod>[0], containers: readonly RuntimeContainer[]) => {
      const waiting = new Map([['c', { reason: 'ImagePullBackOff' }]]);
      const runtime = runtimePod(containers);
      const status = statusOf({ pod: pod(spec), runtime, terminal: true, waiting });
      const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
      return all.map(({ state }) => state?.terminated ?? state?.waiting?.reason);
    };
    expect(statesOf({}, [])).toEqual([missing]);
    const initContainers = [container('i'), container('j')];
    const done = expect.objectContaining({ exitCode: 0 });
    const failed = expect.objectContaining({ exitCode: 1 });
    expect(statesOf({ initContainers }, [])).toEqual([
      missing,
      'PodInitializing',
      'ImagePullBackOff',
    ]);
    expect(statesOf({ initContainers }, [record('j', exited(1))])).toEqual([
      ...[missing, failed],
      'ImagePullBackOff',
    ]);
    const both = [record('j', exited(0)), record('i', exited(0))];
    expect(statesOf({ initContainers }, both)).toEqual([done, done, missing]);
    const three = {
      initContainers: [container('i')],
      containers: [container('c'), container('d')],
    };
    expect(statesOf(three, [record('c', exited(1))])).toEqual([missing, failed, missing]);
    // As long as something runs, others may still wait.
    const two = { containers: [container('c'), container('d')] };
    expect(statesOf(two, [record('d', RUNNING)])[0]).toBe('ImagePullBackOff');
  });

  test('stays with the end that it had', () => {
    const before = { phase: 'Succeeded', reason: 'Completed' };
    const ended = end(record('c', exited(0)), { pod: pod({}, { status: before }) });
    expect(ended).toMatchObject(before);
  });
});

describe('last words', () => {
  test('of a pod’s containers are 12 KiB together, the same for each', () => {
    const containers = ['a', 'b', 'c', 'd'].map((name) => container(name));
    const messageOf = () => 'é'.repeat(2_048);
    const bytesOf = (some: typeof containers) => {
      const status = statusOf({
        pod: pod({ containers: some, restartPolicy: 'Never' }),
        runtime: runtimePod(some.map(({ name }) => record(name, exited(1)))),
        messageOf,
      });
      return (status.containerStatuses ?? []).map(({ state }) =>
        Buffer.byteLength(state?.terminated?.message ?? ''),
      );
    };
    expect(bytesOf(containers)).toEqual([3_072, 3_072, 3_072, 3_072]);
    expect(bytesOf(containers.slice(0, 1))).toEqual([4_096]);
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
