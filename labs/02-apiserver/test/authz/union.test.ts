import { describe, expect, test } from 'vitest';
import type { Decision, RuleList } from '#src/authz/authorizer.ts';
import { forbiddenError } from '#src/authz/forbidden.ts';
import { requestAttributes } from '#src/authz/request-attributes.ts';
import {
  alwaysAllow,
  alwaysDeny,
  masters,
  pathAuthorizer,
  unionAuthorizer,
} from '#src/authz/union.ts';
import { JANE, path, resource } from './asked.ts';

const NOTHING: RuleList = {
  resourceRules: [],
  nonResourceRules: [],
  incomplete: false,
  errors: [],
};
const says = (decision: Decision['decision'], reason: string) => ({
  authorize: (): Decision => ({ decision, reason }),
  rulesFor: () => ({ ...NOTHING, incomplete: reason === 'b', errors: [reason] }),
});

describe('unionAuthorizer()', () => {
  test.each([
    { name: 'nobody', all: [], want: { decision: 'none', reason: '' } },
    {
      name: 'the first that allows',
      all: [says('none', 'a'), says('allow', 'b'), says('deny', 'c')],
      want: { decision: 'allow', reason: 'b' },
    },
    {
      name: 'the first that denies',
      all: [says('deny', 'a'), says('allow', 'b')],
      want: { decision: 'deny', reason: 'a' },
    },
    {
      name: 'all reasons of the silent',
      all: [says('none', 'a'), says('none', ''), says('none', 'b')],
      want: { decision: 'none', reason: 'a\nb' },
    },
  ])('tells $name', ({ all, want }) => {
    expect(unionAuthorizer(all).authorize(resource('get pods'))).toEqual(want);
  });

  test('lists the rules of all', () => {
    const union = unionAuthorizer([alwaysAllow, says('none', 'a'), says('none', 'b')]);
    expect(union.rulesFor(JANE, 'default')).toMatchObject({
      resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
      incomplete: true,
      errors: ['a', 'b'],
    });
  });
});

test('alwaysDeny refuses, alwaysAllow allows, masters allows its group alone', () => {
  const asked = resource('get pods');
  const root = { ...asked, user: { name: 'root', groups: ['system:masters'] } };
  expect(alwaysDeny.authorize(asked)).toEqual({
    decision: 'none',
    reason: 'Everything is forbidden.',
  });
  expect(alwaysAllow.authorize(asked).decision).toBe('allow');
  expect(masters.authorize(asked).decision).toBe('none');
  expect(masters.authorize(root).decision).toBe('allow');
});

test('the simple ones list what they allow to everybody, and nothing else', () => {
  expect(alwaysAllow.rulesFor(JANE, 'default')).toEqual({
    ...NOTHING,
    resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
    nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  });
  expect(alwaysDeny.rulesFor(JANE, 'default')).toEqual(NOTHING);
  expect(masters.rulesFor(JANE, 'default')).toEqual(NOTHING);
  expect(unionAuthorizer([alwaysDeny, alwaysAllow]).rulesFor(JANE, 'default')).toEqual(
    alwaysAllow.rulesFor(JANE, 'default'),
  );
});

describe('pathAuthorizer()', () => {
  test.each([
    ['get /version/info', 'allow'],
    ['get /versioninfo', 'none'],
    ['get /metrics/slis', 'allow'],
    ['get /healthz', 'allow'],
    ['get /healthz/etcd', 'none'],
    ['get /readyz', 'allow'],
    ['get /livez/ping', 'allow'],
    ['get /livez', 'none'],
    ['get /metrics', 'none'],
  ])('%s: %s', (asked, want) => {
    const patterns = ['/healthz', 'readyz', '/livez/*', 'version/info', '/metrics/*'];
    const open = pathAuthorizer(patterns);
    expect(open.authorize(path(asked)).decision).toBe(want);
    expect(open.rulesFor(JANE, 'default')).toEqual(NOTHING);
    expect(pathAuthorizer([]).authorize(path(asked)).decision).toBe('none');
  });

  test('opens no resource, and takes no star in the middle', () => {
    expect(pathAuthorizer(['/*']).authorize(resource('get pods')).decision).toBe('none');
    expect(() => pathAuthorizer(['/a*b'])).toThrow(
      'Cannot always allow path "/a*b": only trailing * is allowed',
    );
  });
});

describe('forbiddenError()', () => {
  test.each([
    [
      resource('get pods web'),
      'pods "web" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "default"',
    ],
    [
      resource('list apps/deployments', { namespace: '' }),
      'deployments.apps is forbidden: User "jane" cannot list resource "deployments" in API group "apps" at the cluster scope',
    ],
    [
      resource('create pods/exec web'),
      'pods "web" is forbidden: User "jane" cannot create resource "pods/exec" in API group "" in the namespace "default"',
    ],
    [path('get /metrics'), 'forbidden: User "jane" cannot get path "/metrics"'],
  ])('%j', (asked, want) => {
    expect(forbiddenError(asked)).toMatchObject({ code: 403, reason: 'Forbidden', message: want });
  });

  test('tells the reason behind it', () => {
    expect(forbiddenError(path('get /x'), 'no').message).toBe(
      'forbidden: User "jane" cannot get path "/x": no',
    );
  });
});

describe('requestAttributes()', () => {
  const info = { kind: 'resource' as const, group: '', version: 'v1', resource: 'secrets' };
  const ask = (verb: string, query: string, rest = {}) =>
    requestAttributes({
      info: { ...info, verb, namespace: 'default', ...rest },
      user: JANE,
      query: new URLSearchParams(query),
    });

  test.each([
    ['watch', 'fieldSelector=metadata.name%3Dtoken', 'token'],
    ['list', 'fieldSelector=metadata.name%3D%3Dtoken,type%3Dx', 'token'],
    ['list', 'fieldSelector=metadata.name!%3Dtoken', ''],
    ['list', 'fieldSelector=metadata.name%3D..', ''],
    ['list', 'fieldSelector=metadata.name%3Da%2Fb', ''],
    ['list', 'fieldSelector=nonsense', ''],
    ['list', '', ''],
    ['deletecollection', 'fieldSelector=metadata.name%3Dtoken', ''],
    ['get', 'fieldSelector=metadata.name%3Dother', ''],
  ])('%s with ?%s asks for the name "%s"', (verb, query, name) => {
    expect(ask(verb, query)).toMatchObject({ verb, name, namespace: 'default' });
  });

  test('a name in the path is not overruled', () => {
    const asked = ask('watch', 'fieldSelector=metadata.name%3Db', { name: 'a' });
    expect(asked).toMatchObject({ name: 'a' });
  });

  test('a path that is no resource', () => {
    const query = new URLSearchParams();
    const asked = requestAttributes({
      info: { kind: 'path', verb: 'get', path: '/x' },
      user: JANE,
      query,
    });
    expect(asked).toEqual({ kind: 'path', user: JANE, verb: 'get', path: '/x' });
  });
});
