import { describe, expect, test } from 'vitest';
import type { Subject } from '#src/authz/authorizer.ts';
import { RbacAuthorizer } from '#src/authz/rbac-authorizer.ts';
import { RbacIndex, type RbacObject } from '#src/authz/rbac-index.ts';
import {
  account,
  clusterRole,
  clusterRoleBinding,
  group,
  JANE,
  path,
  resource,
  role,
  roleBinding,
  user,
} from './asked.ts';

const READ = [{ verbs: ['get'], apiGroups: [''], resources: ['pods'] }];
const METRICS = [{ verbs: ['get'], nonResourceURLs: ['/metrics'] }];

function rbac(...objects: RbacObject[]): { index: RbacIndex; authorizer: RbacAuthorizer } {
  const index = new RbacIndex();
  for (const object of objects) index.set(object);
  return { index, authorizer: new RbacAuthorizer(index) };
}

const ROBOT: Subject = { name: 'system:serviceaccount:ci:robot', groups: ['system:authenticated'] };

describe('RbacAuthorizer.authorize()', () => {
  test.each([
    {
      name: 'a cluster role for a user, everywhere',
      objects: [clusterRole('reader', READ), clusterRoleBinding('b', 'reader', [user('jane')])],
      asked: resource('get pods web'),
      reason: 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "reader" to User "jane"',
    },
    {
      name: 'a cluster role for a group',
      objects: [
        clusterRole('reader', READ),
        clusterRoleBinding('b', 'reader', [group('system:authenticated')]),
      ],
      asked: resource('get pods web'),
      reason:
        'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "reader" to Group "system:authenticated"',
    },
    {
      name: 'a cluster role within one namespace',
      objects: [
        clusterRole('reader', READ),
        roleBinding('default/b', 'ClusterRole/reader', [user('jane')]),
      ],
      asked: resource('get pods web'),
      reason: 'RBAC: allowed by RoleBinding "b/default" of ClusterRole "reader" to User "jane"',
    },
    {
      name: 'a role of the namespace',
      objects: [
        role('default', 'reader', READ),
        roleBinding('default/b', 'Role/reader', [user('jane')]),
      ],
      asked: resource('get pods web'),
      reason: 'RBAC: allowed by RoleBinding "b/default" of Role "reader" to User "jane"',
    },
    {
      name: 'a service account of another namespace',
      objects: [
        role('default', 'reader', READ),
        roleBinding('default/b', 'Role/reader', [account('robot', 'ci')]),
      ],
      asked: resource('get pods web', { user: ROBOT }),
      reason:
        'RBAC: allowed by RoleBinding "b/default" of Role "reader" to ServiceAccount "robot/ci"',
    },
    {
      name: "a service account of the binding's own namespace",
      objects: [role('ci', 'reader', READ), roleBinding('ci/b', 'Role/reader', [account('robot')])],
      asked: resource('get pods web', { user: ROBOT, namespace: 'ci' }),
      reason: 'RBAC: allowed by RoleBinding "b/ci" of Role "reader" to ServiceAccount "robot/ci"',
    },
    {
      name: 'a path',
      objects: [clusterRole('m', METRICS), clusterRoleBinding('b', 'm', [user('jane')])],
      asked: path('get /metrics'),
      reason: 'RBAC: allowed by ClusterRoleBinding "b" of ClusterRole "m" to User "jane"',
    },
  ])('allows by $name', ({ objects, asked, reason }) => {
    expect(rbac(...objects).authorizer.authorize(asked)).toEqual({ decision: 'allow', reason });
  });

  test.each([
    {
      name: 'the role is bound in another namespace',
      objects: [role('ci', 'reader', READ), roleBinding('ci/b', 'Role/reader', [user('jane')])],
      asked: resource('get pods web'),
    },
    {
      name: 'the request has no namespace and the binding has',
      objects: [
        clusterRole('reader', READ),
        roleBinding('default/b', 'ClusterRole/reader', [user('jane')]),
      ],
      asked: resource('list pods', { namespace: '' }),
    },
    {
      name: 'the user is another one',
      objects: [clusterRole('reader', READ), clusterRoleBinding('b', 'reader', [user('joe')])],
      asked: resource('get pods web'),
    },
    {
      name: 'a user has the name of the group',
      objects: [clusterRole('reader', READ), clusterRoleBinding('b', 'reader', [group('jane')])],
      asked: resource('get pods web'),
    },
    {
      name: 'a cluster binding names a service account without its namespace',
      objects: [clusterRole('reader', READ), clusterRoleBinding('b', 'reader', [account('robot')])],
      asked: resource('get pods web', { user: ROBOT }),
    },
    {
      name: 'a path is asked for, and the role is bound in a namespace',
      objects: [
        clusterRole('m', METRICS),
        roleBinding('default/b', 'ClusterRole/m', [user('jane')]),
      ],
      asked: path('get /metrics'),
    },
    {
      name: 'a cluster binding names a role',
      objects: [
        role('default', 'reader', READ),
        { ...clusterRoleBinding('b', 'reader', [user('joe')]) },
      ],
      asked: resource('get pods web'),
    },
  ])('has no opinion when $name', ({ objects, asked }) => {
    expect(rbac(...objects).authorizer.authorize(asked).decision).toBe('none');
  });

  test('says which role is missing', () => {
    const { authorizer } = rbac(clusterRoleBinding('b', 'gone', [user('jane')]));
    expect(authorizer.authorize(resource('get pods web'))).toEqual({
      decision: 'none',
      reason: 'RBAC: clusterrole.rbac.authorization.k8s.io "gone" not found',
    });
  });

  test('goes on behind a missing role', () => {
    const { authorizer } = rbac(
      clusterRoleBinding('a', 'gone', [user('jane')]),
      clusterRoleBinding('b', 'reader', [user('jane')]),
      clusterRole('reader', READ),
    );
    expect(authorizer.authorize(resource('get pods web')).decision).toBe('allow');
  });
});

