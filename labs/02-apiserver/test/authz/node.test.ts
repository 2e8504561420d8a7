import type { PersistentVolume, Pod, PodSpec } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import type { ResourceAttributes } from '#src/authz/authorizer.ts';
import { NodeAuthorizer, nodeIdentity } from '#src/authz/node-authorizer.ts';
import { NodeGraph } from '#src/authz/node-graph.ts';
import { NODE_RULES } from '#src/authz/rbac-data/node-rules.ts';
import { JANE, path, resource } from './asked.ts';

const NODE_A = { name: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] };

const USES: Partial<PodSpec> = {
  serviceAccountName: 'robot',
  imagePullSecrets: [{ name: 'pull' }],
  containers: [
    {
      name: 'c',
      env: [
        { name: 'A', valueFrom: { secretKeyRef: { name: 'env', key: 'k' } } },
        { name: 'B', valueFrom: { configMapKeyRef: { name: 'env', key: 'k' } } },
      ],
      envFrom: [{ secretRef: { name: 'all' } }, { configMapRef: { name: 'all' } }],
    },
  ],
  initContainers: [{ name: 'i', envFrom: [{ secretRef: { name: 'init' } }] }],
  volumes: [
    { name: 's', secret: { secretName: 'mounted' } },
    { name: 'c', configMap: { name: 'mounted' } },
    {
      name: 'p',
      projected: {
        sources: [{ secret: { name: 'projected' } }, { configMap: { name: 'projected' } }],
      },
    },
    { name: 'd', persistentVolumeClaim: { claimName: 'data' } },
    { name: 'e', ephemeral: { volumeClaimTemplate: { spec: {} } } },
    { name: 'x', csi: { driver: 'd', nodePublishSecretRef: { name: 'csi' } } },
  ],
};

function pod(name: string, nodeName: string, spec: Partial<PodSpec> = {}): Pod {
  return {
    metadata: { namespace: 'default', name },
    spec: { containers: [], nodeName, ...spec },
  };
}

const VOLUME: PersistentVolume = {
  metadata: { name: 'pv' },
  spec: {
    claimRef: { namespace: 'default', name: 'data' },
    csi: {
      driver: 'd',
      volumeHandle: 'h',
      nodeStageSecretRef: { namespace: 'vault', name: 'key' },
    },
  },
};

function world(...pods: Pod[]) {
  const graph = new NodeGraph();
  for (const each of pods) graph.setPod(each);
  graph.setVolume(VOLUME);
  graph.setAttachment('va', 'a');
  return { graph, authorizer: new NodeAuthorizer(graph, NODE_RULES) };
}

function asked(text: string, rest: Partial<ResourceAttributes> = {}): ResourceAttributes {
  return resource(text, { user: NODE_A, ...rest });
}

const CLUSTER = { namespace: '' };
const OWN_PODS = {
  namespace: '',
  fieldSelector: [{ field: 'spec.nodeName', operator: '=' as const, value: 'a' }],
};
const OTHER_PODS = {
  namespace: '',
  fieldSelector: [{ field: 'spec.nodeName', operator: '=' as const, value: 'b' }],
};
const LEASES = { namespace: 'kube-node-lease' };

describe('NodeAuthorizer: a node with one pod may', () => {
  const { authorizer } = world(
    pod('web', 'a', USES),
    pod('other', 'b', { serviceAccountName: 'x' }),
  );

  test.each([
    ['get secrets mounted', {}],
    ['list secrets mounted', {}],
    ['watch secrets mounted', {}],
    ['get secrets pull', {}],
    ['get secrets env', {}],
    ['get secrets all', {}],
    ['get secrets init', {}],
    ['get secrets projected', {}],
    ['get secrets csi', {}],
    ['get secrets key', { namespace: 'vault' }],
    ['get configmaps mounted', {}],
    ['get configmaps env', {}],
    ['get configmaps all', {}],
    ['watch configmaps projected', {}],
    ['get persistentvolumeclaims data', {}],
    ['get persistentvolumeclaims web-e', {}],
    ['update persistentvolumeclaims/status data', {}],
    ['get persistentvolumes pv', CLUSTER],
    ['get storage.k8s.io/volumeattachments va', CLUSTER],
    ['create serviceaccounts/token robot', {}],
    ['get pods web', {}],
    ['list pods', OWN_PODS],
    ['watch pods', OWN_PODS],
    ['create pods', {}],
    ['delete pods web', {}],
    ['patch pods/status web', {}],
    ['create pods/eviction web', {}],
    ['get nodes a', CLUSTER],
    ['watch nodes a', CLUSTER],
    ['create nodes', CLUSTER],
    ['patch nodes/status a', CLUSTER],
    ['create coordination.k8s.io/leases', LEASES],
    ['update coordination.k8s.io/leases a', LEASES],
    ['get storage.k8s.io/csinodes a', CLUSTER],
    ['list services', CLUSTER],
    ['create events', {}],
    ['get node.k8s.io/runtimeclasses r', CLUSTER],
    ['create certificates.k8s.io/certificatesigningrequests', CLUSTER],
  ])('%s %j', (text, rest) => {
    expect(authorizer.authorize(asked(text, rest)).decision).toBe('allow');
  });
});

