import type { ClusterRole, ClusterRoleBinding } from 'kubernetes-types/rbac/v1';
import { describe, expect, test } from 'vitest';
import {
  aggregatedRules,
  planBinding,
  planRole,
  withAggregatedRules,
} from '#src/authz/reconcile.ts';
import { matchesSelector } from '#src/client/selectors.ts';
import { user } from './asked.ts';

const GET = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
const LIST = { verbs: ['list'], apiGroups: [''], resources: ['pods'] };
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

function role(rest: Partial<ClusterRole> = {}): ClusterRole {
  return {
    kind: 'ClusterRole',
    metadata: { name: 'r', labels: LABELS, annotations: { [AUTOUPDATE]: 'true' } },
    rules: [GET, LIST],
    ...rest,
  };
}

function binding(rest: Partial<ClusterRoleBinding> = {}): ClusterRoleBinding {
  return {
    kind: 'ClusterRoleBinding',
    metadata: { name: 'b', labels: LABELS, annotations: { [AUTOUPDATE]: 'true' } },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'r' },
    subjects: [user('jane')],
    ...rest,
  };
}

describe('planRole()', () => {
  test('makes what is not there', () => {
    expect(planRole(undefined, role())).toEqual({ kind: 'create', object: role() });
  });

  test('leaves alone what has all rules, also in other words and with more besides', () => {
    const existing = role({
      rules: [{ verbs: ['*'], apiGroups: [''], resources: ['pods', 'secrets'] }],
    });
    expect(planRole(existing, role())).toEqual({ kind: 'none' });
  });

  test('adds only the missing rules and keeps the rest', () => {
    const extra = { verbs: ['get'], apiGroups: [''], resources: ['secrets'] };
    const existing = role({ rules: [extra, GET] });
    expect(planRole(existing, role())).toEqual({
      kind: 'update',
      object: role({ rules: [extra, GET, LIST] }),
    });
  });

  test('adds labels and annotations, without changing what stands there', () => {
    const metadata = { name: 'r', labels: { mine: 'yes' }, annotations: { [AUTOUPDATE]: 'yes' } };
    expect(planRole(role({ metadata }), role())).toEqual({
      kind: 'update',
      object: role({
        metadata: {
          name: 'r',
          labels: { ...LABELS, mine: 'yes' },
          annotations: { [AUTOUPDATE]: 'yes' },
        },
      }),
    });
  });

  test('does not touch a protected one', () => {
    const metadata = { name: 'r', annotations: { [AUTOUPDATE]: 'false' } };
    expect(planRole(role({ metadata, rules: [] }), role())).toEqual({ kind: 'protected' });
  });

  test('of an aggregated role only the selectors count', () => {
    const selector = { matchLabels: { a: 'true' } };
    const other = { matchLabels: { b: 'true' } };
    const expected = role({ rules: [], aggregationRule: { clusterRoleSelectors: [selector] } });
    const existing = (selectors: object[]) =>
      role({ rules: [LIST], aggregationRule: { clusterRoleSelectors: selectors } });
    expect(planRole(existing([other, selector]), expected)).toEqual({ kind: 'none' });
    expect(planRole(existing([other]), expected)).toEqual({
      kind: 'update',
      object: existing([other, selector]),
    });
  });
});

describe('planBinding()', () => {
  test('makes what is not there', () => {
    expect(planBinding(undefined, binding())).toEqual({ kind: 'create', object: binding() });
  });

  test('adds missing subjects and keeps the others', () => {
    expect(planBinding(binding({ subjects: [user('joe')] }), binding())).toEqual({
      kind: 'update',
      object: binding({ subjects: [user('joe'), user('jane')] }),
    });
  });

  test('leaves a complete one alone, whichever API group its subjects name', () => {
    const subjects = [{ ...user('jane'), apiGroup: 'rbac.authorization.k8s.io' }, user('joe')];
    expect(planBinding(binding({ subjects }), binding())).toEqual({ kind: 'none' });
  });

  test('makes one anew that names another role, and keeps its subjects', () => {
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'other' };
    const metadata = { ...binding().metadata, uid: 'u', resourceVersion: '7' };
    const existing = binding({ roleRef, metadata, subjects: [user('joe')] });
    expect(planBinding(existing, binding())).toEqual({
      kind: 'recreate',
      object: binding({ subjects: [user('joe'), user('jane')] }),
    });
  });

  test('does not touch a protected one', () => {
    const metadata = { name: 'b', annotations: { [AUTOUPDATE]: 'false' } };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'other' };
    const empty = { metadata, subjects: [] };
    expect(planBinding(binding(empty), binding())).toEqual({ kind: 'protected' });
    expect(planBinding(binding({ ...empty, roleRef }), binding())).toEqual({ kind: 'protected' });
  });
});

const aggregate = (name: string, label: string, labels = {}): ClusterRole => ({
  kind: 'ClusterRole',
  metadata: { name, labels },
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: 'true' } }] },
});

test('aggregatedRules() takes each rule once and never those of the role itself', () => {
  const self = { ...aggregate('sum', 'part', { part: 'true' }), rules: [LIST] };
  const parts = [
    self,
    { ...role({ rules: [GET] }), metadata: { name: 'a', labels: { part: 'true' } } },
    { ...role({ rules: [GET] }), metadata: { name: 'b', labels: { part: 'true' } } },
    { ...role({ rules: [LIST] }), metadata: { name: 'c', labels: { part: 'false' } } },
  ];
  expect(aggregatedRules(self, parts, matchesSelector)).toEqual([GET]);
});

test('withAggregatedRules() sums up roles that are parts of each other', () => {
  const roles = [
    aggregate('admin', 'to-admin'),
    aggregate('edit', 'to-edit', { 'to-admin': 'true' }),
    { ...role({ rules: [GET] }), metadata: { name: 'a', labels: { 'to-edit': 'true' } } },
    { ...role({ rules: [LIST] }), metadata: { name: 'b', labels: { 'to-admin': 'true' } } },
  ];
  const [admin, edit] = withAggregatedRules(roles, matchesSelector);
  expect(edit?.rules).toEqual([GET]);
  expect(admin?.rules).toEqual([GET, LIST]);
});
