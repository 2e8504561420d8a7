import { describe, expect, test } from 'vitest';
import { RbacAuthorizer } from '#src/authz/rbac-authorizer.ts';
import { DEFAULT_POLICY } from '#src/authz/rbac-data/default-policy.ts';
import { RbacIndex, type RbacObject } from '#src/authz/rbac-index.ts';
import { withAggregatedRules } from '#src/authz/reconcile.ts';
import { matchesSelector } from '#src/client/selectors.ts';
import { RESOURCES } from '#src/registry/resources.ts';
import { definitionOfKind } from '#src/schema/catalog.ts';
import { path, resource } from './asked.ts';

const { clusterRoles, clusterRoleBindings, roles, roleBindings } = DEFAULT_POLICY;
const ALL_ROLES = [...clusterRoles, ...roles];
const ALL_BINDINGS = [...clusterRoleBindings, ...roleBindings];

/** Of upstream, and not of this server: other groups, verbs that are no resources, resources of feature gates. */
const NOT_SERVED: ReadonlySet<string> = new Set([
  'admissionregistration.k8s.io/validatingadmissionpolicies',
  'certificates.k8s.io/signers',
  'coordination.k8s.io/leasecandidates',
  'metrics.k8s.io/pods',
  'networking.k8s.io/ipaddresses',
  'networking.k8s.io/servicecidrs',
  'storage.k8s.io/csistoragecapacities',
]);
const KINDS: Readonly<Record<string, string>> = {
  certificatesigningrequests: 'CertificateSigningRequest',
  csidrivers: 'CSIDriver',
  csinodes: 'CSINode',
  endpoints: 'Endpoints',
  endpointslices: 'EndpointSlice',
  horizontalpodautoscalers: 'HorizontalPodAutoscaler',
  ingresses: 'Ingress',
  networkpolicies: 'NetworkPolicy',
  poddisruptionbudgets: 'PodDisruptionBudget',
  replicationcontrollers: 'ReplicationController',
  runtimeclasses: 'RuntimeClass',
  storageclasses: 'StorageClass',
  volumeattachments: 'VolumeAttachment',
};

describe('the default policy', () => {
  test('has as many roles and bindings as upstream 1.33 with its default feature gates', () => {
    const controllers = clusterRoles.filter(({ metadata }) =>
      metadata?.name?.startsWith('system:controller:'),
    );
    expect({
      clusterRoles: clusterRoles.length,
      controllers: controllers.length,
      clusterRoleBindings: clusterRoleBindings.length,
      roles: roles.length,
      roleBindings: roleBindings.length,
    }).toEqual({
      clusterRoles: 66,
      controllers: 35,
      clusterRoleBindings: 47,
      roles: 7,
      roleBindings: 7,
    });
  });

  test('names nothing twice', () => {
    const names = [...ALL_ROLES, ...ALL_BINDINGS].map(
      ({ kind, metadata }) => `${kind} ${metadata?.namespace}/${metadata?.name}`,
    );
    expect(new Set(names).size).toBe(names.length);
  });

  test('every binding names a role that is there', () => {
    const known = new Set(
      ALL_ROLES.map(({ kind, metadata }) => `${kind} ${metadata?.namespace}/${metadata?.name}`),
    );
    const missing = ALL_BINDINGS.filter(({ roleRef, metadata }) => {
      const namespace = roleRef.kind === 'Role' ? metadata?.namespace : undefined;
      return !known.has(`${roleRef.kind} ${namespace}/${roleRef.name}`);
    });
    expect(missing).toEqual([]);
  });

  test('all carry the label and the annotation of default objects', () => {
    for (const { metadata } of [...ALL_ROLES, ...ALL_BINDINGS]) {
      expect(metadata?.labels?.['kubernetes.io/bootstrapping']).toBe('rbac-defaults');
      expect(metadata?.annotations?.['rbac.authorization.kubernetes.io/autoupdate']).toBe('true');
    }
  });

  test('every rule names resources that exist, here or at least upstream', () => {
    const served = new Set(RESOURCES.map(({ group, resource: name }) => `${group}/${name}`));
    const unknown: string[] = [];
    for (const { metadata, rules = [] } of ALL_ROLES) {
      for (const { apiGroups = [], resources = [] } of rules) {
        for (const group of apiGroups) {
          for (const full of resources) {
            const [name = ''] = full.split('/');
            if (isKnown(group, name, served)) continue;
            unknown.push(`${metadata?.name}: ${group}/${full}`);
          }
        }
      }
    }
    expect(unknown).toEqual([]);
  });

  test('every rule has sorted verbs, and is about resources or paths, not both', () => {
    for (const { rules = [], metadata } of ALL_ROLES) {
      for (const rule of rules) {
        const about = rule.resources === undefined ? rule.nonResourceURLs : rule.apiGroups;
        expect(about?.length, metadata?.name).toBeGreaterThan(0);
        expect(rule.resources !== undefined && rule.nonResourceURLs !== undefined).toBe(false);
        expect([...rule.verbs].sort()).toEqual(rule.verbs);
      }
    }
  });
});