describe('RbacIndex', () => {
  test('a binding may come before its role, and its subjects may change', () => {
    const { index, authorizer } = rbac(clusterRoleBinding('b', 'reader', [user('jane')]));
    const allowed = () => authorizer.authorize(resource('get pods web')).decision === 'allow';
    expect(allowed()).toBe(false);
    index.set(clusterRole('reader', READ));
    expect(allowed()).toBe(true);
    index.set(clusterRoleBinding('b', 'reader', [user('joe'), user('joe')]));
    expect(allowed()).toBe(false);
    index.set(clusterRoleBinding('b', 'reader', [group('system:authenticated'), user('jane')]));
    expect(allowed()).toBe(true);
    index.delete(clusterRoleBinding('b', 'reader', []));
    expect(allowed()).toBe(false);
  });

  test('of 1,000 bindings a request looks at those of its own user and groups', () => {
    const { index } = rbac(roleBinding('default/mine', 'Role/r', [user('jane')]));
    for (let number = 0; number < 1000; number += 1) {
      const subjects = [user(`user-${number}`), group(`group-${number % 10}`)];
      index.set(roleBinding(`default/b${number}`, 'Role/r', subjects));
    }
    const names = (groups: string[]) =>
      [...index.bindingsOf({ name: 'jane', groups }, 'default')].map(
        ({ binding }) => binding.metadata?.name,
      );
    expect(names([])).toEqual(['mine']);
    expect(names(['group-3'])).toHaveLength(101);
  });

  test('forgets a role', () => {
    const { index, authorizer } = rbac(
      role('default', 'reader', READ),
      roleBinding('default/b', 'Role/reader', [user('jane')]),
    );
    index.delete(role('default', 'reader', []));
    expect(authorizer.authorize(resource('get pods web')).decision).toBe('none');
  });

  test('a cluster binding and a binding of the same name do not disturb each other', () => {
    const { index, authorizer } = rbac(
      clusterRole('reader', READ),
      clusterRoleBinding('b', 'reader', [user('jane')]),
      roleBinding('default/b', 'ClusterRole/reader', [user('jane')]),
    );
    index.delete(roleBinding('default/b', 'ClusterRole/reader', []));
    expect(authorizer.authorize(resource('get pods web')).decision).toBe('allow');
  });

  test('random changes leave the index as one that was built afresh', () => {
    const seed = Date.now() % 100_000;
    const random = seeded(seed);
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
    const names = ['a', 'b', 'c', 'd'];
    const namespaces = ['default', 'ci'];
    const live = new Map<string, RbacObject>();
    const { index, authorizer } = rbac();
    for (let step = 0; step < 2000; step += 1) {
      const object = pick<() => RbacObject>([
        () => clusterRole(pick(names), random() < 0.5 ? READ : METRICS),
        () => role(pick(namespaces), pick(names), READ),
        () => clusterRoleBinding(pick(names), pick(names), [user(pick(names)), group(pick(names))]),
        () =>
          roleBinding(
            `${pick(namespaces)}/${pick(names)}`,
            `${pick(['Role', 'ClusterRole'])}/${pick(names)}`,
            [account(pick(names), pick([undefined, ...namespaces])), user(pick(names))],
          ),
      ])();
      const key = `${object.kind}/${object.metadata?.namespace}/${object.metadata?.name}`;
      if (random() < 0.3) {
        index.delete(object);
        live.delete(key);
      } else {
        index.set(object);
        live.set(key, object);
      }
    }
    const fresh = rbac(...live.values()).authorizer;
    const users = [
      ...names,
      ...namespaces.flatMap((n) => names.map((m) => `system:serviceaccount:${n}:${m}`)),
    ];
    for (const name of users) {
      for (const namespace of ['', ...namespaces]) {
        const asked = resource('get pods web', {
          user: { name, groups: [pick(names)] },
          namespace,
        });
        const got = authorizer.authorize(asked).decision;
        expect(got, `seed ${seed}: ${JSON.stringify(asked)}`).toBe(fresh.authorize(asked).decision);
        const list = (rbacAuthorizer: RbacAuthorizer) =>
          rbacAuthorizer.rulesFor(asked.user, namespace).resourceRules.length;
        expect(list(authorizer), `seed ${seed}`).toBe(list(fresh));
      }
    }
  });
});

test('RbacAuthorizer.rulesFor() lists rules of resources and of paths apart', () => {
  const { authorizer } = rbac(
    clusterRole('reader', [...READ, ...METRICS]),
    clusterRoleBinding('b', 'reader', [user('jane')]),
    clusterRoleBinding('c', 'gone', [user('jane')]),
  );
  expect(authorizer.rulesFor(JANE, 'default')).toEqual({
    resourceRules: READ,
    nonResourceRules: METRICS,
    incomplete: false,
    errors: ['clusterrole.rbac.authorization.k8s.io "gone" not found'],
  });
});

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
