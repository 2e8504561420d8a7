import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { DEFAULT_POLICY } from '#src/authz/rbac-data/default-policy.ts';
import { wire } from '../server/wire.ts';
import { type SecuredServer, startSecuredServer } from './server.ts';

const RBAC = '/apis/rbac.authorization.k8s.io/v1';
const REVIEWS = '/apis/authorization.k8s.io/v1';
const DEFAULT = '/namespaces/default';
const READ_PODS = [{ verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] }];
const API = { apiVersion: 'rbac.authorization.k8s.io/v1' };

function role(name: string, rules: object[] = READ_PODS) {
  return { ...API, kind: 'Role', metadata: { name }, rules };
}

function binding(name: string, roleName: string, user: string, kind = 'Role') {
  const roleRef = { kind, name: roleName };
  return {
    ...API,
    kind: 'RoleBinding',
    metadata: { name },
    roleRef,
    subjects: [{ kind: 'User', name: user }],
  };
}

describe('an API server with --authorization-mode=Node,RBAC', () => {
  let secured: SecuredServer;
  beforeAll(async () => {
    secured = await startSecuredServer();
  });
  afterAll(() => secured[Symbol.asyncDispose]());

  /** Waits until the caches have heard of it. */
  const becomes = (user: string, asked: string, status: number) =>
    vi.waitFor(async () => expect((await secured.as(user, asked)).status).toBe(status));

  test('has the whole default policy as soon as it is ready', async () => {
    const names = async (resource: string) => {
      const { json } = await secured.as('admin', `get ${RBAC}/${resource}`);
      return json.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name).sort();
    };
    const wanted = (objects: readonly { metadata?: { name?: string } }[]) =>
      objects.map(({ metadata }) => metadata?.name).sort();
    expect(await names('clusterroles')).toEqual(wanted(DEFAULT_POLICY.clusterRoles));
    expect(await names('clusterrolebindings')).toEqual(wanted(DEFAULT_POLICY.clusterRoleBindings));
    expect(await names('roles')).toEqual(wanted(DEFAULT_POLICY.roles));
    expect(await names('rolebindings')).toEqual(wanted(DEFAULT_POLICY.roleBindings));
  });

  test('admin, edit and view are filled from the start', async () => {
    const rulesOf = async (name: string) =>
      (await secured.as('admin', `get ${RBAC}/clusterroles/${name}`)).json.rules.length;
    expect(await rulesOf('view')).toBe(10);
    expect(await rulesOf('edit')).toBe(23);
    expect(await rulesOf('admin')).toBe(25);
  });

  test('refuses in upstream’s words, whether the object exists or not', async () => {
    const answers = await Promise.all(
      ['kube-root-ca.crt', 'no-such-thing'].map((name) =>
        secured.as('jane', `get /api/v1${DEFAULT}/configmaps/${name}`),
      ),
    );
    for (const { status, json } of answers) {
      expect(status).toBe(403);
      expect(json.message).toMatch(
        /^configmaps "[a-z.-]+" is forbidden: User "jane" cannot get resource "configmaps" in API group "" in the namespace "default"$/,
      );
    }
  });

  test('gives and takes rights as bindings come and go', async () => {
    await secured.as('admin', `post ${RBAC}${DEFAULT}/roles`, role('reader'));
    expect((await secured.as('reader', `get /api/v1${DEFAULT}/pods`)).status).toBe(403);
    await secured.as(
      'admin',
      `post ${RBAC}${DEFAULT}/rolebindings`,
      binding('b', 'reader', 'reader'),
    );
    await becomes('reader', `get /api/v1${DEFAULT}/pods`, 200);
    expect((await secured.as('reader', 'get /api/v1/pods')).status).toBe(403);
    expect((await secured.as('reader', 'get /api/v1/namespaces/kube-system/pods')).status).toBe(
      403,
    );
    await secured.as('admin', `delete ${RBAC}${DEFAULT}/roles/reader`);
    await becomes('reader', `get /api/v1${DEFAULT}/pods`, 403);
    const { json } = await secured.as('reader', `get /api/v1${DEFAULT}/pods`);
    expect(json.message).toContain(': RBAC: role.rbac.authorization.k8s.io "reader" not found');
  });

  test('an aggregated role takes over a new part, and loses it again', async () => {
    const part = {
      ...API,
      kind: 'ClusterRole',
      metadata: {
        name: 'crontabs',
        labels: { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' },
      },
      rules: [{ verbs: ['get'], apiGroups: ['stable.example.com'], resources: ['crontabs'] }],
    };
    const holds = (name: string, want: boolean) =>
      vi.waitFor(async () => {
        const { text } = await secured.as('admin', `get ${RBAC}/clusterroles/${name}`);
        expect(text.includes('crontabs')).toBe(want);
      });
    expect((await secured.as('admin', `post ${RBAC}/clusterroles`, part)).status).toBe(201);
    await holds('view', true);
    await holds('edit', true);
    await holds('admin', true);
    await secured.as('admin', `delete ${RBAC}/clusterroles/crontabs`);
    await holds('view', false);
    await holds('admin', false);
  });

  test('nobody gives away what they do not have', async () => {
    const admin = binding('jane-admin', 'admin', 'jane', 'ClusterRole');
    await secured.as('admin', `post ${RBAC}${DEFAULT}/rolebindings`, admin);
    await becomes('jane', `get /api/v1${DEFAULT}/secrets`, 200);
    const as = (asked: string, body: object) => secured.as('jane', asked, body);
    const roles = `post ${RBAC}${DEFAULT}/roles`;
    const bindings = `post ${RBAC}${DEFAULT}/rolebindings`;
    expect((await as(roles, role('fine'))).status).toBe(201);
    const nodes = [{ verbs: ['get'], apiGroups: [''], resources: ['nodes'] }];
    const refused = await as(roles, role('nodes', nodes));
    expect(refused.status).toBe(403);
    expect(refused.json.message).toBe(
      'roles.rbac.authorization.k8s.io "nodes" is forbidden: user "jane" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}',
    );
    const patch = `patch ${RBAC}${DEFAULT}/roles/fine`;
    expect((await as(patch, { rules: nodes })).status).toBe(403);
    const root = await as(bindings, binding('root', 'cluster-admin', 'jane', 'ClusterRole'));
    expect(root.json.message).toContain(
      'rolebindings.rbac.authorization.k8s.io "root" is forbidden',
    );
    expect((await as(bindings, binding('edit', 'edit', 'reader', 'ClusterRole'))).status).toBe(201);
    const gone = await as(bindings, binding('gone', 'gone', 'reader'));
    expect(gone.json.message).toBe('roles.rbac.authorization.k8s.io "gone" not found');
  });

  test('a PUT that would make an object needs the right to make it', async () => {
    const robot = 'system:serviceaccount:default:robot';
    const update = [
      { verbs: ['update'], apiGroups: ['coordination.k8s.io'], resources: ['leases'] },
    ];
    await secured.as('admin', `post ${RBAC}${DEFAULT}/roles`, role('renew', update));
    await secured.as(
      'admin',
      `post ${RBAC}${DEFAULT}/rolebindings`,
      binding('renew', 'renew', robot),
    );
    const path = `/apis/coordination.k8s.io/v1${DEFAULT}/leases/a`;
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'a' },
      spec: {},
    };
    await vi.waitFor(async () => {
      const { json } = await secured.as(robot, `put ${path}`, lease);
      expect(json.message).toBe(
        'leases.coordination.k8s.io "a" is forbidden: User "system:serviceaccount:default:robot" cannot create resource "leases" in API group "coordination.k8s.io" in the namespace "default"',
      );
    });
    const made = await secured.as('admin', `put ${path}`, lease);
    expect(made.status).toBe(201);
    // Leases are updated only by those who say which version they saw.
    const { resourceVersion } = made.json.metadata;
    const renewed = { ...lease, metadata: { name: 'a', resourceVersion } };
    expect((await secured.as(robot, `put ${path}`, renewed)).status).toBe(200);
  });

  test('a rule with a name lets one object be watched, by its field selector', async () => {
    const rules = [
      { verbs: ['list'], apiGroups: [''], resources: ['configmaps'], resourceNames: ['one'] },
    ];
    await secured.as('admin', `post ${RBAC}${DEFAULT}/roles`, role('one', rules));
    await secured.as(
      'admin',
      `post ${RBAC}${DEFAULT}/rolebindings`,
      binding('one', 'one', 'system:serviceaccount:default:robot'),
    );
    const list = `get /api/v1${DEFAULT}/configmaps`;
    const robot = 'system:serviceaccount:default:robot';
    await becomes(robot, `${list}?fieldSelector=metadata.name%3Done`, 200);
    expect((await secured.as(robot, list)).status).toBe(403);
    expect((await secured.as(robot, `${list}?fieldSelector=metadata.name%3Dtwo`)).status).toBe(403);
  });

  test('paths that are no resources', async () => {
    const statusOf = async (user: string, path: string) =>
      (await secured.as(user, `get ${path}`)).status;
    expect(await statusOf('', '/healthz')).toBe(200);
    expect(await statusOf('', '/readyz')).toBe(200);
    expect(await statusOf('', '/version')).toBe(200);
    expect(await statusOf('jane', '/api')).toBe(200);
    expect(await statusOf('jane', '/openapi/v3')).toBe(200);
    expect(await statusOf('admin', '/metrics')).toBe(200);
    const refused = await secured.as('jane', 'get /metrics');
    expect(refused.status).toBe(403);
    expect(refused.json).toMatchObject({
      message: 'forbidden: User "jane" cannot get path "/metrics"',
      details: {},
    });
  });

  test('who may look at a namespace may get it, and not list all', async () => {
    const view = binding('scheduler-views', 'view', 'system:kube-proxy', 'ClusterRole');
    await secured.as('admin', `post ${RBAC}${DEFAULT}/rolebindings`, view);
    await becomes('system:kube-proxy', `get /api/v1${DEFAULT}`, 200);
    expect((await secured.as('system:kube-proxy', 'get /api/v1/namespaces')).status).toBe(403);
    expect(
      (await secured.as('system:kube-proxy', 'get /api/v1/namespaces/kube-system')).status,
    ).toBe(403);
  });

  test('an upgrade is asked about like any other request', async () => {
    const upgrade = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      authorization: 'Bearer system-kube-proxy',
    };
    const path = `/api/v1${DEFAULT}/pods/web/exec?command=sh`;
    const { status, json } = await wire(secured.server, path, {
      headers: upgrade,
      anonymous: true,
    });
    expect(status).toBe(403);
    expect(json.message).toMatch(
      /^pods "web" is forbidden: User "system:kube-proxy" cannot (get|create) resource "pods\/exec"/,
    );
  });

  test('roleRef never changes', async () => {
    const path = `${RBAC}${DEFAULT}/rolebindings`;
    await secured.as('admin', `post ${path}`, binding('fixed', 'view', 'jane', 'ClusterRole'));
    const { status, json } = await secured.as('admin', `patch ${path}/fixed`, {
      roleRef: { name: 'edit' },
    });
    expect(status).toBe(422);
    expect(json.message).toContain('cannot change roleRef');
  });

  describe('reviews', () => {
    const attributes = { verb: 'list', resource: 'nodes' };

    test('SelfSubjectAccessReview', async () => {
      const kind = 'SelfSubjectAccessReview';
      const body = {
        kind,
        apiVersion: 'authorization.k8s.io/v1',
        spec: { resourceAttributes: attributes },
      };
      const ask = (user: string) =>
        secured.as(user, `post ${REVIEWS}/selfsubjectaccessreviews`, body);
      const scheduler = await ask('system:kube-scheduler');
      expect(scheduler.status).toBe(201);
      expect(scheduler.json.status).toEqual({
        allowed: true,
        reason:
          'RBAC: allowed by ClusterRoleBinding "system:kube-scheduler" of ClusterRole "system:kube-scheduler" to User "system:kube-scheduler"',
      });
      expect((await ask('system:node:a')).json.status).toEqual({
        allowed: false,
        reason: "node 'a' cannot read all nodes, only its own Node object",
      });
      expect((await ask('admin')).json.status).toEqual({ allowed: true });
    });

    test('SubjectAccessReview, of those who may ask about others', async () => {
      const spec = { user: 'system:kube-proxy', resourceAttributes: attributes };
      const path = `post ${REVIEWS}/subjectaccessreviews`;
      const body = { kind: 'SubjectAccessReview', apiVersion: 'authorization.k8s.io/v1', spec };
      expect((await secured.as('admin', path, body)).json.status.allowed).toBe(true);
      expect((await secured.as('system:kube-scheduler', path, body)).status).toBe(201);
      expect((await secured.as('reader', path, body)).status).toBe(403);
      const empty = await secured.as('admin', path, { ...body, spec: {} });
      expect(empty.status).toBe(422);
    });

    test('LocalSubjectAccessReview, by the admin of a namespace', async () => {
      const spec = { user: 'jane', resourceAttributes: { ...attributes, namespace: 'default' } };
      const body = {
        kind: 'LocalSubjectAccessReview',
        apiVersion: 'authorization.k8s.io/v1',
        spec,
      };
      const path = (namespace: string) =>
        `post ${REVIEWS}/namespaces/${namespace}/localsubjectaccessreviews`;
      const { status, json } = await secured.as('jane', path('default'), body);
      expect(status).toBe(201);
      expect(json.status).toEqual({ allowed: false });
      expect((await secured.as('jane', path('kube-system'), body)).status).toBe(403);
      expect((await secured.as('admin', path('kube-system'), body)).status).toBe(422);
    });

    test('SelfSubjectRulesReview', async () => {
      const body = {
        kind: 'SelfSubjectRulesReview',
        apiVersion: 'authorization.k8s.io/v1',
        spec: { namespace: 'kube-system' },
      };
      const path = `post ${REVIEWS}/selfsubjectrulesreviews`;
      const { json } = await secured.as('system:kube-scheduler', path, body);
      expect(json.status.incomplete).toBe(false);
      expect(json.status.resourceRules).toContainEqual({
        verbs: ['create'],
        apiGroups: [''],
        resources: ['bindings', 'pods/binding'],
      });
      expect(json.status.nonResourceRules.length).toBeGreaterThan(0);
      expect((await secured.as('system:node:a', path, body)).json.status).toMatchObject({
        incomplete: true,
        evaluationError: 'node authorizer does not support user rule resolution',
      });
    });

    test('is only ever made, never read or listed', async () => {
      const { status } = await secured.as('admin', `get ${REVIEWS}/subjectaccessreviews`);
      expect(status).toBe(405);
    });
  });
});

