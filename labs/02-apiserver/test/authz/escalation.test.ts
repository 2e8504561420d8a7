import type { ClusterRole, PolicyRule, Role, RoleRef } from 'kubernetes-types/rbac/v1';
import { describe, expect, test } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import type { Authorizer, ResourceAttributes } from '#src/authz/authorizer.ts';
import {
  checkBinding,
  checkClusterRole,
  checkRole,
  type EscalationDeps,
} from '#src/authz/escalation.ts';
import { RbacAuthorizer } from '#src/authz/rbac-authorizer.ts';
import { RbacIndex, type RbacObject } from '#src/authz/rbac-index.ts';
import { clusterRole, clusterRoleBinding, JANE, role, roleBinding, user } from './asked.ts';

const RBAC = 'rbac.authorization.k8s.io';
const READ: PolicyRule = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] };
const SECRETS: PolicyRule = { verbs: ['get'], apiGroups: [''], resources: ['secrets'] };

function on(verb: string, resource: string, names: string[] = []): PolicyRule {
  const resourceNames = names.length === 0 ? {} : { resourceNames: names };
  return { verbs: [verb], apiGroups: [RBAC], resources: [resource], ...resourceNames };
}

/** Jane has these rules in the whole cluster; and there are two roles to give away. */
function world(...held: PolicyRule[]): EscalationDeps {
  const index = new RbacIndex();
  const objects: RbacObject[] = [
    clusterRole('held', held),
    clusterRoleBinding('held', 'held', [user('jane')]),
    clusterRole('secret-reader', [SECRETS]),
    role('default', 'secret-reader', [SECRETS]),
  ];
  for (const object of objects) index.set(object);
  return { index, authorizer: new RbacAuthorizer(index) };
}

function complaint(act: () => void): string {
  try {
    act();
    return '';
  } catch (error) {
    if (ApiError.is(error)) return error.message;
    throw error;
  }
}

const NOT_HELD = `clusterroles.rbac.authorization.k8s.io "r" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:
{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}
{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`;

describe('checkClusterRole()', () => {
  const write = (rules: PolicyRule[], old?: PolicyRule[]) => ({
    user: JANE,
    object: clusterRole('r', rules),
    old: old === undefined ? undefined : clusterRole('r', old),
  });

  test('lists every right that is not held', () => {
    expect(complaint(() => checkClusterRole(world(), write([READ, SECRETS])))).toBe(NOT_HELD);
  });

  test.each([
    { name: 'the rights are held', held: [READ], object: write([READ]) },
    { name: 'there are no rights in it', held: [], object: write([]) },
    {
      name: 'the verb escalate is held',
      held: [on('escalate', 'clusterroles')],
      object: write([READ]),
    },
    {
      name: 'the verb escalate is held on the name of an update',
      held: [on('escalate', 'clusterroles', ['r'])],
      object: write([READ], []),
    },
    { name: 'nothing but links changes', held: [], object: write([READ], [READ]) },
  ])('lets it through when $name', ({ held, object }) => {
    expect(complaint(() => checkClusterRole(world(...held), object))).toBe('');
  });

  test('asks the masters nothing', () => {
    const masters = { name: 'root', groups: ['system:masters'] };
    const object = clusterRole('r', [READ]);
    expect(complaint(() => checkClusterRole(world(), { user: masters, object }))).toBe('');
  });

  test('a new label is a grant too: it may make the role part of another', () => {
    const old = clusterRole('r', [SECRETS]);
    const object = { ...old, metadata: { name: 'r', labels: { 'to-edit': 'true' } } };
    const said = complaint(() => checkClusterRole(world(), { user: JANE, object, old }));
    expect(said).toContain('not currently held');
  });

  test('finalizers and owners are not', () => {
    const old = clusterRole('r', [SECRETS]);
    const metadata = { name: 'r', finalizers: ['a/b'], resourceVersion: '2' };
    const object = { ...old, metadata };
    expect(complaint(() => checkClusterRole(world(), { user: JANE, object, old }))).toBe('');
  });

  test('an aggregation rule takes all rights there are, to make it and to take it away', () => {
    const aggregated: ClusterRole = {
      ...clusterRole('r', []),
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] },
    };
    const words =
      'clusterroles.rbac.authorization.k8s.io "r" is forbidden: must have cluster-admin privileges to use the aggregationRule';
    const all = [
      { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
      { verbs: ['*'], nonResourceURLs: ['*'] },
    ];
    const make = { user: JANE, object: aggregated };
    const takeAway = { user: JANE, object: clusterRole('r', []), old: aggregated };
    expect(complaint(() => checkClusterRole(world(READ), make))).toBe(words);
    expect(complaint(() => checkClusterRole(world(READ), takeAway))).toBe(words);
    expect(complaint(() => checkClusterRole(world(...all), make))).toBe('');
  });
});

