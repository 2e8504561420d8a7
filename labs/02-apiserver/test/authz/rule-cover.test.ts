import type { PolicyRule } from 'kubernetes-types/rbac/v1';
import { describe, expect, test } from 'vitest';
import { compactRules, describeRule, uncoveredRules } from '#src/authz/rule-cover.ts';

function rule(verbs: string, resources: string, rest: Partial<PolicyRule> = {}): PolicyRule {
  return {
    verbs: verbs.split(' '),
    apiGroups: [''],
    resources: resources.split(' '),
    ...rest,
  };
}

const paths = (verbs: string, urls: string): PolicyRule => ({
  verbs: verbs.split(' '),
  nonResourceURLs: urls.split(' '),
});

const EVERYTHING = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

describe('uncoveredRules()', () => {
  test.each([
    { name: 'the same rule', held: [rule('get', 'pods')], wanted: [rule('get', 'pods')], want: 0 },
    { name: 'nothing held', held: [], wanted: [rule('get list', 'pods secrets')], want: 4 },
    { name: 'nothing wanted', held: [], wanted: [], want: 0 },
    {
      name: 'several rules together',
      held: [rule('get', 'pods'), rule('list', 'pods')],
      wanted: [rule('get list', 'pods')],
      want: 0,
    },
    { name: 'everything held', held: EVERYTHING, wanted: [rule('get', 'pods')], want: 0 },
    { name: 'a star wanted, not held', held: [rule('get', 'pods')], wanted: EVERYTHING, want: 2 },
    {
      name: 'every verb is more than one',
      held: [rule('get list', 'pods')],
      wanted: [rule('*', 'pods')],
      want: 1,
    },
    {
      name: 'another group',
      held: [rule('get', 'pods')],
      wanted: [rule('get', 'pods', { apiGroups: ['apps'] })],
      want: 1,
    },
    {
      name: 'a subresource is another resource',
      held: [rule('get', 'pods')],
      wanted: [rule('get', 'pods/log')],
      want: 1,
    },
    {
      name: 'a subresource of all',
      held: [rule('get', '*/scale')],
      wanted: [rule('get', 'pods/scale')],
      want: 0,
    },
    {
      name: 'a subresource of all, itself',
      held: [rule('get', '*/scale')],
      wanted: [rule('get', '*/scale')],
      want: 0,
    },
    {
      name: 'one name of all',
      held: [rule('get', 'pods')],
      wanted: [rule('get', 'pods', { resourceNames: ['a'] })],
      want: 0,
    },
    {
      name: 'all of one name',
      held: [rule('get', 'pods', { resourceNames: ['a'] })],
      wanted: [rule('get', 'pods')],
      want: 1,
    },
    {
      name: 'one of two names',
      held: [rule('get', 'pods', { resourceNames: ['a'] })],
      wanted: [rule('get', 'pods', { resourceNames: ['a', 'b'] })],
      want: 1,
    },
    {
      name: 'a path',
      held: [paths('get', '/api/*')],
      wanted: [paths('get', '/api/v1 /apis')],
      want: 1,
    },
    {
      name: 'a path pattern',
      held: [paths('get', '/*')],
      wanted: [paths('get', '/api/*')],
      want: 0,
    },
    {
      name: 'a path by a rule for resources',
      held: EVERYTHING.slice(0, 1),
      wanted: [paths('get', '/x')],
      want: 1,
    },
    {
      name: 'a resource by a rule for paths',
      held: EVERYTHING.slice(1),
      wanted: [rule('get', 'pods')],
      want: 1,
    },
    {
      name: 'one of two paths in one rule',
      held: [paths('get', '/a')],
      wanted: [paths('get', '/a /b')],
      want: 1,
    },
    {
      name: 'another verb on a path',
      held: [paths('get', '/a')],
      wanted: [paths('get post', '/a')],
      want: 1,
    },
    {
      name: 'a resource that begins with a slash',
      held: [rule('get', '*/x')],
      wanted: [rule('get', '/x')],
      want: 0,
    },
    {
      name: 'a resource by a subresource of all',
      held: [rule('get', '*s')],
      wanted: [rule('get', 'pods')],
      want: 1,
    },
    {
      name: 'a rule for resources of no group',
      held: [],
      wanted: [{ verbs: ['get'], resources: ['pods'] }],
      want: 0,
    },
    {
      name: 'a rule for a group without resources',
      held: [],
      wanted: [{ verbs: ['get'], apiGroups: [''] }],
      want: 0,
    },
  ])('$name: $want missing', ({ held, wanted, want }) => {
    expect(uncoveredRules(held, wanted)).toHaveLength(want);
  });

  test('breaks what is missing down to single verbs, resources and names', () => {
    const wanted = [rule('get list', 'pods', { resourceNames: ['a', 'b'] })];
    expect(uncoveredRules([rule('get', 'pods')], wanted)).toEqual([
      rule('list', 'pods', { resourceNames: ['a'] }),
      rule('list', 'pods', { resourceNames: ['b'] }),
    ]);
  });
});

test('pieces of paths name their verb', () => {
  expect(uncoveredRules([], [paths('get post', '/a /b')])).toEqual([
    paths('get', '/a'),
    paths('post', '/a'),
    paths('get', '/b'),
    paths('post', '/b'),
  ]);
});

test('compactRules() takes rules of several groups or resources, or of none, as they are', () => {
  const odd: PolicyRule[] = [
    rule('get', 'pods secrets'),
    rule('get', 'pods', { apiGroups: ['', 'apps'] }),
    { verbs: ['get'], apiGroups: [''] },
    { verbs: ['get'], resources: ['pods'] },
    { ...rule('get', 'pods'), ...paths('get', '/x') },
  ];
  expect(compactRules([...odd, ...odd])).toEqual([...odd, ...odd]);
});

test('compactRules() leaves the pieces as they are', () => {
  const pieces = [rule('get', 'pods'), rule('list', 'pods')];
  expect(compactRules(pieces)).toEqual([rule('get list', 'pods')]);
  expect(pieces).toEqual([rule('get', 'pods'), rule('list', 'pods')]);
});

test('compactRules() puts the verbs of one resource together and leaves special rules alone', () => {
  const special = [rule('get', 'pods', { resourceNames: ['a'] }), paths('get', '/x')];
  const pieces = [rule('get', 'pods'), rule('list', 'pods'), rule('get', 'secrets'), ...special];
  expect(compactRules(pieces)).toEqual([
    ...special,
    rule('get list', 'pods'),
    rule('get', 'secrets'),
  ]);
});

test.each([
  [rule('get list', 'pods'), '{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}'],
  [paths('get', '/x'), '{NonResourceURLs:["/x"], Verbs:["get"]}'],
  [
    rule('get', 'pods', { resourceNames: ['a'] }),
    '{APIGroups:[""], Resources:["pods"], ResourceNames:["a"], Verbs:["get"]}',
  ],
])('describeRule(%j)', (given, want) => {
  expect(describeRule(given)).toBe(want);
});