test('a restart adds nothing, mends what is missing, and leaves alone what is protected', async () => {
  await using secured = await startSecuredServer();
  const path = (name: string) => `${RBAC}/clusterroles/${name}`;
  const { json: before } = await secured.as('admin', `get ${RBAC}/clusterroles`);
  await secured.as('admin', `patch ${path('system:kube-dns')}`, { rules: READ_PODS });
  await secured.as('admin', `patch ${path('system:heapster')}`, {
    metadata: { annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'false' } },
    rules: [],
  });
  await secured.as('admin', `delete ${path('system:kube-proxy')}`);
  await secured.as('admin', `delete ${RBAC}/clusterrolebindings/system:discovery`);
  await secured.server.restart();
  const rulesOf = async (name: string) =>
    (await secured.as('admin', `get ${path(name)}`)).json.rules;
  expect(await rulesOf('system:kube-dns')).toHaveLength(5);
  expect((await rulesOf('system:heapster')) ?? []).toEqual([]);
  const back = await secured.as('admin', `get ${RBAC}/clusterrolebindings/system:discovery`);
  expect(back.status).toBe(200);
  const { json: after } = await secured.as('admin', `get ${RBAC}/clusterroles`);
  type Item = { metadata: { name: string; resourceVersion: string } };
  const versions = ({ items }: { items: Item[] }) =>
    items
      .filter(({ metadata }) => !['system:kube-dns', 'system:heapster'].includes(metadata.name))
      .map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`);
  expect(versions(after)).toEqual(versions(before));
});

test('AlwaysDeny lets only the masters in, AlwaysAllow everybody, and neither makes roles', async () => {
  await using denying = await startSecuredServer({ modes: ['AlwaysDeny'] });
  expect((await denying.as('jane', 'get /api')).json.message).toBe(
    'forbidden: User "jane" cannot get path "/api": Everything is forbidden.',
  );
  expect((await denying.as('jane', 'get /healthz')).status).toBe(200);
  expect((await denying.as('admin', `get ${RBAC}/clusterroles`)).json.items).toEqual([]);
  await using allowing = await startSecuredServer({});
  expect((await allowing.as('jane', 'get /api/v1/secrets')).status).toBe(200);
  const root = {
    ...binding('root', 'cluster-admin', 'jane', 'ClusterRole'),
    kind: 'ClusterRoleBinding',
  };
  const made = await allowing.as('jane', `post ${RBAC}/clusterrolebindings`, root);
  expect(made.status).toBe(201);
});
