// What webhooks are told of requests that speak of an object by another kind, and what their answers may be.
import { expect, test } from 'vitest';
import type { AdmissionRequest } from '#src/admission/admission.ts';
import type { Invocation } from '#src/admission/webhook/hooks.ts';
import { readAnswer, reviewOf } from '#src/admission/webhook/review.ts';
import { subjectOf } from '#src/admission/webhook/subject.ts';
import { RESOURCES } from '#src/registry/resources.ts';

const pods = RESOURCES.find(({ group, resource }) => group === '' && resource === 'pods');

test('subjectOf() names the options of a connection, which has no other options', () => {
  const request = {
    operation: 'CONNECT',
    definition: pods,
    subresource: 'exec',
    namespace: 'default',
    name: 'p',
    user: { name: 'ann', groups: [] },
    dryRun: false,
    requestKind: { group: '', version: 'v1', kind: 'Pod' },
    options: { kind: 'CreateOptions' },
    object: { apiVersion: 'v1', kind: 'PodExecOptions', command: ['sh'] },
  } as unknown as AdmissionRequest;
  const { request: subject } = subjectOf(request);
  const kind = { group: '', version: 'v1', kind: 'PodExecOptions' };
  expect(subject.requestKind).toEqual(kind);
  const resource = { group: '', version: 'v1', resource: 'pods' };
  const invocation = { kind, resource, served: undefined } as unknown as Invocation;
  const review = reviewOf(invocation, subject, { uid: 'u', object: subject.object ?? null });
  expect(review).toMatchObject({
    request: { operation: 'CONNECT', kind, subResource: 'exec', options: null, oldObject: null },
  });
});

test.each([
  [undefined, 'webhook response was absent'],
  [[], 'webhook response was absent'],
  [{ response: 7 }, 'webhook response was absent'],
  [
    { response: { uid: 'u' } },
    'expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got , Kind=',
  ],
])('readAnswer(%j) is no answer', (value, message) => {
  expect(readAnswer(value, 'u', false)).toBe(message);
});

test('readAnswer() takes no patch from those who only validate', () => {
  const answer = { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' };
  const patched = {
    ...answer,
    response: { uid: 'u', allowed: true, patch: 'W10=', patchType: 'JSONPatch' },
  };
  expect(readAnswer(patched, 'u', false)).toBe('validating webhook may not return response.patch');
  expect(readAnswer(patched, 'u', true)).toMatchObject({ isAllowed: true, patch: '[]' });
});
