import { describe, expect, test } from 'vitest';
import type { ResourceDefinition } from '#src/registry/resource-definition.ts';
import { RBAC_RESOURCES } from '#src/registry/resources/rbac.ts';
import { invalid } from '#src/strategy/field-error.ts';
import type { Strategy } from '#src/strategy/strategy.ts';

const GROUP = 'rbac.authorization.k8s.io';

function definitionOf(kind: string): ResourceDefinition {
  const found = RBAC_RESOURCES.find((definition) => definition.kind === kind);
  if (found === undefined) throw new Error(`no ${kind}`);
  return found;
}

/** Behind "is invalid: "; '' when the object is accepted. */
function complaint(kind: string, object: object, old?: object): string {
  const { strategy, namespaced } = definitionOf(kind);
  const full = (body: object) => ({
    apiVersion: `${GROUP}/v1`,
    kind,
    metadata: { name: 'x', ...(namespaced ? { namespace: 'default' } : {}) },
    ...body,
  });
  const next = full(structuredClone(object));
  strategy.setDefaults(next);
  const errors = errorsOf(strategy, next, old === undefined ? undefined : full(old));
  if (errors.length === 0) return '';
  const gvk = { group: GROUP, version: 'v1', kind };
  return invalid(gvk, 'x', errors).message.split(' is invalid: ')[1] ?? '';
}

function errorsOf(strategy: Strategy, next: object, old: object | undefined) {
  return old === undefined ? strategy.validate(next) : strategy.validateUpdate(next, old);
}

const ROLE_REF = { apiGroup: GROUP, kind: 'ClusterRole', name: 'r' };

describe('roles', () => {
  const rule = (rest: object) => ({ rules: [{ verbs: ['get'], ...rest }] });
  const both = { apiGroups: [''], resources: ['pods'] };
  test.each([
    ['Role', rule(both), ''],
    ['Role', {}, ''],
    [
      'Role',
      { metadata: { name: 'a/b', namespace: 'default' } },
      `metadata.name: Invalid value: "a/b": may not contain '/'`,
    ],
    ['ClusterRole', { metadata: { name: 'system:x' } }, ''],
    [
      'Role',
      { rules: [{ verbs: [], ...both }] },
      'rules[0].verbs: Required value: verbs must contain at least one value',
    ],
    [
      'Role',
      rule({ resources: ['pods'] }),
      'rules[0].apiGroups: Required value: resource rules must supply at least one api group',
    ],
    [
      'Role',
      rule({ apiGroups: [''] }),
      'rules[0].resources: Required value: resource rules must supply at least one resource',
    ],
    [
      'Role',
      rule({ nonResourceURLs: ['/x'] }),
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    ],
    ['ClusterRole', rule({ nonResourceURLs: ['/x'] }), ''],
    [
      'ClusterRole',
      rule({ nonResourceURLs: ['/x'], ...both }),
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: rules cannot apply to both regular resources and non-resource URLs',
    ],
    [
      'ClusterRole',
      { aggregationRule: {} },
      'aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil',
    ],
    [
      'ClusterRole',
      { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] } },
      '',
    ],
    [
      'ClusterRole',
      {
        aggregationRule: {
          clusterRoleSelectors: [{ matchExpressions: [{ key: 'a', operator: 'What' }] }],
        },
      },
      'aggregationRule.clusterRoleSelectors[0].matchExpressions[0].operator: Invalid value: "What": not a valid selector operator',
    ],
  ])('%s %j: %s', (kind, object, want) => {
    expect(complaint(kind, object)).toBe(want);
  });
});

describe('bindings', () => {
  const to = (...subjects: object[]) => ({ roleRef: ROLE_REF, subjects });
  test.each([
    ['RoleBinding', { roleRef: { kind: 'Role', name: 'r' } }, ''],
    ['ClusterRoleBinding', { roleRef: { kind: 'ClusterRole', name: 'r' } }, ''],
    [
      'ClusterRoleBinding',
      { roleRef: { ...ROLE_REF, kind: 'Role' } },
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
    ],
    [
      'RoleBinding',
      { roleRef: { ...ROLE_REF, kind: 'Group' } },
      'roleRef.kind: Unsupported value: "Group": supported values: "ClusterRole", "Role"',
    ],
    [
      'RoleBinding',
      { roleRef: { ...ROLE_REF, apiGroup: 'x' } },
      'roleRef.apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
    ],
    ['RoleBinding', { roleRef: { ...ROLE_REF, name: '' } }, 'roleRef.name: Required value'],
    [
      'RoleBinding',
      { roleRef: { ...ROLE_REF, name: 'a%b' } },
      `roleRef.name: Invalid value: "a%b": may not contain '%'`,
    ],
    ['RoleBinding', to({ kind: 'User', name: 'jane' }, { kind: 'Group', name: 'g' }), ''],
    ['RoleBinding', to({ kind: 'ServiceAccount', name: 'robot' }), ''],
    [
      'ClusterRoleBinding',
      to({ kind: 'ServiceAccount', name: 'robot' }),
      'subjects[0].namespace: Required value',
    ],
    ['ClusterRoleBinding', to({ kind: 'ServiceAccount', name: 'robot', namespace: 'ci' }), ''],
    [
      'RoleBinding',
      to({ kind: 'ServiceAccount', name: 'robot', apiGroup: 'x' }),
      'subjects[0].apiGroup: Unsupported value: "x": supported values: ""',
    ],
    [
      'RoleBinding',
      to({ kind: 'User', name: 'jane', apiGroup: 'x' }),
      'subjects[0].apiGroup: Unsupported value: "x": supported values: "rbac.authorization.k8s.io"',
    ],
    [
      'RoleBinding',
      to({ kind: 'User', name: '' }),
      '[subjects[0].name: Required value, subjects[0].name: Invalid value: "": user name cannot be empty]',
    ],
    [
      'RoleBinding',
      to({ kind: 'Robot', name: 'x' }),
      'subjects[0].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"',
    ],
  ])('%s %j: %s', (kind, object, want) => {
    expect(complaint(kind, object)).toBe(want);
  });

  test('subjects may change, the role may not', () => {
    const old = { roleRef: ROLE_REF, subjects: [] };
    const next = (name: string) => ({
      roleRef: { ...ROLE_REF, name },
      subjects: [{ kind: 'User', name: 'jane' }],
    });
    const meta = (body: object) => ({
      ...body,
      metadata: { name: 'x', namespace: 'default', resourceVersion: '1' },
    });
    expect(complaint('RoleBinding', meta(next('r')), meta(old))).toBe('');
    expect(complaint('RoleBinding', meta(next('s')), meta(old))).toBe(
      'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"s"}: cannot change roleRef',
    );
  });
});
