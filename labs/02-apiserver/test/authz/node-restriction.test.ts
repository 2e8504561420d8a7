import type { Node, Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { type AdmissionRequest, Rounds } from '#src/admission/admission.ts';
import { nodeRestriction } from '#src/admission/node-restriction.ts';
import { ApiError } from '#src/api-error.ts';
import { forbiddenLabels } from '#src/authz/node-labels.ts';
import { RESOURCES } from '#src/registry/resources.ts';

const NODE_A = { name: 'system:node:a', groups: ['system:nodes'] };
const node = (name: string, rest: Partial<Node> = {}): Node => ({
  metadata: { name, uid: `uid-${name}` },
  ...rest,
});
const PODS: Record<string, Pod> = {
  own: { metadata: { name: 'own', uid: 'uid-own' }, spec: { containers: [], nodeName: 'a' } },
  other: { metadata: { name: 'other', uid: 'uid-other' }, spec: { containers: [], nodeName: 'b' } },
};
const plugin = nodeRestriction({
  pod: (namespace, name) => (namespace === 'default' ? PODS[name] : undefined),
  node: (name) => (name === 'a' ? node('a') : undefined),
});

function definitionOf(resource: string): AdmissionRequest['definition'] {
  const found = RESOURCES.find((definition) => definition.resource === resource);
  if (found !== undefined) return found;
  const [pods] = RESOURCES.filter(({ kind }) => kind === 'Pod');
  if (pods === undefined) throw new Error('no pods');
  return { ...pods, resource, group: resource === 'csinodes' ? 'storage.k8s.io' : '' };
}

/** What the node hears; '' when it may. `text` is OPERATION resource/subresource name. */
function said(text: string, rest: Partial<AdmissionRequest> = {}): string {
  const [operation = '', what = '', name = ''] = text.split(' ');
  const [resource = '', subresource] = what.split('/');
  const request: AdmissionRequest = {
    operation: operation as AdmissionRequest['operation'],
    definition: definitionOf(resource),
    namespace: 'default',
    name,
    user: NODE_A,
    dryRun: false,
    ...(subresource === undefined ? {} : { subresource }),
    ...rest,
  };
  try {
    if (operation !== 'DELETE') void plugin.mutate?.(request, new Rounds());
    void plugin.validate?.(request);
    return '';
  } catch (error) {
    if (ApiError.is(error)) return error.message;
    throw error;
  }
}

const OWNER = { apiVersion: 'v1', kind: 'Node', name: 'a', uid: 'uid-a', controller: true };

function mirror(rest: object = {}, spec: object = {}, owners: object[] = [OWNER]) {
  return {
    kind: 'Pod',
    metadata: {
      name: 'm',
      annotations: { 'kubernetes.io/config.mirror': 'h' },
      ownerReferences: owners,
      ...rest,
    },
    spec: { containers: [], nodeName: 'a', ...spec },
  };
}

describe('NodeRestriction and mirror pods', () => {
  test.each([
    { name: 'a good one', object: mirror(), want: '' },
    {
      name: 'no mirror pod',
      object: mirror({ annotations: {} }),
      want: 'pod does not have "kubernetes.io/config.mirror" annotation, node "a" can only create mirror pods',
    },
    {
      name: 'of another node',
      object: mirror({}, { nodeName: 'b' }),
      want: 'node "a" can only create pods with spec.nodeName set to itself',
    },
    {
      name: 'two owners',
      object: mirror({}, {}, [OWNER, OWNER]),
      want: 'node "a" can only create pods with a single owner reference set to itself',
    },
    {
      name: 'no owner',
      object: mirror({}, {}, []),
      want: 'node "a" can only create pods with an owner reference set to itself',
    },
    {
      name: 'another owner',
      object: mirror({}, {}, [{ ...OWNER, name: 'b' }]),
      want: 'node "a" can only create pods with an owner reference set to itself',
    },
    {
      name: 'an owner that is no controller',
      object: mirror({}, {}, [{ ...OWNER, controller: false }]),
      want: 'node "a" can only create pods with a controller owner reference set to itself',
    },
    {
      name: 'an owner that blocks',
      object: mirror({}, {}, [{ ...OWNER, blockOwnerDeletion: true }]),
      want: 'node "a" must not set blockOwnerDeletion on an owner reference',
    },
    {
      name: 'another uid',
      object: mirror({}, {}, [{ ...OWNER, uid: 'x' }]),
      want: 'node a UID mismatch: expected x got uid-a',
    },
    {
      name: 'a service account',
      object: mirror({}, { serviceAccountName: 'x' }),
      want: 'node "a" can not create pods that reference a service account',
    },
    {
      name: 'a secret',
      object: mirror({}, { imagePullSecrets: [{ name: 'x' }] }),
      want: 'node "a" can not create pods that reference secrets',
    },
    {
      name: 'a config map',
      object: mirror({}, { volumes: [{ name: 'v', configMap: { name: 'x' } }] }),
      want: 'node "a" can not create pods that reference configmaps',
    },
    {
      name: 'a claim',
      object: mirror({}, { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'x' } }] }),
      want: 'node "a" can not create pods that reference persistentvolumeclaims',
    },
  ])('$name', ({ object, want }) => {
    const heard = said('CREATE pods m', { object: object as AdmissionRequest['object'] & object });
    expect(heard).toBe(want === '' ? '' : `pods "m" is forbidden: ${want}`);
  });
});

