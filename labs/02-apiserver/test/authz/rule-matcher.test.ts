import { describe, expect, test } from 'vitest';
import { pathMatches, ruleAllows } from '#src/authz/rule-matcher.ts';
import { path, resource } from './asked.ts';

const READ_PODS = { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods'] };

describe('ruleAllows()', () => {
  test.each([
    { rule: READ_PODS, asked: 'get pods web', want: true },
    { rule: READ_PODS, asked: 'list pods', want: true },
    { rule: READ_PODS, asked: 'delete pods web', want: false },
    { rule: READ_PODS, asked: 'get secrets web', want: false },
    { rule: READ_PODS, asked: 'get pods/log web', want: false },
    { rule: READ_PODS, asked: 'get apps/pods web', want: false },
    { rule: { ...READ_PODS, verbs: ['*'] }, asked: 'deletecollection pods', want: true },
    { rule: { ...READ_PODS, apiGroups: ['*'] }, asked: 'get apps/pods web', want: true },
    { rule: { ...READ_PODS, resources: ['*'] }, asked: 'get pods/log web', want: true },
    { rule: { ...READ_PODS, resources: ['pods/log'] }, asked: 'get pods/log web', want: true },
    { rule: { ...READ_PODS, resources: ['pods/log'] }, asked: 'get pods web', want: false },
    { rule: { ...READ_PODS, resources: ['*/log'] }, asked: 'get pods/log web', want: true },
    { rule: { ...READ_PODS, resources: ['*/log'] }, asked: 'get pods/exec web', want: false },
    { rule: { ...READ_PODS, resources: ['*/log'] }, asked: 'get pods web', want: false },
    { rule: { ...READ_PODS, resources: ['pods/*'] }, asked: 'get pods/log web', want: false },
    { rule: { ...READ_PODS, resourceNames: ['web'] }, asked: 'get pods web', want: true },
    { rule: { ...READ_PODS, resourceNames: ['web'] }, asked: 'get pods db', want: false },
    { rule: { ...READ_PODS, resourceNames: ['web'] }, asked: 'list pods', want: false },
    { rule: { ...READ_PODS, resourceNames: ['*'] }, asked: 'get pods web', want: false },
    { rule: { ...READ_PODS, resourceNames: [] }, asked: 'get pods web', want: true },
    { rule: { verbs: ['get'] }, asked: 'get pods web', want: false },
    { rule: { verbs: ['*'], apiGroups: ['*'] }, asked: 'get pods web', want: false },
    { rule: { verbs: ['get'], resources: ['pods'] }, asked: 'get pods web', want: false },
    { rule: { verbs: [], apiGroups: [''], resources: ['pods'] }, asked: 'get pods', want: false },
    { rule: { verbs: ['*'], nonResourceURLs: ['*'] }, asked: 'get pods web', want: false },
  ])('$asked by $rule: $want', ({ rule, asked, want }) => {
    expect(ruleAllows(rule, resource(asked))).toBe(want);
  });

  test.each([
    { urls: ['/healthz'], asked: 'get /healthz', want: true },
    { urls: ['/healthz'], asked: 'post /healthz', want: false },
    { urls: ['/healthz'], asked: 'get /healthz/etcd', want: false },
    { urls: ['/api/*'], asked: 'get /api/v1', want: true },
    { urls: ['/api/*'], asked: 'get /api', want: false },
    { urls: ['/a', '/healthz'], asked: 'get /healthz', want: true },
    { urls: [], asked: 'get /healthz', want: false },
    { urls: undefined, asked: 'get /healthz', want: false },
    { urls: ['*'], asked: 'get /anything/at/all', want: true },
  ])('a path rule $urls and $asked: $want', ({ urls, asked, want }) => {
    const rule = { verbs: ['get'], ...(urls === undefined ? {} : { nonResourceURLs: urls }) };
    expect(ruleAllows(rule, path(asked))).toBe(want);
  });
});

test.each([
  ['/a*b', '/a*b', true],
  ['/a*b', '/axb', false],
  ['/a**', '/abc', true],
  ['', '/', false],
  ['*', 'no path at all', true],
])('pathMatches(%j, %j) is %j', (pattern, asked, want) => {
  expect(pathMatches(pattern, asked)).toBe(want);
});