describe('checkRole()', () => {
  test('counts the rights of its namespace', () => {
    const deps = world();
    deps.index.set(role('default', 'local', [READ]));
    deps.index.set(roleBinding('default/local', 'Role/local', [user('jane')]));
    const at = (namespace: string) => ({ user: JANE, object: role(namespace, 'r', [READ]) });
    expect(complaint(() => checkRole(deps, at('default')))).toBe('');
    expect(complaint(() => checkRole(deps, at('ci')))).toContain(
      'roles.rbac.authorization.k8s.io "r" is forbidden: user "jane"',
    );
  });
});

describe('checkBinding()', () => {
  const local = (to: string) => ({
    user: JANE,
    object: roleBinding('default/b', to, [user('joe')]),
  });

  test.each([
    { held: [], to: 'ClusterRole/secret-reader', want: 'not currently held' },
    { held: [], to: 'Role/secret-reader', want: 'not currently held' },
    { held: [SECRETS], to: 'Role/secret-reader', want: '' },
    { held: [on('bind', 'roles')], to: 'Role/secret-reader', want: '' },
    { held: [on('bind', 'roles', ['secret-reader'])], to: 'Role/secret-reader', want: '' },
    { held: [on('bind', 'roles', ['other'])], to: 'Role/secret-reader', want: 'not currently' },
    { held: [on('bind', 'clusterroles')], to: 'Role/secret-reader', want: 'not currently held' },
    { held: [on('bind', 'clusterroles')], to: 'ClusterRole/secret-reader', want: '' },
    {
      held: [SECRETS],
      to: 'ClusterRole/gone',
      want: 'clusterroles.rbac.authorization.k8s.io "gone" not found',
    },
  ])('with $held, binding $to: $want', ({ held, to, want }) => {
    const said = complaint(() => checkBinding(world(...held), local(to)));
    if (want === '') expect(said).toBe('');
    else expect(said).toContain(want);
  });

  test('new subjects are a grant too', () => {
    const old = roleBinding('default/b', 'Role/secret-reader', []);
    const object = { ...old, subjects: [user('jane')] };
    expect(complaint(() => checkBinding(world(), { user: JANE, object, old }))).toContain(
      'rolebindings.rbac.authorization.k8s.io "b" is forbidden',
    );
    expect(complaint(() => checkBinding(world(), { user: JANE, object: old, old }))).toBe('');
  });

  test('a cluster binding counts the rights of the whole cluster only', () => {
    const deps = world();
    deps.index.set(roleBinding('default/s', 'Role/secret-reader', [user('jane')]));
    const object = clusterRoleBinding('b', 'secret-reader', [user('joe')]);
    expect(complaint(() => checkBinding(deps, { user: JANE, object }))).toContain(
      'clusterrolebindings.rbac.authorization.k8s.io "b" is forbidden',
    );
    expect(complaint(() => checkBinding(deps, local('Role/secret-reader')))).toBe('');
  });

  test('names roles that could not be found besides', () => {
    const deps = world();
    const roleRef: RoleRef = { apiGroup: RBAC, kind: 'ClusterRole', name: 'lost' };
    deps.index.set({ ...clusterRoleBinding('lost', 'lost', [user('jane')]), roleRef });
    expect(complaint(() => checkBinding(deps, local('Role/secret-reader')))).toContain(
      '; resolution errors: [clusterrole.rbac.authorization.k8s.io "lost" not found]',
    );
  });
});