describe('NodeAuthorizer: a node with one pod may not', () => {
  const { authorizer } = world(
    pod('web', 'a', USES),
    pod('other', 'b', { serviceAccountName: 'x' }),
  );
  const unrelated = "no relationship found between node 'a' and this object";

  test.each([
    ['get secrets other', {}, unrelated],
    ['get secrets mounted', { namespace: 'ci' }, unrelated],
    ['list secrets', {}, 'No Object name found'],
    ['update secrets mounted', {}, 'can only read resources of this type'],
    ['get secrets mounted', CLUSTER, 'can only read namespaced object of this type'],
    ['get configmaps pull', {}, unrelated],
    ['list persistentvolumeclaims', {}, 'can only get individual resources of this type'],
    ['get persistentvolumeclaims/status data', {}, 'can only get/update/patch this type'],
    ['get persistentvolumes other', CLUSTER, unrelated],
    ['get storage.k8s.io/volumeattachments vb', CLUSTER, unrelated],
    ['create serviceaccounts/token x', {}, unrelated],
    ['get serviceaccounts robot', {}, 'can only create tokens for individual service accounts'],
    ['get pods other', {}, unrelated],
    ['list pods', CLUSTER, 'can only list/watch pods with spec.nodeName field selector'],
    ['list pods', OTHER_PODS, 'can only list/watch pods with spec.nodeName field selector'],
    ['update pods web', {}, ''],
    ['get pods/log web', {}, ''],
    ['create pods/exec web', {}, ''],
    ['list nodes', CLUSTER, "node 'a' cannot read all nodes, only its own Node object"],
    ['get nodes b', CLUSTER, "node 'a' cannot read 'b', only its own Node object"],
    ['delete nodes a', CLUSTER, ''],
    [
      'get coordination.k8s.io/leases a',
      {},
      'can only access leases in the "kube-node-lease" system namespace',
    ],
    [
      'list coordination.k8s.io/leases',
      LEASES,
      'can only get, create, update, patch, or delete a node lease',
    ],
    [
      'get coordination.k8s.io/leases b',
      LEASES,
      'can only access node lease with the same name as the requesting node',
    ],
    [
      'get storage.k8s.io/csinodes b',
      CLUSTER,
      'can only access CSINode with the same name as the requesting node',
    ],
    ['create services', {}, ''],
    ['get rbac.authorization.k8s.io/clusterroles x', CLUSTER, ''],
  ])('%s %j', (text, rest, reason) => {
    expect(authorizer.authorize(asked(text, rest))).toEqual({ decision: 'none', reason });
  });

  test('a path that is no resource', () => {
    expect(authorizer.authorize(path('get /metrics', NODE_A)).decision).toBe('none');
  });
});

describe('NodeGraph', () => {
  const secret = asked('get secrets mounted');

  test('a deleted pod takes its links with it, another one keeps them', () => {
    const { graph, authorizer } = world(pod('web', 'a', USES), pod('second', 'a', USES));
    graph.deletePod('default', 'web');
    expect(authorizer.authorize(secret).decision).toBe('allow');
    graph.deletePod('default', 'second');
    expect(authorizer.authorize(secret).decision).toBe('none');
    expect(authorizer.authorize(asked('get persistentvolumes pv', CLUSTER)).decision).toBe('none');
  });

  test('a pod that is not bound, and a mirror pod, give nothing', () => {
    const mirror = pod('mirror', 'a', USES);
    mirror.metadata = { ...mirror.metadata, annotations: { 'kubernetes.io/config.mirror': 'h' } };
    const { authorizer } = world(pod('web', '', USES), mirror);
    expect(authorizer.authorize(secret).decision).toBe('none');
    expect(authorizer.authorize(asked('get pods mirror')).decision).toBe('allow');
  });

  test('a pod that ended up on another node', () => {
    const { graph, authorizer } = world(pod('web', 'a', USES));
    graph.setPod(pod('web', 'b', USES));
    expect(authorizer.authorize(secret).decision).toBe('none');
  });

  test('a released volume and a moved attachment give nothing any more', () => {
    const { graph, authorizer } = world(pod('web', 'a', USES));
    graph.setVolume({ metadata: { name: 'pv' }, spec: {} });
    graph.setAttachment('va', 'b');
    const gone = [
      asked('get persistentvolumes pv', CLUSTER),
      asked('get secrets key', { namespace: 'vault' }),
      asked('get storage.k8s.io/volumeattachments va', CLUSTER),
    ];
    expect(gone.map((each) => authorizer.authorize(each).decision)).toEqual([
      'none',
      'none',
      'none',
    ]);
  });
});

test.each([
  [NODE_A, 'a'],
  [{ name: 'system:node:', groups: ['system:nodes'] }, ''],
  [{ name: 'system:node:a', groups: [] }, undefined],
  [{ name: 'a', groups: ['system:nodes'] }, undefined],
  [JANE, undefined],
])('nodeIdentity(%j) is %j', (who, want) => {
  expect(nodeIdentity(who)).toBe(want);
});

test('NodeAuthorizer says which node it does not know, and lists no rules', () => {
  const { authorizer } = world();
  const nameless = { name: 'system:node:', groups: ['system:nodes'] };
  expect(authorizer.authorize(asked('get pods web', { user: nameless }))).toEqual({
    decision: 'none',
    reason: 'unknown node for user "system:node:"',
  });
  expect(authorizer.authorize(resource('get pods web')).decision).toBe('none');
  expect(authorizer.rulesFor(NODE_A)).toMatchObject({
    incomplete: true,
    errors: ['node authorizer does not support user rule resolution'],
  });
  expect(authorizer.rulesFor(JANE)).toMatchObject({ incomplete: false, errors: [] });
});
