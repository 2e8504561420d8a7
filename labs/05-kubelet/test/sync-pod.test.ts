// The plan for one pod, row by row.

import { describe, expect, test } from 'vitest';
import type { PodView } from '#src/pod/pod-view.ts';
import { planPod } from '#src/pod/sync-pod.ts';
import {
  CREATED,
  container,
  exited,
  pod,
  RUNNING,
  record,
  runtimePod,
  sandbox,
} from './objects.ts';
import { view, words } from './plan-words.ts';

const init = { initContainers: [container('i1'), container('i2')] };

describe('planPod() with one container', () => {
  const rows: { name: string; view: Partial<PodView>; want: string[] }[] = [
    {
      name: 'makes sandbox and container of a new pod',
      view: { runtime: runtimePod([], []) },
      want: ['create-sandbox 0', 'start c 0'],
    },
    {
      name: 'leaves alone what runs',
      view: { runtime: runtimePod([record('c', RUNNING)]) },
      want: [],
    },
    {
      name: 'starts what exited again, one attempt further',
      view: { runtime: runtimePod([record('c', exited(1), { attempt: 4 })]) },
      want: ['start c 5'],
    },
    {
      name: 'starts what exited with 0 again, as its policy is Always',
      view: { runtime: runtimePod([record('c', exited(0))]) },
      want: ['start c 1'],
    },
    {
      name: 'waits while the back-off lasts',
      view: { runtime: runtimePod([record('c', exited(1))]), restartDelayMs: () => 7_000 },
      want: ['back-off c 7000'],
    },
    {
      name: 'starts what was created and never ran under the same attempt',
      view: { runtime: runtimePod([record('c', CREATED, { attempt: 2 })]) },
      want: ['start c 2'],
    },
    {
      name: 'does not restart a success under OnFailure',
      view: {
        pod: pod({ restartPolicy: 'OnFailure' }),
        runtime: runtimePod([record('c', exited(0))]),
      },
      want: [],
    },
    {
      name: 'restarts a failure under OnFailure',
      view: {
        pod: pod({ restartPolicy: 'OnFailure' }),
        runtime: runtimePod([record('c', exited(1))]),
      },
      want: ['start c 1'],
    },
    {
      name: 'never restarts under Never',
      view: { pod: pod({ restartPolicy: 'Never' }), runtime: runtimePod([record('c', exited(1))]) },
      want: [],
    },
    ...[
      { restartPolicy: 'Never', exitCode: 1, want: [] },
      { restartPolicy: 'OnFailure', exitCode: 0, want: [] },
      { restartPolicy: 'OnFailure', exitCode: 1, want: ['start c 4'] },
      { restartPolicy: 'Always', exitCode: 0, want: ['start c 4'] },
    ].map(({ restartPolicy, exitCode, want }) => ({
      name: `under ${restartPolicy} and after exit code ${exitCode}: the engine has forgotten what has been told`,
      view: { pod: toldPod(restartPolicy, exitCode), runtime: runtimePod([]) },
      want,
    })),
    {
      name: 'replaces what failed its liveness probe',
      view: {
        runtime: runtimePod([record('c', RUNNING)]),
        failedProbes: new Map([['c-0', 'liveness']]),
      },
      want: ['kill Container c failed liveness probe, will be restarted', 'start c 1'],
    },
    {
      name: 'replaces it also when it may end well under OnFailure',
      view: {
        pod: pod({ restartPolicy: 'OnFailure' }),
        runtime: runtimePod([record('c', RUNNING)]),
        failedProbes: new Map([['c-0', 'liveness']]),
      },
      want: ['kill Container c failed liveness probe, will be restarted', 'start c 1'],
    },
    {
      name: 'waits with it while the back-off from the run before lasts',
      view: {
        runtime: runtimePod([record('c', RUNNING, { attempt: 1 }), record('c', exited(1))]),
        failedProbes: new Map([['c-1', 'liveness']]),
        restartDelayMs: (_, finishedAtMs) => finishedAtMs + 1,
      },
      want: ['kill Container c failed liveness probe, will be restarted', 'back-off c 2001'],
    },
    {
      name: 'kills for good what failed its startup probe under Never',
      view: {
        pod: pod({ restartPolicy: 'Never' }),
        runtime: runtimePod([record('c', RUNNING)]),
        failedProbes: new Map([['c-0', 'startup']]),
      },
      want: ['kill Container c failed startup probe'],
    },
    {
      name: 'does not wait for the back-off of another container',
      view: {
        pod: pod({ restartPolicy: 'OnFailure', containers: [container('c'), container('d')] }),
        runtime: runtimePod([record('d', exited(0)), record('c', RUNNING)]),
        failedProbes: new Map([['c-0', 'liveness']]),
        restartDelayMs: () => 7_000,
      },
      want: ['kill Container c failed liveness probe, will be restarted', 'start c 1'],
    },
    {
      name: 'replaces what runs another image than the spec names, under every policy',
      view: {
        pod: pod({ restartPolicy: 'Never' }),
        runtime: runtimePod([record('c', RUNNING, { hash: 'old' })]),
      },
      want: ['kill Container c definition changed, will be restarted', 'start c 1'],
    },
    {
      name: 'counts on from the API when the engine has forgotten the container',
      view: {
        pod: pod(
          {},
          {
            status: {
              containerStatuses: [
                {
                  name: 'c',
                  image: '',
                  imageID: '',
                  ready: false,
                  restartCount: 3,
                  containerID: 'docker://x',
                },
              ],
            },
          },
        ),
      },
      want: ['start c 4'],
    },
    {
      name: 'does not count a loss twice of which it has told already',
      view: { pod: lostPod(), runtime: runtimePod([]) },
      want: ['start c 4'],
    },
  ];
  test.each(rows)('$name', (row) => {
    expect(words(planPod(view(row.view)))).toEqual(row.want);
  });
});