function isKnown(group: string, name: string, served: ReadonlySet<string>): boolean {
  if (group === '*' || name === '*') return true;
  if (served.has(`${group}/${name}`) || NOT_SERVED.has(`${group}/${name}`)) return true;
  // extensions was the home of these kinds once; custom metrics are anybody's.
  const home = group === 'extensions' ? homeOf(name) : group;
  const kind = KINDS[name] ?? kindOf(name);
  return ['v1', 'v2'].some(
    (version) => definitionOfKind({ group: home, version, kind }) !== undefined,
  );
}

function homeOf(name: string): string {
  if (name === 'ingresses' || name === 'networkpolicies') return 'networking.k8s.io';
  return name === 'replicationcontrollers' ? '' : 'apps';
}

/** `persistentvolumeclaims` → `PersistentVolumeClaim`: the kinds whose words cannot be told from the plural. */
function kindOf(name: string): string {
  const words = [
    'volume',
    'claim',
    'set',
    'map',
    'account',
    'quota',
    'range',
    'job',
    'review',
    'revision',
    'access',
    'subject',
    'rules',
    'self',
    'local',
    'token',
    'cron',
    'persistent',
    'service',
    'config',
    'resource',
    'limit',
    'controller',
    'replica',
    'daemon',
    'stateful',
    'cluster',
    'role',
    'binding',
  ];
  let rest = name.replace(/s$/, '');
  let kind = '';
  while (rest !== '') {
    const word = words.find((candidate) => rest.startsWith(candidate)) ?? rest;
    kind += word.charAt(0).toUpperCase() + word.slice(1);
    rest = rest.slice(word.length);
  }
  return kind;
}

describe('with the default policy', () => {
  const index = new RbacIndex();
  const objects: RbacObject[] = [
    ...withAggregatedRules(clusterRoles, matchesSelector),
    ...clusterRoleBindings,
    ...roles,
    ...roleBindings,
  ];
  for (const object of objects) index.set(object);
  for (const name of ['admin', 'edit', 'view']) {
    index.set({
      kind: 'RoleBinding',
      metadata: { namespace: 'default', name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'User', name }],
    });
  }
  const authorizer = new RbacAuthorizer(index);
  const allows = (
    name: string,
    asked: string,
    namespace = 'default',
    groups = ['system:authenticated'],
  ) => {
    const user = { name, groups };
    const attributes = asked.includes(' /')
      ? path(asked, user)
      : resource(asked, { user, namespace });
    return authorizer.authorize(attributes).decision === 'allow';
  };

  test.each([
    ['view', 'list pods', true],
    ['view', 'get pods/log', true],
    ['view', 'get secrets s', false],
    ['view', 'create pods', false],
    ['view', 'get pods/exec web', false],
    ['edit', 'list pods', true],
    ['edit', 'get secrets s', true],
    ['edit', 'create pods/exec web', true],
    ['edit', 'delete apps/deployments web', true],
    ['edit', 'create rbac.authorization.k8s.io/roles', false],
    ['edit', 'update endpoints web', false],
    ['edit', 'create serviceaccounts/token default', true],
    ['admin', 'get secrets s', true],
    ['admin', 'create rbac.authorization.k8s.io/rolebindings', true],
    ['admin', 'update resourcequotas q', false],
    ['nobody', 'list pods', false],
    ['nobody', 'create authorization.k8s.io/selfsubjectaccessreviews', true],
    ['nobody', 'get /version', true],
    ['nobody', 'get /api/v1', true],
    ['nobody', 'get /metrics', false],
    ['system:kube-scheduler', 'create pods/binding web', true],
    ['system:kube-scheduler', 'create pods', false],
    ['system:kube-controller-manager', 'list apps/replicasets', true],
    ['system:kube-controller-manager', 'create pods', false],
    ['system:kube-proxy', 'watch discovery.k8s.io/endpointslices', true],
    ['system:serviceaccount:kube-system:replicaset-controller', 'create pods', true],
    ['system:serviceaccount:kube-system:replicaset-controller', 'create secrets', false],
    [
      'system:serviceaccount:kube-system:horizontal-pod-autoscaler',
      'update apps/deployments/scale web',
      true,
    ],
    [
      'system:serviceaccount:kube-system:horizontal-pod-autoscaler',
      'update apps/deployments web',
      false,
    ],
  ])('%s may %s: %j', (name, asked, want) => {
    expect(allows(name, asked)).toBe(want);
  });

  test('anonymous requests see the version and the health, and nothing else', () => {
    const anonymous = (asked: string) =>
      allows('system:anonymous', asked, 'default', ['system:unauthenticated']);
    expect(['get /version', 'get /healthz', 'get /readyz'].map(anonymous)).toEqual([
      true,
      true,
      true,
    ]);
    expect(['get /api', 'get /metrics', 'list pods'].map(anonymous)).toEqual([false, false, false]);
  });

  test('a node has nothing by RBAC', () => {
    const groups = ['system:nodes', 'system:authenticated'];
    expect(allows('system:node:a', 'list pods', 'default', groups)).toBe(false);
  });
});
