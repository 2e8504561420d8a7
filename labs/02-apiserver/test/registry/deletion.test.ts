// What a DELETE does to an object, case by case: what holds it, for how long, and what is written.
import type { DeleteOptions, ObjectMeta } from 'kubernetes-types/meta/v1';
import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '#src/client/resources.ts';
import { mutableCopy, type ReadonlyApiObject } from '#src/registry/api-object.ts';
import { checkPreconditions, isReleasedBy, planDeletion } from '#src/registry/deletion.ts';
import type { ResourceDefinition } from '#src/registry/resource-definition.ts';
import { NAMESPACES, PODS, WIDGETS, type Widget } from '../steps/support/widgets.ts';
import { stored } from './scene.ts';

const NOW = Date.UTC(2024, 0, 1, 12);
/** Seconds after noon. */
const at = (seconds: number): string =>
  `2024-01-01T12:${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}Z`;

const of = (more: Partial<Widget>, definition = WIDGETS): ReadonlyApiObject =>
  stored('a', more, { definition }).object;

/** `remove`, `keep`, or what is written: until when, how long, held by what. */
function planned(
  current: ReadonlyApiObject,
  options: DeleteOptions = {},
  definition: ResourceDefinition = WIDGETS,
): string {
  const before = structuredClone(current);
  const plan = planDeletion(current, options, { definition, nowMs: NOW });
  expect(current, 'what is there stays as it was').toEqual(before);
  if (plan.kind !== 'mark') return plan.kind;
  const {
    deletionTimestamp,
    deletionGracePeriodSeconds,
    finalizers = [],
  } = plan.object.metadata ?? {};
  return [deletionTimestamp, deletionGracePeriodSeconds, ...finalizers].join(' ');
}

describe('a pod', () => {
  const running = { spec: { nodeName: 'n1' } };
  const pod = (more: Partial<Widget> = running): ReadonlyApiObject => of(more, PODS);
  const patient: object = { ...running.spec, terminationGracePeriodSeconds: 5 };
  const marked = (seconds: number, more: Partial<ObjectMeta> = {}): ReadonlyApiObject =>
    pod({
      ...running,
      metadata: {
        deletionTimestamp: at(seconds),
        deletionGracePeriodSeconds: seconds,
        ...more,
      },
    });

  test.each<{ name: string; pod: ReadonlyApiObject; options?: DeleteOptions; want: string }>([
    { name: 'that runs has 30 seconds', pod: pod(), want: `${at(30)} 30` },
    {
      name: 'has what its spec says',
      pod: pod({ spec: patient }),
      want: `${at(5)} 5`,
    },
    {
      name: 'has what the request says',
      pod: pod(),
      options: { gracePeriodSeconds: 90 },
      want: `${at(90)} 90`,
    },
    {
      name: 'has a second when the request says less than none',
      pod: pod(),
      options: { gracePeriodSeconds: -1 },
      want: `${at(1)} 1`,
    },
    { name: 'without grace goes', pod: pod(), options: { gracePeriodSeconds: 0 }, want: 'remove' },
    { name: 'that no kubelet has goes', pod: pod({ spec: { nodeName: '' } }), want: 'remove' },
    { name: 'without a spec goes', pod: pod({}), want: 'remove' },
    {
      name: 'that succeeded goes',
      pod: pod({ ...running, status: { phase: 'Succeeded' } }),
      want: 'remove',
    },
    {
      name: 'that failed goes',
      pod: pod({ ...running, status: { phase: 'Failed' } }),
      want: 'remove',
    },
    {
      name: 'whose phase is another has its time',
      pod: pod({ ...running, status: { phase: 'Running' } }),
      want: `${at(30)} 30`,
    },
    { name: 'that ends already is left alone', pod: marked(100), want: 'keep' },
    {
      name: 'that ends already gets no more time',
      pod: marked(20),
      options: { gracePeriodSeconds: 50 },
      want: 'keep',
    },
    {
      name: 'that ends already can be hurried, from the first request on',
      pod: marked(100),
      options: { gracePeriodSeconds: 10 },
      want: `${at(10)} 10`,
    },
    {
      name: 'that ends already can be told to go',
      pod: marked(100),
      options: { gracePeriodSeconds: 0 },
      want: 'remove',
    },
    {
      name: 'that ends already and is held loses its grace only',
      pod: marked(100, { finalizers: ['x/y'] }),
      options: { gracePeriodSeconds: 0 },
      want: `${at(0)} 0 x/y`,
    },
    {
      name: 'that is only held still waits',
      pod: marked(0, { finalizers: ['x/y'] }),
      want: 'keep',
    },
    {
      name: 'that is only held can be orphaned',
      pod: marked(0, { finalizers: ['x/y'] }),
      options: { propagationPolicy: 'Orphan' },
      want: `${at(0)} 0 x/y orphan`,
    },
    {
      name: 'that is held by the collector can be given to the other one',
      pod: marked(0, { finalizers: ['orphan'] }),
      options: { propagationPolicy: 'Foreground' },
      want: `${at(0)} 0 foregroundDeletion`,
    },
    { name: 'that nobody holds any more goes', pod: marked(0), want: 'remove' },
  ])('$name', ({ pod, options, want }) => {
    expect(planned(pod, options, PODS)).toBe(want);
  });

  test('is one by kind and version: others have no grace', () => {
    for (const kind of [{ kind: 'Widget' }, { apiVersion: 'example.com/v1' }]) {
      expect(planned({ ...pod(), ...kind }, {}, PODS)).toBe('remove');
    }
  });

  test('keeps its status', () => {
    const current = pod({ ...running, status: { phase: 'Running' } });
    const plan = planDeletion(current, {}, { definition: PODS, nowMs: NOW });
    expect(plan).toMatchObject({ kind: 'mark', object: { status: { phase: 'Running' } } });
  });
});

