// policy: the short notation of the default roles.
//
//   allow('get list watch', 'core', 'pods services')      verbs, API groups, resources, as words; `core` is the group ''
//   allow('approve', CERTIFICATES, 'signers', 'NAME')     … and the names it is limited to
//   allowPaths('get', '/version /healthz')                paths that are no resources
//
// Everything is sorted, as upstream's builder does, so a role looks the same whoever made it.
// Same idea upstream: pkg/apis/rbac/v1/helpers.go (NewRule).

import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from 'kubernetes-types/rbac/v1';

export const READ = 'get list watch';
export const WRITE = 'create update patch delete deletecollection';
export const READ_WRITE = `${READ} ${WRITE}`;
export const READ_UPDATE = `${READ} update patch`;

export const AUTHENTICATION = 'authentication.k8s.io';
export const AUTHORIZATION = 'authorization.k8s.io';
export const CERTIFICATES = 'certificates.k8s.io';
export const COORDINATION = 'coordination.k8s.io';
export const DISCOVERY = 'discovery.k8s.io';
export const EVENTS = 'events.k8s.io';
export const NETWORKING = 'networking.k8s.io';
export const RBAC = 'rbac.authorization.k8s.io';
export const STORAGE = 'storage.k8s.io';

/** Marks what the server made by itself, and that it may keep it up to date. */
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
export const AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate';
const ANNOTATIONS = { [AUTOUPDATE]: 'true' };
const API_VERSION = `${RBAC}/v1` as const;

export function allow(verbs: string, groups: string, resources: string, names = ''): PolicyRule {
  const apiGroups = words(groups).map((group) => (group === 'core' ? '' : group));
  return {
    verbs: words(verbs),
    apiGroups: apiGroups.sort(),
    resources: words(resources),
    ...(names === '' ? {} : { resourceNames: words(names) }),
  };
}

export function allowPaths(verbs: string, paths: string): PolicyRule {
  return { verbs: words(verbs), nonResourceURLs: words(paths) };
}

/** Nearly everybody records events, in the old group and in the new one. */
export function recordEvents(): PolicyRule {
  return allow('create update patch', `core ${EVENTS}`, 'events');
}

export function clusterRole(
  name: string,
  rules: PolicyRule[],
  labels: Readonly<Record<string, string>> = {},
): ClusterRole {
  const metadata = { ...defaultMetadata(name), labels: { ...LABELS, ...labels } };
  return { apiVersion: API_VERSION, kind: 'ClusterRole', metadata, rules };
}

/** A role that is the sum of those with a label; its rules are filled in by the aggregation. */
export function aggregatedRole(
  name: string,
  label: string,
  labels: Readonly<Record<string, string>> = {},
): ClusterRole {
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { [label]: 'true' } }] };
  return { ...clusterRole(name, [], labels), aggregationRule };
}

export function role(namespace: string, name: string, rules: PolicyRule[]): Role {
  const metadata = { ...defaultMetadata(name), namespace };
  return { apiVersion: API_VERSION, kind: 'Role', metadata, rules };
}

/** Binds the cluster role of the same name. */
export function clusterBinding(name: string, subjects: Subject[]): ClusterRoleBinding {
  return {
    apiVersion: API_VERSION,
    kind: 'ClusterRoleBinding',
    metadata: defaultMetadata(name),
    roleRef: roleRef('ClusterRole', name),
    ...(subjects.length === 0 ? {} : { subjects }),
  };
}

/** Binds a role of its own namespace, by default the one of the same name. */
export function binding(
  namespace: string,
  name: string,
  subjects: Subject[],
  roleName = name,
): RoleBinding {
  return {
    apiVersion: API_VERSION,
    kind: 'RoleBinding',
    metadata: { ...defaultMetadata(name), namespace },
    roleRef: roleRef('Role', roleName),
    subjects,
  };
}

export function user(name: string): Subject {
  return { apiGroup: RBAC, kind: 'User', name };
}

export function group(name: string): Subject {
  return { apiGroup: RBAC, kind: 'Group', name };
}

export function serviceAccount(namespace: string, name: string): Subject {
  return { kind: 'ServiceAccount', name, namespace };
}

function defaultMetadata(name: string) {
  return { name, labels: { ...LABELS }, annotations: { ...ANNOTATIONS } };
}

function roleRef(kind: 'ClusterRole' | 'Role', name: string): RoleRef {
  return { apiGroup: RBAC, kind, name };
}

function words(text: string): string[] {
  return text.split(' ').filter(Boolean).sort();
}