describe('NodeRestriction', () => {
  const old = (name: string) => PODS[name] as NonNullable<AdmissionRequest['old']>;

  test.each([
    { asked: 'DELETE pods own', rest: {}, want: '' },
    {
      asked: 'DELETE pods other',
      rest: {},
      want: 'pods "other" is forbidden: node "a" can only delete pods with spec.nodeName set to itself',
    },
    { asked: 'DELETE pods gone', rest: {}, want: 'pods "gone" not found' },
    {
      asked: 'UPDATE pods own',
      rest: { object: {} },
      want: 'pods "own" is forbidden: unexpected operation "UPDATE", node "a" can only create and delete mirror pods',
    },
    { asked: 'UPDATE pods/status own', rest: { object: old('own'), old: old('own') }, want: '' },
    {
      asked: 'UPDATE pods/status other',
      rest: { object: {}, old: old('other') },
      want: 'pods "other" is forbidden: node "a" can only update pod status for pods with spec.nodeName set to itself',
    },
    {
      asked: 'UPDATE pods/status own',
      rest: { object: { metadata: { labels: { a: 'b' } } }, old: old('own') },
      want: 'pods "own" is forbidden: node "a" cannot update labels through pod status',
    },
    { asked: 'CREATE pods/eviction own', rest: { object: {} }, want: '' },
    {
      asked: 'CREATE pods/eviction other',
      rest: { object: {} },
      want: 'pods "other" is forbidden: node a can only evict pods with spec.nodeName set to itself',
    },
    {
      asked: 'CREATE pods/binding own',
      rest: { object: {} },
      want: 'pods "own" is forbidden: unexpected pod subresource "binding", only \'status\' and \'eviction\' are allowed',
    },
    { asked: 'CREATE nodes a', rest: { object: node('a') }, want: '' },
    {
      asked: 'CREATE nodes b',
      rest: { object: node('b') },
      want: 'nodes "b" is forbidden: node "a" is not allowed to modify node "b"',
    },
    {
      asked: 'DELETE nodes b',
      rest: {},
      want: 'nodes "b" is forbidden: node "a" is not allowed to modify node "b"',
    },
    {
      asked: 'CREATE nodes a',
      rest: {
        object: node('a', {
          metadata: { name: 'a', labels: { 'node-role.kubernetes.io/control-plane': '' } },
        }),
      },
      want: 'nodes "a" is forbidden: node "a" is not allowed to set the following labels: node-role.kubernetes.io/control-plane',
    },
    {
      asked: 'UPDATE nodes a',
      rest: {
        object: node('a', {
          metadata: { name: 'a', labels: { 'node-restriction.kubernetes.io/x': '' } },
        }),
        old: node('a'),
      },
      want: 'nodes "a" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/x',
    },
    {
      asked: 'UPDATE nodes a',
      rest: {
        object: node('a'),
        old: node('a', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
      },
      want: 'nodes "a" is forbidden: node "a" is not allowed to modify taints',
    },
    { asked: 'UPDATE nodes/status a', rest: { object: node('a'), old: node('a') }, want: '' },
    {
      asked: 'CREATE leases a',
      rest: { namespace: 'kube-node-lease', object: { metadata: { name: 'a' } } },
      want: '',
    },
    {
      asked: 'CREATE leases b',
      rest: { namespace: 'kube-node-lease', object: { metadata: { name: 'b' } } },
      want: 'leases.coordination.k8s.io "b" is forbidden: can only access node lease with the same name as the requesting node',
    },
    {
      asked: 'UPDATE leases a',
      rest: { object: { metadata: { name: 'a' } } },
      want: 'leases.coordination.k8s.io "a" is forbidden: can only access leases in the "kube-node-lease" system namespace',
    },
    {
      asked: 'CREATE serviceaccounts/token robot',
      rest: {
        object: {
          spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'own', uid: 'uid-own' } },
        },
      },
      want: '',
    },
    {
      asked: 'CREATE serviceaccounts/token robot',
      rest: { object: { spec: {} } },
      want: 'serviceaccounts "robot" is forbidden: node requested token not bound to a pod',
    },
    {
      asked: 'CREATE serviceaccounts/token robot',
      rest: {
        object: { spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'own' } } },
      },
      want: 'serviceaccounts "robot" is forbidden: node requested token with a pod binding without a uid',
    },
    {
      asked: 'CREATE serviceaccounts/token robot',
      rest: {
        object: {
          spec: { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'own', uid: 'x' } },
        },
      },
      want: 'serviceaccounts "robot" is forbidden: the UID in the bound object reference (x) does not match the UID in record. The object might have been deleted and then recreated',
    },
    {
      asked: 'CREATE serviceaccounts/token robot',
      rest: {
        object: {
          spec: {
            boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name: 'other', uid: 'uid-other' },
          },
        },
      },
      want: 'serviceaccounts "robot" is forbidden: node requested token bound to a pod scheduled on a different node',
    },
    { asked: 'CREATE configmaps c', rest: { object: {} }, want: '' },
    {
      asked: 'UPDATE pods own',
      rest: { user: { name: 'jane', groups: [] }, object: {} },
      want: '',
    },
    {
      asked: 'CREATE nodes a',
      rest: { user: { name: 'system:node:', groups: ['system:nodes'] }, object: node('a') },
      want: 'nodes "a" is forbidden: could not determine node from user "system:node:"',
    },
  ])('$asked: $want', ({ asked, rest, want }) => {
    expect(said(asked, rest as Partial<AdmissionRequest>)).toBe(want);
  });

  const CLAIM = {
    metadata: { name: 'c', resourceVersion: '1' },
    spec: { accessModes: ['ReadWriteOnce'] },
    status: { phase: 'Bound', capacity: { storage: '1Gi' } },
  };
  test.each([
    {
      name: 'a new capacity',
      next: { ...CLAIM, status: { phase: 'Bound', capacity: { storage: '2Gi' } } },
      want: '',
    },
    {
      name: 'another phase',
      next: { ...CLAIM, status: { phase: 'Lost' } },
      want: 'node "a" is not allowed to update fields other than status.capacity and status.conditions',
    },
    {
      name: 'a label',
      next: { ...CLAIM, metadata: { name: 'c', labels: { a: 'b' } } },
      want: 'node "a" is not allowed to update fields other than status.capacity and status.conditions',
    },
  ])('a claim with $name: $want', ({ next, want }) => {
    const rest = { object: next, old: CLAIM } as unknown as Partial<AdmissionRequest>;
    const heard = said('UPDATE persistentvolumeclaims/status c', rest);
    expect(heard).toBe(want === '' ? '' : `persistentvolumeclaims "c" is forbidden: ${want}`);
    expect(said('UPDATE persistentvolumeclaims c', rest)).toContain('may only update PVC status');
  });
});

test.each([
  [{ 'kubernetes.io/hostname': 'a' }, {}, []],
  [{ 'example.com/x': 'a', plain: 'b' }, {}, []],
  [{ 'sub.kubelet.kubernetes.io/x': 'a' }, {}, []],
  [{ 'node.kubernetes.io/x': 'a' }, {}, []],
  [{ 'topology.kubernetes.io/zone': 'z' }, { 'topology.kubernetes.io/zone': 'y' }, []],
  [
    { 'node-role.kubernetes.io/x': '', 'k8s.io/y': '' },
    {},
    ['k8s.io/y', 'node-role.kubernetes.io/x'],
  ],
  [{}, { 'a.node-restriction.kubernetes.io/x': '' }, ['a.node-restriction.kubernetes.io/x']],
  [{ 'kubernetes.io/role': 'a' }, { 'kubernetes.io/role': 'a' }, []],
])('forbiddenLabels(%j, %j)', (next, old, want) => {
  expect(forbiddenLabels(next as Record<string, string>, old as Record<string, string>)).toEqual(
    want,
  );
});