describe('planPod() with a sandbox that is no good', () => {
  const dead = [sandbox({ state: 'notready', attempt: 2 })];
  const rows: { name: string; view: Partial<PodView>; want: string[] }[] = [
    {
      name: 'makes a new one and starts everything in it',
      view: { runtime: runtimePod([record('c', exited(137))], dead) },
      want: ['stop-pod', 'create-sandbox 3', 'start c 1'],
    },
    {
      name: 'replaces one that has lost its wire under a running container',
      view: { runtime: runtimePod([record('c', RUNNING)], [sandbox({ state: 'notready' })]) },
      want: ['stop-pod', 'create-sandbox 1', 'start c 1'],
    },
    {
      name: 'makes none for a pod that never restarts',
      view: {
        pod: pod({ restartPolicy: 'Never' }),
        runtime: runtimePod([record('c', exited(137))], dead),
      },
      want: [],
    },
    {
      name: 'stops what is left in it of a pod that never restarts',
      view: {
        pod: pod({ restartPolicy: 'Never' }),
        runtime: runtimePod([record('c', RUNNING)], dead),
      },
      want: ['stop-containers'],
    },
    {
      name: 'starts only what failed, under OnFailure',
      view: {
        pod: pod({
          restartPolicy: 'OnFailure',
          containers: [container('done'), container('failed')],
        }),
        runtime: runtimePod([record('done', exited(0)), record('failed', exited(137))], dead),
      },
      want: ['stop-pod', 'create-sandbox 3', 'start failed 1'],
    },
    {
      name: 'does nothing for a finished pod whose sandbox has gone',
      view: {
        pod: pod({ restartPolicy: 'Never' }),
        runtime: runtimePod([record('c', exited(0))], []),
      },
      want: [],
    },
    {
      name: 'runs init containers again',
      view: {
        pod: pod(init),
        runtime: runtimePod([record('c', exited(137)), record('i1', exited(0))], dead),
      },
      want: ['stop-pod', 'create-sandbox 3', 'start i1 1'],
    },
  ];
  test.each(rows)('$name', (row) => {
    expect(words(planPod(view(row.view)))).toEqual(row.want);
  });
});

describe('planPod() with init containers', () => {
  const rows: { name: string; runtime: Parameters<typeof runtimePod>[0]; want: string[] }[] = [
    { name: 'starts the first alone', runtime: [], want: ['start i1 0'] },
    { name: 'waits for it', runtime: [record('i1', RUNNING)], want: [] },
    { name: 'goes on to the second', runtime: [record('i1', exited(0))], want: ['start i2 0'] },
    { name: 'repeats one that failed', runtime: [record('i1', exited(1))], want: ['start i1 1'] },
    {
      name: 'starts the rest after the last',
      runtime: [record('i2', exited(0)), record('i1', exited(0))],
      want: ['start c 0'],
    },
    {
      name: 'does not look at them again once the pod has started, even when they were removed',
      runtime: [record('c', RUNNING)],
      want: [],
    },
    {
      name: 'does not count those of an earlier sandbox',
      runtime: [record('i1', exited(0), { sandboxId: 'older', attempt: 1 })],
      want: ['start i1 2'],
    },
  ];
  test.each(rows)('$name', (row) => {
    const plan = planPod(view({ pod: pod(init), runtime: runtimePod(row.runtime) }));
    expect(words(plan)).toEqual(row.want);
  });

  test('fails for good under Never', () => {
    const plan = planPod(
      view({
        pod: pod({ ...init, restartPolicy: 'Never' }),
        runtime: runtimePod([record('i1', exited(1))]),
      }),
    );
    expect(plan).toEqual([]);
  });
});

/** A pod of whose container the API already says that it ended. */
function toldPod(restartPolicy: string, exitCode: number) {
  const told = {
    name: 'c',
    image: '',
    imageID: '',
    ready: false,
    restartCount: 3,
    containerID: 'docker://x',
  };
  const state = { terminated: { exitCode, reason: 'Told' } };
  return pod({ restartPolicy }, { status: { containerStatuses: [{ ...told, state }] } });
}

/** A pod of whose container the API already says that the engine has lost it, and its next run is its fourth again. */
function lostPod() {
  const lastState = { terminated: { exitCode: 137, reason: 'ContainerStatusUnknown' } };
  const known = { name: 'c', image: '', imageID: '', containerID: 'docker://x', ready: false };
  const state = { waiting: { reason: 'ContainerCreating' } };
  return pod(
    {},
    { status: { containerStatuses: [{ ...known, restartCount: 4, state, lastState }] } },
  );
}
