// Stateful sets, and what the controllers of all workloads may write into a status.

import { describe, expect, test } from 'vitest';
import { create, faults, type Loose, update, updateStatus } from './admit.ts';

const apps = (kind: string) => ({ group: 'apps', version: 'v1', kind });
const set = apps('StatefulSet');
const revision = apps('ControllerRevision');
const template = {
  metadata: { labels: { app: 'a' } },
  spec: { containers: [{ name: 'c', image: 'nginx:1' }] },
};
const claim = {
  metadata: { name: 'data' },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};

function workload(spec: Loose = {}): Loose {
  return {
    metadata: { name: 'w' },
    spec: { selector: { matchLabels: { app: 'a' } }, template, ...spec },
  };
}

describe('a stateful set', () => {
  test('gets upstream’s defaults', () => {
    const object = create(set, workload({ serviceName: 's', volumeClaimTemplates: [claim] }));
    expect(object).toMatchObject({
      metadata: { generation: 1 },
      spec: {
        replicas: 1,
        podManagementPolicy: 'OrderedReady',
        updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
        revisionHistoryLimit: 10,
        persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
        volumeClaimTemplates: [
          {
            kind: 'PersistentVolumeClaim',
            apiVersion: 'v1',
            spec: { volumeMode: 'Filesystem' },
            status: { phase: 'Pending' },
          },
        ],
      },
      status: { availableReplicas: 0, replicas: 0 },
    });
  });

  test.each([
    [{ replicas: -1 }, 'spec.replicas: Invalid value: -1: must be greater than or equal to 0'],
    [
      { selector: {} },
      'spec.selector: Invalid value: {}: empty selector is invalid for statefulset',
    ],
    [
      { podManagementPolicy: 'Any' },
      "spec.podManagementPolicy: Invalid value: \"Any\": must be 'OrderedReady' or 'Parallel'",
    ],
    [
      { updateStrategy: { type: 'OnDelete', rollingUpdate: {} } },
      'spec.updateStrategy.rollingUpdate: Invalid value: {"partition":0}: only allowed for updateStrategy \'RollingUpdate\'',
    ],
    [
      { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Keep' } },
      'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Keep": supported values: "Retain", "Delete"',
    ],
    [
      { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } },
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ],
  ])('with %j is refused', (spec, says) => {
    expect(faults(() => create(set, workload(spec)))).toBe(says);
  });

  test.each([
    [{ replicas: 3 }, ''],
    [{ minReadySeconds: 3 }, ''],
    [
      { serviceName: 'other' },
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ],
  ])('changed by %j: %s', (change, says) => {
    const old = create(set, workload({ serviceName: 's' }));
    const spec = { ...(old.spec as Loose), ...change };
    expect(faults(() => update(set, old, { ...old, spec }))).toBe(says);
  });
});

test.each<[kind: string, status: Loose, says: string]>([
  ['StatefulSet', { replicas: 1, readyReplicas: 1 }, ''],
  [
    'StatefulSet',
    { replicas: 1, readyReplicas: 2 },
    'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
  ],
  [
    'Deployment',
    { updatedReplicas: -1 },
    'status.updatedReplicas: Invalid value: -1: must be greater than or equal to 0',
  ],
  [
    'Deployment',
    { replicas: 2, availableReplicas: 2, readyReplicas: 1 },
    'status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas',
  ],
  [
    'ReplicaSet',
    { replicas: 1, fullyLabeledReplicas: 2 },
    'status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas',
  ],
  [
    'DaemonSet',
    {
      currentNumberScheduled: -1,
      numberMisscheduled: 0,
      desiredNumberScheduled: 0,
      numberReady: 0,
    },
    'status.currentNumberScheduled: Invalid value: -1: must be greater than or equal to 0',
  ],
])('the status of a %s: %j: %s', (kind, status, says) => {
  const body = workload(kind === 'StatefulSet' ? { serviceName: 's' } : {});
  const old = create(apps(kind), body);
  expect(faults(() => updateStatus(apps(kind), old, status))).toBe(says);
});

test('a collision count never falls', () => {
  const old = { ...create(apps('Deployment'), workload()), status: { collisionCount: 2 } };
  const says = faults(() => updateStatus(apps('Deployment'), old, { collisionCount: 1 }));
  expect(says).toBe('status.collisionCount: Invalid value: 1: cannot be decremented');
});

describe('a controller revision', () => {
  const body = { metadata: { name: 'r' }, revision: 1, data: { a: 1 } };

  test('needs data', () => {
    const { data: _, ...empty } = body;
    expect(faults(() => create(revision, empty))).toBe('data: Required value: data is mandatory');
  });

  test('keeps its data, and may be renumbered', () => {
    const old = create(revision, body);
    expect(faults(() => update(revision, old, { ...body, revision: 2 }))).toBe('');
    expect(faults(() => update(revision, old, { ...body, data: { a: 2 } }))).toBe(
      'data: Invalid value: {"a":2}: field is immutable',
    );
  });
});

describe('the status of a pod', () => {
  const pod = { group: '', version: 'v1', kind: 'Pod' };
  const ended = (exitCode: number) => [{ name: 'c', state: { terminated: { exitCode } } }];
  const running = [{ name: 'c', state: { running: {} } }];
  const REFUSED =
    'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state';

  test.each([
    ['Always', 0, ''],
    ['OnFailure', 1, ''],
    ['OnFailure', 0, REFUSED],
    ['Never', 1, REFUSED],
  ])('with restartPolicy %s, after exit code %i, running again: %s', (policy, code, says) => {
    const spec = { ...template.spec, restartPolicy: policy };
    const made = create(pod, { metadata: { name: 'p' }, spec });
    const old = { ...made, status: { containerStatuses: ended(code) } };
    expect(faults(() => updateStatus(pod, old, { containerStatuses: running }))).toBe(says);
  });
});

test('a namespace that is not going away is active', () => {
  const namespace = { group: '', version: 'v1', kind: 'Namespace' };
  const old = create(namespace, { metadata: { name: 'n' } });
  expect(faults(() => updateStatus(namespace, old, { phase: 'Terminating' }))).toBe(
    'status.Phase: Invalid value: "Terminating": may only be \'Active\' if `deletionTimestamp` is empty',
  );
});

test('a pod gets its ephemeral containers later, and a template never', () => {
  const pod = { group: '', version: 'v1', kind: 'Pod' };
  const ephemeralContainers = [{ name: 'e', image: 'busybox' }];
  const spec = { ...template.spec, ephemeralContainers };
  expect(faults(() => create(pod, { metadata: { name: 'p' }, spec }))).toBe(
    'spec.ephemeralContainers: Forbidden: cannot be set on create',
  );
  const body = workload({ template: { ...template, spec } });
  expect(faults(() => create(apps('Deployment'), body))).toBe(
    'spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template',
  );
});
