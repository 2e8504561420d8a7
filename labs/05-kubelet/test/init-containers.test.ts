// Sidecars in the plan: when they start, what waits for them, who brings them back, and when nobody does.

import type { Container } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { isInitialized } from '#src/pod/init-containers.ts';
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
  sidecar,
} from './objects.ts';
import { view, words } from './plan-words.ts';

type Records = Parameters<typeof runtimePod>[0];

interface Row {
  readonly name: string;
  readonly init: readonly Container[];
  readonly records: Records;
  readonly policy?: string;
  /** Names of running containers whose startup probe has not succeeded. */
  readonly starting?: readonly string[];
  readonly failed?: Readonly<Record<string, 'liveness' | 'startup'>>;
  readonly want: readonly string[];
}

/** `s` serves `i`, an ordinary init container, and the main container `c`. */
const first = [sidecar('s'), container('i')];
const last = [container('i'), sidecar('s')];
const two = [sidecar('a'), sidecar('b')];

const rows: Row[] = [
  { name: 'the first alone', init: first, records: [], want: ['start s 0'] },
  {
    name: 'the next as soon as a sidecar has started',
    init: first,
    records: [record('s', RUNNING)],
    want: ['start i 0'],
  },
  {
    name: 'nothing while the startup probe of a sidecar has not succeeded',
    init: first,
    records: [record('s', RUNNING)],
    starting: ['s'],
    want: [],
  },
  {
    name: 'the main containers when the last sidecar has started',
    init: last,
    records: [record('s', RUNNING), record('i', exited(0))],
    want: ['start c 0'],
  },
  {
    name: 'no main container while the startup probe of the last sidecar has not succeeded',
    init: last,
    records: [record('s', RUNNING), record('i', exited(0))],
    starting: ['s'],
    want: [],
  },
  {
    name: 'a sidecar again that ends while an init container runs',
    init: first,
    records: [record('i', RUNNING), record('s', exited(0))],
    want: ['start s 1'],
  },
  {
    name: 'a sidecar again, and beside it the init container that failed',
    init: first,
    records: [record('i', exited(1)), record('s', exited(1))],
    want: ['start s 1', 'start i 1'],
  },
  {
    name: 'a sidecar again before the next one may come, when it ended before it had its turn',
    init: two,
    records: [record('a', exited(1))],
    want: ['start a 1'],
  },
  {
    name: 'a sidecar again that failed before the next one could come, under Never as well',
    init: two,
    policy: 'Never',
    records: [record('a', exited(1))],
    want: ['start a 1'],
  },
  {
    name: 'nothing in the place of an init container with another image: it is let end',
    init: first,
    records: [record('i', RUNNING, { hash: 'old' }), record('s', RUNNING)],
    want: [],
  },
  {
    name: 'a sidecar again that the engine has lost while a later one runs',
    init: two,
    records: [record('b', RUNNING)],
    want: ['start a 0', 'start c 0'],
  },
  {
    name: 'a sidecar under its last attempt that was created and never ran',
    init: first,
    records: [record('s', CREATED, { attempt: 2 })],
    want: ['start s 2'],
  },
  {
    name: 'a sidecar again beside running main containers, whatever the policy of its pod',
    init: last,
    policy: 'Never',
    records: [record('c', RUNNING), record('s', exited(0)), record('i', exited(0))],
    want: ['start s 1'],
  },
  {
    name: 'a sidecar and a main container again that have both ended',
    init: last,
    policy: 'OnFailure',
    records: [record('c', exited(1)), record('s', exited(0)), record('i', exited(0))],
    want: ['start s 1', 'start c 1'],
  },
  {
    name: 'nothing again of a pod whose init container failed under Never',
    init: first,
    policy: 'Never',
    records: [record('i', exited(1)), record('s', exited(1))],
    want: [],
  },
  {
    name: 'a sidecar in the place of one that failed its startup probe',
    init: first,
    records: [record('s', RUNNING)],
    starting: ['s'],
    failed: { 's-0': 'startup' },
    want: ['kill Init container s failed startup probe', 'start s 1'],
  },
  {
    name: 'a sidecar in the place of one that failed its liveness probe; the next does not wait for that',
    init: first,
    policy: 'Never',
    records: [record('s', RUNNING)],
    failed: { 's-0': 'liveness' },
    want: ['kill Init container s failed liveness probe', 'start s 1', 'start i 0'],
  },
  {
    name: 'a sidecar in the place of one with another image',
    init: last,
    records: [record('c', RUNNING), record('s', RUNNING, { hash: 'old' })],
    want: ['kill Init container s definition changed', 'start s 1'],
  },
  {
    name: 'nothing beside main containers that have ended for good: the sidecar is stopped',
    init: last,
    policy: 'OnFailure',
    records: [record('c', exited(0)), record('s', RUNNING)],
    want: ['stop-containers'],
  },
  {
    name: 'nothing of a sidecar that has ended after the main containers',
    init: last,
    policy: 'Never',
    records: [record('c', exited(1)), record('s', exited(0))],
    want: [],
  },
  {
    name: 'from the beginning in a new sandbox',
    init: first,
    records: [
      record('s', exited(137), { sandboxId: 'older' }),
      record('i', exited(0), { sandboxId: 'older' }),
    ],
    want: ['start s 1'],
  },
];