describe('what shall become of the dependents is a finalizer', () => {
  const named = (group: string, resource: string) => ({ ...WIDGETS, group, resource });
  const widgets = named('example.com', 'widgets');
  const end = `${at(0)} 0`;
  const old = named('batch', 'jobs');
  test.each<{ of?: ResourceDefinition; has?: string[]; options?: DeleteOptions; want: string }>([
    { want: 'remove' },
    { options: { propagationPolicy: 'Background' }, want: 'remove' },
    { options: { propagationPolicy: 'Orphan' }, want: `${end} orphan` },
    { options: { propagationPolicy: 'Foreground' }, want: `${end} foregroundDeletion` },
    { options: { orphanDependents: true }, want: `${end} orphan` },
    { options: { orphanDependents: false }, want: 'remove' },
    { has: ['x/y'], want: `${end} x/y` },
    { has: ['orphan'], want: `${end} orphan` },
    { has: ['orphan', 'foregroundDeletion'], want: `${end} orphan` },
    { has: ['foregroundDeletion', 'x/y'], want: `${end} x/y foregroundDeletion` },
    { has: ['orphan', 'x/y'], options: { propagationPolicy: 'Background' }, want: `${end} x/y` },
    { has: ['foregroundDeletion'], options: { orphanDependents: false }, want: 'remove' },
    { of: old, want: `${end} orphan` },
    { of: old, options: { propagationPolicy: 'Background' }, want: 'remove' },
    { of: old, has: ['foregroundDeletion'], want: `${end} foregroundDeletion` },
    { of: named('', 'replicationcontrollers'), want: `${end} orphan` },
    { of: named('example.com', 'replicationcontrollers'), want: 'remove' },
    { of: named('example.com', 'jobs'), want: 'remove' },
    { of: named('batch', 'cronjobs'), want: 'remove' },
    { of: named('', 'services'), want: 'remove' },
  ])(
    '$of.resource with $has and $options: $want',
    ({ of: definition = widgets, has, options, want }) => {
      const current = of(has === undefined ? {} : { metadata: { finalizers: has } });
      expect(planned(current, options, definition)).toBe(want);
    },
  );
});

describe('a namespace', () => {
  const namespace = (more: Partial<Widget>): ReadonlyApiObject => of(more, NAMESPACES);
  const held = { spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } };

  test('ends, says so, and waits for its own finalizers', () => {
    const plan = planDeletion(namespace(held), {}, { definition: NAMESPACES, nowMs: NOW });
    expect(plan).toMatchObject({
      kind: 'mark',
      object: { metadata: { deletionTimestamp: at(0) }, status: { phase: 'Terminating' } },
    });
  });

  test.each<{ name: string; current: ReadonlyApiObject; want: string }>([
    {
      name: 'without finalizers',
      current: namespace({ spec: { finalizers: [] } }),
      want: 'remove',
    },
    { name: 'without a spec', current: namespace({}), want: 'remove' },
    {
      name: 'of another group',
      current: { ...namespace(held), apiVersion: 'example.com/v1' },
      want: 'remove',
    },
    { name: 'by its spec only', current: { ...namespace(held), kind: 'Pod' }, want: 'remove' },
    {
      name: 'that ends already',
      current: namespace({
        ...held,
        metadata: { deletionTimestamp: at(0), deletionGracePeriodSeconds: 0 },
      }),
      want: 'keep',
    },
  ])('$name: $want', ({ current, want }) => {
    expect(planned(current, {}, NAMESPACES)).toBe(want);
  });
});

