// Acting as somebody else: who is asked what, what the other one may then do, and that nothing of it slips through.

import type { IncomingMessage } from 'node:http';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { impersonatorOf, questionsOf, wantedUser } from '#src/auth/impersonator.ts';
import { alwaysAllow } from '#src/authz/union.ts';
import { type WireAnswer, wire } from '../server/wire.ts';
import { ADMIN, type Scene, startScene } from './scene.ts';

const RBAC = 'rbac.authorization.k8s.io';
const WHOAMI = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const request = (...rawHeaders: string[]) => ({ rawHeaders });

describe('wantedUser()', () => {
  test.each([
    { name: 'nothing', headers: ['Host', 'x'], want: undefined },
    {
      name: 'a user',
      headers: ['Impersonate-User', 'jane'],
      want: { name: 'jane', groups: [] },
    },
    {
      name: 'groups, each by itself, commas and all',
      headers: ['impersonate-user', 'jane', 'Impersonate-Group', 'a,b', 'Impersonate-Group', 'c'],
      want: { name: 'jane', groups: ['a,b', 'c'] },
    },
    {
      name: 'a uid and more, whose keys are decoded',
      headers: [
        'Impersonate-User',
        'jane',
        'Impersonate-Uid',
        '42',
        'Impersonate-Extra-Scopes',
        'view',
        'Impersonate-Extra-Scopes',
        'edit',
        'Impersonate-Extra-Acme.com%2fProject',
        'x',
        'Impersonate-Extra-Bad%zz',
        'y',
      ],
      want: {
        name: 'jane',
        groups: [],
        uid: '42',
        extra: { scopes: ['view', 'edit'], 'acme.com/project': ['x'], 'bad%zz': ['y'] },
      },
    },
    {
      name: 'names outside ASCII, as Node shows the bytes of UTF-8',
      headers: ['Impersonate-User', Buffer.from('jürgen').toString('latin1')],
      want: { name: 'jürgen', groups: [] },
    },
  ])('$name', ({ headers, want }) => {
    expect(wantedUser(request(...headers))).toEqual(want);
  });

  test.each([
    [['Impersonate-Group', 'a', 'Impersonate-Group', 'b'], '[a b]'],
    [['Impersonate-Uid', '42'], '[42]'],
    [['Impersonate-Extra-Scopes', 'x'], '[scopes]'],
    [['Impersonate-User', '', 'Impersonate-Group', 'a'], '[a]'],
  ])('%j without a user is a bad request', (headers, parts) => {
    expect(() => wantedUser(request(...headers))).toThrow(
      `requested ${parts} without impersonating a user`,
    );
  });
});

test('every part of the wanted user is a question of its own', () => {
  const user = { name: 'admin', groups: ['admins'] };
  const wanted = {
    name: 'system:serviceaccount:shop:cart',
    groups: ['devs'],
    uid: '42',
    extra: { scopes: ['view', 'edit'] },
  };
  const asked = questionsOf(wanted, user).map(
    ({ verb, group, resource, subresource, namespace, name }) =>
      `${verb} ${group}/${resource}/${subresource} ${namespace}:${name}`,
  );
  expect(asked).toEqual([
    'impersonate /serviceaccounts/ shop:cart',
    'impersonate /groups/ :devs',
    'impersonate authentication.k8s.io/userextras/scopes :view',
    'impersonate authentication.k8s.io/userextras/scopes :edit',
    'impersonate authentication.k8s.io/uids/ :42',
  ]);
});

test.each([
  [[], ['system:unauthenticated']],
  [
    ['Impersonate-Group', 'g'],
    ['g', 'system:unauthenticated'],
  ],
  [['Impersonate-Group', 'system:unauthenticated'], ['system:unauthenticated']],
])('nobody stays unauthenticated: %j', async (headers, groups) => {
  const rawHeaders = ['Impersonate-User', 'system:anonymous', ...headers];
  const asked = { rawHeaders } as unknown as IncomingMessage;
  const admin = { name: 'admin', groups: [] };
  const acted = await impersonatorOf(alwaysAllow).impersonate(asked, admin);
  expect(acted).toEqual({ name: 'system:anonymous', groups });
});