describe('planPod() with sidecars starts', () => {
  test.each(rows)('$name', ({ init, records, policy, starting = [], failed = {}, want }) => {
    const plan = planPod(
      view({
        pod: pod({ initContainers: [...init], restartPolicy: policy ?? 'Always' }),
        runtime: runtimePod(records),
        hasStarted: ({ name }) => !starting.includes(name),
        failedProbes: new Map(Object.entries(failed)),
      }),
    );
    expect(words(plan)).toEqual(want);
  });

  test('waits with one that keeps ending, as with every container', () => {
    const runtime = runtimePod([record('s', exited(1))]);
    const plan = planPod(
      view({ pod: pod({ initContainers: first }), runtime, restartDelayMs: () => 7_000 }),
    );
    expect(words(plan)).toEqual(['back-off s 7000']);
  });

  test('kills with the grace period of the probe that failed', () => {
    const livenessProbe = { terminationGracePeriodSeconds: 3 };
    const containers = [container('c', { livenessProbe, startupProbe: {} })];
    const runtime = runtimePod([record('c', RUNNING)]);
    const killed = (probe: 'liveness' | 'startup') =>
      planPod(
        view({ pod: pod({ containers }), runtime, failedProbes: new Map([['c-0', probe]]) }),
      )[0];
    expect(killed('liveness')).toMatchObject({ kind: 'kill-container', graceSeconds: 3 });
    expect(killed('startup')).not.toHaveProperty('graceSeconds');
  });
});

describe('isInitialized()', () => {
  const hasStarted = () => true;
  test.each([
    { name: 'a running sidecar that has started', records: [record('s', RUNNING)], want: true },
    { name: 'a sidecar between two runs', records: [record('s', exited(1))], want: false },
    {
      name: 'a sidecar between two runs beside a main container that has started',
      records: [record('c', RUNNING), record('s', exited(1))],
      want: true,
    },
    {
      name: 'a sidecar between two runs beside a main container that was created and never ran',
      records: [record('c', CREATED), record('s', exited(1))],
      want: false,
    },
  ])('$name: $want', ({ records, want }) => {
    const initialized = isInitialized({
      pod: pod({ initContainers: last }),
      runtime: runtimePod([...records, record('i', exited(0))]),
      hasStarted,
    });
    expect(initialized).toBe(want);
  });

  test('a finished pod without a sandbox is judged by its containers', () => {
    const finished = [record('c', exited(0)), record('s', exited(137))];
    const of = (runtime: ReturnType<typeof runtimePod>) =>
      isInitialized({ pod: pod({ initContainers: last }), runtime, hasStarted });
    expect(of(runtimePod(finished, []))).toBe(true);
    expect(of(runtimePod(finished, [sandbox({ id: 'new' })]))).toBe(false);
  });
});
