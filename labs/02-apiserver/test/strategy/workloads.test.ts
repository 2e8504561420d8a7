// Replication controllers, replica sets, deployments, daemon sets.

import { describe, expect, test } from 'vitest';
import { complaint, create, type Loose, update } from './admit.ts';

const rc = { group: '', version: 'v1', kind: 'ReplicationController' };
const rs = { group: 'apps', version: 'v1', kind: 'ReplicaSet' };
const deployment = { group: 'apps', version: 'v1', kind: 'Deployment' };
const ds = { group: 'apps', version: 'v1', kind: 'DaemonSet' };
const podSpec = { containers: [{ name: 'c', image: 'nginx:1' }] };

function template(labels: Loose = { app: 'a' }, spec: Loose = podSpec): Loose {
  return { metadata: { labels }, spec };
}

function workload(spec: Loose = {}): Loose {
  return {
    metadata: { name: 'w' },
    spec: { selector: { matchLabels: { app: 'a' } }, template: template(), ...spec },
  };
}

test('a deployment gets upstream’s defaults', () => {
  const { spec, metadata, status } = create(deployment, workload());
  expect(spec).toMatchObject({
    replicas: 1,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    template: { spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 30 } },
  });
  // What only pods themselves get must not be in a template.
  expect(spec).not.toHaveProperty('template.spec.enableServiceLinks');
  expect(metadata).toMatchObject({ generation: 1 });
  expect(status).toEqual({});
});

test('a replication controller takes selector and labels from its template', () => {
  const object = create(rc, { metadata: { name: 'w' }, spec: { template: template() } });
  expect(object).toMatchObject({
    metadata: { labels: { app: 'a' } },
    spec: { replicas: 1, selector: { app: 'a' } },
    status: { replicas: 0 },
  });
});

test('a daemon set gets upstream’s defaults', () => {
  expect(create(ds, workload())).toMatchObject({
    spec: {
      revisionHistoryLimit: 10,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
    },
  });
});

describe('a workload is refused', () => {
  test.each([
    {
      gvk: deployment,
      body: workload({ selector: undefined }),
      says: 'Deployment.apps "w" is invalid: spec.selector: Required value',
    },
    {
      gvk: deployment,
      body: workload({ selector: {} }),
      says: 'Deployment.apps "w" is invalid: spec.selector: Invalid value: {}: empty selector is invalid for deployment',
    },
    {
      gvk: deployment,
      body: workload({ selector: { matchLabels: { app: 'b' } } }),
      says: 'Deployment.apps "w" is invalid: spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    },
    {
      gvk: deployment,
      body: workload({ replicas: -1 }),
      says: 'Deployment.apps "w" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
    },
    {
      gvk: deployment,
      body: workload({ strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } }),
      says: 'Deployment.apps "w" is invalid: spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is \'Recreate\'',
    },
    {
      gvk: deployment,
      body: workload({ strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
      says: 'Deployment.apps "w" is invalid: spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
    },
    {
      gvk: deployment,
      body: workload({ strategy: { rollingUpdate: { maxUnavailable: '150%' } } }),
      says: 'Deployment.apps "w" is invalid: spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "150%": must not be greater than 100%',
    },
    {
      gvk: deployment,
      body: workload({ progressDeadlineSeconds: 5, minReadySeconds: 5 }),
      says: 'Deployment.apps "w" is invalid: spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds',
    },
    {
      gvk: deployment,
      body: workload({ template: template({ app: 'a' }, { ...podSpec, restartPolicy: 'Never' }) }),
      says: 'Deployment.apps "w" is invalid: spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    },
    {
      gvk: deployment,
      body: workload({ template: template({ app: 'a' }, { containers: [{ name: 'c' }] }) }),
      says: 'Deployment.apps "w" is invalid: spec.template.spec.containers[0].image: Required value',
    },
    {
      gvk: rs,
      body: workload({ selector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }),
      says: "ReplicaSet.apps \"w\" is invalid: spec.selector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    },
    {
      gvk: ds,
      body: workload({ updateStrategy: { rollingUpdate: { maxSurge: 1 } } }),
      says: 'DaemonSet.apps "w" is invalid: spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero',
    },
    {
      gvk: rc,
      body: { metadata: { name: 'w' }, spec: {} },
      says: 'ReplicationController "w" is invalid: [spec.selector: Required value, spec.template: Required value]',
    },
    {
      gvk: rc,
      body: { metadata: { name: 'w' }, spec: { selector: { app: 'b' }, template: template() } },
      says: 'ReplicationController "w" is invalid: spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    },
  ])('$says', ({ gvk, body, says }) => {
    expect(complaint(() => create(gvk, body))).toBe(says);
  });
});

test('a selector is immutable', () => {
  for (const gvk of [deployment, rs, ds]) {
    const old = create(gvk, workload());
    const changed = workload({
      selector: { matchLabels: { app: 'b' } },
      template: template({ app: 'b' }),
    });
    expect(complaint(() => update(gvk, old, changed))).toBe(
      `${gvk.kind}.apps "w" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable`,
    );
  }
});

test('scaling counts the generation, a new label does not', () => {
  const old = create(deployment, workload());
  expect(update(deployment, old, workload({ replicas: 3 })).metadata).toMatchObject({
    generation: 2,
  });
  const labelled = { ...workload(), metadata: { name: 'w', labels: { a: 'b' } } };
  expect(update(deployment, old, labelled).metadata).toMatchObject({ generation: 1 });
});