describe('the first request to delete', () => {
  const counted: { definition: ResourceDefinition; times: () => string[] } = (() => {
    const times: string[] = [];
    const prepareForDeletion = (_: unknown, now: string) => void times.push(now);
    const strategy = { ...WIDGETS.strategy, prepareForDeletion };
    return { definition: { ...WIDGETS, strategy }, times: () => times.splice(0) };
  })();
  const generationAfter = (metadata: Partial<ObjectMeta>): unknown => {
    const { definition } = counted;
    const current = of({ metadata: { finalizers: ['x/y'], ...metadata } });
    const options: DeleteOptions = { propagationPolicy: 'Orphan' };
    const plan = planDeletion(current, options, { definition, nowMs: NOW });
    return plan.kind === 'mark' ? plan.object.metadata?.generation : plan.kind;
  };
  const marked = { deletionTimestamp: at(0), deletionGracePeriodSeconds: 5 };

  test.each<{ metadata: Partial<ObjectMeta>; generation: number | undefined; first: boolean }>([
    { metadata: { generation: 3 }, generation: 4, first: true },
    { metadata: { generation: 0 }, generation: 0, first: true },
    { metadata: {}, generation: undefined, first: true },
    {
      metadata: { generation: 3, ...marked, deletionGracePeriodSeconds: 0 },
      generation: 3,
      first: false,
    },
  ])('of $metadata leaves generation $generation', ({ metadata, generation, first }) => {
    expect(generationAfter(metadata)).toBe(generation);
    expect(counted.times()).toEqual(first ? [at(0)] : []);
  });

  test('is the only one that counts: to hurry is no new generation', () => {
    const metadata = { generation: 3, deletionTimestamp: at(30), deletionGracePeriodSeconds: 30 };
    const current = of({ spec: { nodeName: 'n' }, metadata }, PODS);
    const options = { gracePeriodSeconds: 5 };
    const plan = planDeletion(current, options, { definition: PODS, nowMs: NOW });
    expect(plan).toMatchObject({ kind: 'mark', object: { metadata: { generation: 3 } } });
  });
});

describe('isReleasedBy()', () => {
  const released: Partial<ObjectMeta> = { deletionTimestamp: at(0), deletionGracePeriodSeconds: 0 };
  const gone = (metadata: Partial<ObjectMeta>): KubernetesObject =>
    mutableCopy(of({ metadata: { ...released, ...metadata } }));
  test.each<{ name: string; next: KubernetesObject; want: boolean }>([
    { name: 'nothing holds it', next: gone({}), want: true },
    {
      name: 'without a word on grace',
      next: { metadata: { deletionTimestamp: at(0) } },
      want: true,
    },
    { name: 'it is not marked', next: mutableCopy(of({})), want: false },
    { name: 'a kubelet still has it', next: gone({ deletionGracePeriodSeconds: 5 }), want: false },
    { name: 'a finalizer holds it', next: gone({ finalizers: ['x/y'] }), want: false },
    { name: 'there is no metadata', next: {}, want: false },
    {
      name: 'its own finalizers hold a namespace',
      next: mutableCopy(of({ metadata: released, spec: { finalizers: ['k'] } }, NAMESPACES)),
      want: false,
    },
  ])('$name: $want', ({ next, want }) => {
    expect(isReleasedBy(next)).toBe(want);
  });
});

describe('checkPreconditions()', () => {
  const current = of({ metadata: { uid: 'u1' } });
  const failed = 'Operation cannot be fulfilled on Widget.example.com "a": the';
  test.each<[NonNullable<DeleteOptions['preconditions']>, string]>([
    [{}, ''],
    [{ uid: 'u1', resourceVersion: '7' }, ''],
    [
      { uid: 'u2' },
      `${failed} UID in the precondition (u2) does not match the UID in record (u1). The object might have been deleted and then recreated`,
    ],
    [
      { uid: 'u1', resourceVersion: '6' },
      `${failed} ResourceVersion in the precondition (6) does not match the ResourceVersion in record (7). The object might have been modified`,
    ],
  ])('%j', (preconditions, message) => {
    const check = () => checkPreconditions(current, { preconditions }, WIDGETS);
    if (message === '') expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ reason: 'Conflict', message }));
    expect(() => checkPreconditions(current, {}, WIDGETS)).not.toThrow();
  });
});