describe('over the wire', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await startScene(
      {},
      {
        authorization: { modes: ['RBAC'] },
        tokens: [
          { token: ADMIN, user: 'admin', groups: ['system:masters'] },
          { token: 'helper', user: 'helper' },
        ],
      },
    );
    const role = {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRole',
      metadata: { name: 'helper' },
      rules: [
        { apiGroups: [''], resources: ['users'], verbs: ['impersonate'], resourceNames: ['jane'] },
        { apiGroups: [''], resources: ['groups'], verbs: ['impersonate'], resourceNames: ['devs'] },
        {
          apiGroups: ['authentication.k8s.io'],
          resources: ['userextras/scopes'],
          verbs: ['impersonate'],
          resourceNames: ['view'],
        },
        { apiGroups: [''], resources: ['secrets'], verbs: ['list'] },
      ],
    };
    const binding = {
      apiVersion: `${RBAC}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'helper' },
      subjects: [{ apiGroup: RBAC, kind: 'User', name: 'helper' }],
      roleRef: { apiGroup: RBAC, kind: 'ClusterRole', name: 'helper' },
    };
    await scene.make(`post /apis/${RBAC}/v1/clusterroles`, role);
    await scene.make(`post /apis/${RBAC}/v1/clusterrolebindings`, binding);
  });
  afterAll(() => scene[Symbol.asyncDispose]());

  const act = (
    token: string | null,
    headers: Record<string, string>,
    path = WHOAMI,
  ): Promise<WireAnswer> => {
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
    const isReview = path === WHOAMI;
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    return wire(scene.server, path, {
      method: isReview ? 'POST' : 'GET',
      headers: { ...authorization, ...headers },
      anonymous: true,
      ...(isReview ? { body: review } : {}),
    });
  };

  test.each([
    {
      name: 'a user who proved himself',
      headers: { 'impersonate-user': 'jane' },
      want: { username: 'jane', groups: ['system:authenticated'] },
    },
    {
      name: 'a service account has its groups',
      headers: { 'impersonate-user': 'system:serviceaccount:shop:cart' },
      want: {
        username: 'system:serviceaccount:shop:cart',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:shop', 'system:authenticated'],
      },
    },
    {
      name: 'groups that are given are all there are',
      headers: { 'impersonate-user': 'system:serviceaccount:shop:cart', 'impersonate-group': 'g' },
      want: {
        username: 'system:serviceaccount:shop:cart',
        groups: ['g', 'system:authenticated'],
      },
    },
    {
      name: 'a name that only looks like a service account',
      headers: { 'impersonate-user': 'system:serviceaccount:A:b' },
      want: { username: 'system:serviceaccount:A:b', groups: ['system:authenticated'] },
    },
    {
      name: 'somebody with a uid and more',
      headers: {
        'impersonate-user': 'jane',
        'impersonate-uid': '42',
        'impersonate-extra-scopes': 'view',
      },
      want: {
        username: 'jane',
        uid: '42',
        groups: ['system:authenticated'],
        extra: { scopes: ['view'] },
      },
    },
  ])('an administrator becomes $name', async ({ headers, want }) => {
    const { status, json } = await act(ADMIN, headers);
    expect(status).toBe(201);
    expect(json.status.userInfo).toEqual(want);
  });

  test('whoever may only act as some is refused for each of the others', async () => {
    const may = { 'impersonate-user': 'jane', 'impersonate-group': 'devs' };
    const { json } = await act('helper', { ...may, 'impersonate-extra-scopes': 'view' });
    expect(json.status.userInfo).toMatchObject({ username: 'jane' });
    const refused = async (headers: Record<string, string>) =>
      (await act('helper', headers)).json.message;
    expect(await refused({ 'impersonate-user': 'joe' })).toBe(
      'users "joe" is forbidden: User "helper" cannot impersonate resource "users" in API group "" at the cluster scope',
    );
    expect(await refused({ ...may, 'impersonate-group': 'system:masters' })).toBe(
      'groups "system:masters" is forbidden: User "helper" cannot impersonate resource "groups" in API group "" at the cluster scope',
    );
    expect(await refused({ ...may, 'impersonate-uid': '1' })).toBe(
      'uids.authentication.k8s.io "1" is forbidden: User "helper" cannot impersonate resource "uids" in API group "authentication.k8s.io" at the cluster scope',
    );
    expect(await refused({ ...may, 'impersonate-extra-scopes': 'edit' })).toBe(
      'userextras.authentication.k8s.io "edit" is forbidden: User "helper" cannot impersonate resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope',
    );
    expect(await refused({ 'impersonate-user': 'system:serviceaccount:kube-system:x' })).toBe(
      'serviceaccounts "x" is forbidden: User "helper" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "kube-system"',
    );
  });

  test('nobody keeps his own rights while he acts as another', async () => {
    expect((await act('helper', {}, '/api/v1/secrets')).status).toBe(200);
    const { status, json } = await act('helper', { 'impersonate-user': 'jane' }, '/api/v1/secrets');
    expect(status).toBe(403);
    expect(json.message).toContain('User "jane" cannot list resource "secrets"');
  });

  test('who proved nothing, or something wrong, acts as nobody else', async () => {
    const headers = { 'impersonate-user': 'jane' };
    expect((await act(null, headers)).json.message).toContain('User "system:anonymous" cannot');
    expect((await act('wrong', headers)).status).toBe(401);
  });

  test('a header that comes twice is two groups', async () => {
    const body = '{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1"}';
    const text = await rawPost(
      scene,
      ['Impersonate-User: jane', 'Impersonate-Group: a,b', 'Impersonate-Group: c'],
      body,
    );
    expect(text).toContain('"groups":["a,b","c","system:authenticated"]');
  });
});

/** Node's client would join the headers. */
function rawPost(scene: Scene, headers: readonly string[], body: string): Promise<string> {
  const { ca = '' } = scene.server.adminOptions;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: scene.server.port, ca: String(ca) });
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.once('error', reject);
    socket.once('close', () => resolve(text));
    const all = [
      `POST ${WHOAMI} HTTP/1.1`,
      'Host: localhost',
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${body.length}`,
      `Authorization: Bearer ${ADMIN}`,
      ...headers,
    ];
    socket.write(`${all.join('\r\n')}\r\n\r\n${body}`);
  });
}
