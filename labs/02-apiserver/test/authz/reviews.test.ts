import { describe, expect, test } from 'vitest';
import { ApiError } from '#src/api-error.ts';
import type { Attributes, AuthorizerAndRules } from '#src/authz/authorizer.ts';
import {
  reviewLocalSubjectAccess,
  reviewSelfAccess,
  reviewSelfRules,
  reviewSubjectAccess,
} from '#src/authz/reviews.ts';
import { alwaysAllow } from '#src/authz/union.ts';
import { JANE } from './asked.ts';

const GET_POD = { verb: 'get', resource: 'pods', namespace: 'default', name: 'web' };
const PATH = { verb: 'get', path: '/metrics' };

/** Remembers what it was asked, and says no with a reason. */
function recorder(): AuthorizerAndRules & { asked: Attributes[] } {
  const asked: Attributes[] = [];
  return {
    asked,
    authorize(attributes) {
      asked.push(attributes);
      return { decision: 'none', reason: 'because' };
    },
    rulesFor: (user, namespace) => ({
      resourceRules: [
        { verbs: ['get'], apiGroups: [''], resources: [`${user.name}-${namespace}`] },
      ],
      nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }],
      incomplete: true,
      errors: ['one', 'two'],
    }),
  };
}

function complaint(act: () => unknown): string {
  try {
    act();
    return '';
  } catch (error) {
    if (ApiError.is(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

describe('reviewSubjectAccess()', () => {
  test('asks about the user that the review names', () => {
    const authorizer = recorder();
    const spec = { user: 'joe', groups: ['a'], uid: 'u', resourceAttributes: GET_POD };
    expect(reviewSubjectAccess({ spec }, authorizer).status).toEqual({
      allowed: false,
      reason: 'because',
    });
    expect(authorizer.asked).toEqual([
      {
        kind: 'resource',
        user: { name: 'joe', groups: ['a'] },
        verb: 'get',
        group: '',
        version: '*',
        resource: 'pods',
        subresource: '',
        namespace: 'default',
        name: 'web',
      },
    ]);
  });

  test('says so when it is allowed, and when it is denied', () => {
    const spec = { user: 'joe', nonResourceAttributes: PATH };
    const deny = { authorize: () => ({ decision: 'deny' as const, reason: '' }) };
    expect(reviewSubjectAccess({ spec }, alwaysAllow).status).toEqual({ allowed: true });
    expect(reviewSubjectAccess({ spec }, deny).status).toEqual({ allowed: false, denied: true });
  });

  test.each([
    {
      spec: { user: 'joe', resourceAttributes: GET_POD, nonResourceAttributes: PATH },
      want: '422 SubjectAccessReview.authorization.k8s.io "" is invalid: spec.nonResourceAttributes: Invalid value: {"path":"/metrics","verb":"get"}: cannot be specified in combination with resourceAttributes',
    },
    {
      spec: { user: 'joe' },
      want: '422 SubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: "null": exactly one of nonResourceAttributes or resourceAttributes must be specified',
    },
    {
      spec: { nonResourceAttributes: PATH },
      want: '422 SubjectAccessReview.authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified',
    },
    {
      spec: { user: 'joe', nonResourceAttributes: PATH },
      metadata: { name: 'x' },
      want: '422 SubjectAccessReview.authorization.k8s.io "" is invalid: metadata: Invalid value: {"name":"x"}: must be empty',
    },
  ])('refuses $spec $metadata', ({ spec, metadata, want }) => {
    const review = { spec, ...(metadata === undefined ? {} : { metadata }) };
    expect(complaint(() => reviewSubjectAccess(review, alwaysAllow))).toBe(want);
  });

  test('takes managed fields, which a client may send back', () => {
    const metadata = { managedFields: [{ manager: 'm' }], creationTimestamp: undefined };
    const review = { metadata, spec: { user: 'joe', nonResourceAttributes: PATH } };
    expect(reviewSubjectAccess(review as never, alwaysAllow).status?.allowed).toBe(true);
  });

  test.each([
    [{ rawSelector: 'spec.nodeName=a,x!=y' }, 2, undefined],
    [
      { rawSelector: 'what' },
      0,
      'spec.resourceAttributes.fieldSelector ignored due to parse error',
    ],
    [
      {
        requirements: [
          { key: 'a', operator: 'In', values: ['b'] },
          { key: 'c', operator: 'Exists' },
        ],
      },
      1,
      'spec.resourceAttributes.fieldSelector partially ignored due to parse error',
    ],
    [
      { requirements: [{ key: 'a', operator: 'NotIn', values: ['b', 'c'] }] },
      0,
      'spec.resourceAttributes.fieldSelector ignored due to parse error',
    ],
  ])('understands the field selector %j as %i requirements', (fieldSelector, count, said) => {
    const authorizer = recorder();
    const resourceAttributes = { ...GET_POD, fieldSelector };
    const { status } = reviewSubjectAccess(
      { spec: { user: 'joe', resourceAttributes } },
      authorizer,
    );
    const [asked] = authorizer.asked;
    expect(asked?.kind === 'resource' ? (asked.fieldSelector?.length ?? 0) : -1).toBe(count);
    expect(status?.evaluationError).toBe(said);
  });
});

describe('reviewLocalSubjectAccess()', () => {
  const review = (namespace: string, about: string) => ({
    metadata: { namespace },
    spec: { user: 'joe', resourceAttributes: { ...GET_POD, namespace: about } },
  });

  test('answers about its namespace', () => {
    const { status } = reviewLocalSubjectAccess(review('ci', 'ci'), 'ci', alwaysAllow);
    expect(status).toEqual({ allowed: true });
  });

  test.each([
    {
      object: review('ci', 'default'),
      at: 'ci',
      want: 'spec.resourceAttributes.namespace: Invalid value: "default": must match metadata.namespace',
    },
    {
      object: review('ci', 'ci'),
      at: 'default',
      want: '400 spec.resourceAttributes.namespace must match namespace: default',
    },
    {
      object: { ...review('ci', 'ci'), metadata: { namespace: 'ci', name: 'x' } },
      at: 'ci',
      want: 'must be empty except for namespace',
    },
    {
      object: { metadata: { namespace: 'ci' }, spec: { user: 'joe', nonResourceAttributes: PATH } },
      at: 'ci',
      want: 'disallowed on this kind of request',
    },
  ])('refuses with: $want', ({ object, at, want }) => {
    expect(complaint(() => reviewLocalSubjectAccess(object, at, alwaysAllow))).toContain(want);
  });
});

test('reviewSelfAccess() asks about the sender', () => {
  const authorizer = recorder();
  reviewSelfAccess({ spec: { nonResourceAttributes: PATH } }, JANE, authorizer);
  expect(authorizer.asked).toEqual([{ kind: 'path', user: JANE, ...PATH }]);
  expect(complaint(() => reviewSelfAccess({ spec: {} }, JANE, authorizer))).toContain(
    'SelfSubjectAccessReview.authorization.k8s.io "" is invalid: spec.resourceAttributes',
  );
});

test('reviewSelfRules() lists what the sender may do, and says when that is not all', () => {
  const review = reviewSelfRules({ spec: { namespace: 'ci' } }, JANE, recorder());
  expect(review.status).toEqual({
    resourceRules: [{ verbs: ['get'], apiGroups: [''], resources: ['jane-ci'] }],
    nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }],
    incomplete: true,
    evaluationError: 'one, two',
  });
  expect(complaint(() => reviewSelfRules({ spec: {} }, JANE, recorder()))).toBe(
    '400 no namespace on request',
  );
});