describe('the question of the verb', () => {
  /** Everything that is asked, and always the same answer. */
  function asking(...held: PolicyRule[]) {
    const asked: ResourceAttributes[] = [];
    const authorizer: Authorizer = {
      authorize(attributes) {
        if (attributes.kind === 'resource') asked.push(attributes);
        return { decision: 'none', reason: '' };
      },
    };
    return { deps: { ...world(...held), authorizer }, asked };
  }
  const always = { kind: 'resource', user: JANE, group: RBAC, version: '*', subresource: '' };
  const local = role('default', 'r', []);
  const cluster = clusterRole('r', []);

  test.each([
    {
      name: 'a new role: without a name, as its path has none',
      check: (deps: EscalationDeps) => checkRole(deps, { user: JANE, object: local }),
      want: { verb: 'escalate', resource: 'roles', namespace: 'default', name: '' },
    },
    {
      name: 'a role',
      check: (deps: EscalationDeps) => checkRole(deps, { user: JANE, object: local, old: local }),
      want: { verb: 'escalate', resource: 'roles', namespace: 'default', name: 'r' },
    },
    {
      name: 'a cluster role',
      check: (deps: EscalationDeps) =>
        checkClusterRole(deps, { user: JANE, object: cluster, old: cluster }),
      want: { verb: 'escalate', resource: 'clusterroles', namespace: '', name: 'r' },
    },
    {
      name: 'a binding of a role',
      check: (deps: EscalationDeps) =>
        checkBinding(deps, {
          user: JANE,
          object: roleBinding('default/b', 'Role/secret-reader', []),
        }),
      want: { verb: 'bind', resource: 'roles', namespace: 'default', name: 'secret-reader' },
    },
    {
      name: 'a binding of the whole cluster',
      check: (deps: EscalationDeps) =>
        checkBinding(deps, { user: JANE, object: clusterRoleBinding('b', 'secret-reader', []) }),
      want: { verb: 'bind', resource: 'clusterroles', namespace: '', name: 'secret-reader' },
    },
  ])('is asked of $name', ({ check, want }) => {
    const { deps, asked } = asking(SECRETS);
    check(deps);
    expect(asked).toEqual([{ ...always, ...want }]);
  });

  const root = { name: 'root', groups: ['system:masters'] };
  test('is not asked of the masters, whatever they write', () => {
    const { deps, asked } = asking();
    const rules = [SECRETS];
    checkRole(deps, { user: root, object: role('default', 'r', rules) });
    checkClusterRole(deps, { user: root, object: clusterRole('r', rules) });
    checkBinding(deps, { user: root, object: roleBinding('default/b', 'Role/secret-reader', []) });
    expect(asked).toEqual([]);
  });

  const [resources, paths] = [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
    { verbs: ['*'], nonResourceURLs: ['*'] },
  ];
  const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] };
  test.each<{ name: string; held: PolicyRule[]; want: RegExp }>([
    { name: 'everything', held: [resources, paths], want: /^$/ },
    { name: 'all resources', held: [resources], want: /must have cluster-admin privileges/ },
    { name: 'all paths', held: [paths], want: /must have cluster-admin privileges/ },
    {
      name: 'all but a verb',
      held: [{ ...resources, verbs: ['get'] }, paths],
      want: /must have cluster-admin privileges/,
    },
    {
      name: 'all but the other groups',
      held: [{ ...resources, apiGroups: [''] }, paths],
      want: /must have cluster-admin privileges/,
    },
    {
      name: 'all but the other resources',
      held: [{ ...resources, resources: ['pods'] }, paths],
      want: /must have cluster-admin privileges/,
    },
    {
      name: 'one path',
      held: [resources, { ...paths, nonResourceURLs: ['/a'] }],
      want: /must have cluster-admin privileges/,
    },
    {
      name: 'one verb on paths',
      held: [resources, { ...paths, verbs: ['get'] }],
      want: /must have cluster-admin privileges/,
    },
  ])('no yes is needed to aggregate for who has $name', ({ held, want }) => {
    const object = { ...clusterRole('r', []), aggregationRule };
    expect(complaint(() => checkClusterRole(asking(...held).deps, { user: JANE, object }))).toMatch(
      want,
    );
  });

  test('no aggregation is one without selectors', () => {
    const object = { ...clusterRole('r', []), aggregationRule: { clusterRoleSelectors: [] } };
    expect(complaint(() => checkClusterRole(asking().deps, { user: JANE, object }))).toBe('');
  });
});

describe('a role in a namespace', () => {
  const object = role('default', 'r', [SECRETS]);
  test.each([
    {
      name: 'may be written with the verb escalate',
      held: [on('escalate', 'roles')],
      old: undefined,
    },
    {
      name: 'may be linked to others by whoever may write it',
      held: [],
      old: { ...object, metadata: { ...object.metadata, finalizers: ['a/b'] } },
    },
    { name: 'may hold nothing', held: [], old: undefined, rules: [] },
  ])('$name', ({ held, old, rules }) => {
    const write = { user: JANE, object: rules === undefined ? object : { ...object, rules }, old };
    expect(complaint(() => checkRole(world(...held), write))).toBe('');
  });

  test('without rules is one with none, and without a name it has none', () => {
    expect(complaint(() => checkRole(world(), { user: JANE, object: {} as Role }))).toBe('');
    expect(
      complaint(() => checkClusterRole(world(), { user: JANE, object: {} as ClusterRole })),
    ).toBe('');
    const nameless = { rules: [SECRETS] };
    expect(complaint(() => checkRole(world(), { user: JANE, object: nameless as Role }))).toMatch(
      /^roles.rbac.authorization.k8s.io is forbidden: user "jane"/,
    );
  });
});

test('what is not held is told in order, and what could not be found with commas', () => {
  const deps = world();
  for (const name of ['lost', 'gone']) {
    deps.index.set(clusterRoleBinding(name, name, [user('jane')]));
  }
  const object = role('default', 'r', [SECRETS, READ]);
  const lost = (name: string) => `clusterrole.rbac.authorization.k8s.io "${name}" not found`;
  const said = complaint(() => checkRole(deps, { user: JANE, object }));
  expect(said.split('\n').slice(1)).toEqual([
    '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}',
    `{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}; resolution errors: [${lost('lost')}, ${lost('gone')}]`,
  ]);
});

test('a binding is named as what it is', () => {
  const write = { user: JANE, object: roleBinding('default/b', 'Role/secret-reader', []) };
  expect(complaint(() => checkBinding(world(), write))).toMatch(/^rolebindings\.rbac/);
});
