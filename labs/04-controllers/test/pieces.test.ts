// The pieces that all controllers share: expectations, claims, names and times.
import { FakeClock } from '@kube-labs/apiserver';
import { describe, expect, test } from 'vitest';
import { planClaim } from '../src/controller-ref.ts';
import { Expectations } from '../src/expectations.ts';
import { sameData } from '../src/meta.ts';
import { isPodAvailable, nextAvailableInMs } from '../src/pod-state.ts';
import { hashOfTemplate } from '../src/pod-template.ts';
import { matches } from '../src/taints.ts';
import { NOW_MS, namesOf, pod, workload } from './support.ts';

describe('Expectations', () => {
  test('hold a key until all was seen, a deletion once only, or until they are old', () => {
    const clock = new FakeClock();
    const expectations = new Expectations(clock);
    expect(expectations.satisfied('k')).toBe(true);
    expectations.expect('k', { creations: 1, deletions: ['u', 'v'] });
    expectations.deletionObserved('k', 'u');
    expectations.deletionObserved('k', 'u');
    expectations.creationObserved('k');
    expectations.creationObserved('k');
    expect(expectations.satisfied('k')).toBe(false);
    expectations.deletionObserved('k', 'v');
    expect(expectations.satisfied('k')).toBe(true);
    expectations.expect('k', { creations: 1 });
    clock.advance(5 * 60_000 + 1);
    expect(expectations.satisfied('k')).toBe(true);
  });
});

test('planClaim() adopts orphans that match, releases what does not, and leaves what is others’', () => {
  const owner = {
    kind: 'ReplicaSet',
    apiVersion: 'apps/v1',
    metadata: { name: 'web', uid: 'owner' },
  };
  const other = { ...owner, metadata: { name: 'db', uid: 'other' } };
  const labels = { app: 'web' };
  const pods = [
    pod({ name: 'mine', owner, labels }),
    pod({ name: 'stray', owner }),
    pod({ name: 'orphan', labels }),
    pod({ name: 'dying-orphan', labels, deleting: true }),
    pod({ name: 'theirs', owner: other, labels }),
    pod({ name: 'nobody' }),
  ];
  const claim = planClaim(owner, { matchLabels: labels }, pods);
  expect([claim.owned, claim.adopt, claim.release].map(namesOf)).toEqual([
    ['mine'],
    ['orphan'],
    ['stray'],
  ]);
  const dying = {
    ...owner,
    metadata: { ...owner.metadata, deletionTimestamp: '2015-11-09T00:00:00Z' },
  };
  const last = planClaim(dying, { matchLabels: labels }, pods);
  expect([last.owned, last.adopt, last.release].map(namesOf)).toEqual([['mine'], [], []]);
});

test('a Pod is available after it was ready for long enough', () => {
  const subject = pod({ ready: true });
  expect(isPodAvailable(subject, 0, NOW_MS)).toBe(true);
  expect(isPodAvailable(subject, 10, NOW_MS + 9_999)).toBe(false);
  expect(isPodAvailable(subject, 10, NOW_MS + 10_000)).toBe(true);
  expect(nextAvailableInMs([subject, pod()], 10, NOW_MS + 4_000)).toBe(6_000);
});

test('hashOfTemplate() depends on what the template says, not on the order of its fields', () => {
  const { template } = workload();
  const turned = { spec: template.spec, metadata: template.metadata };
  expect(hashOfTemplate(turned)).toBe(hashOfTemplate(template));
  expect(hashOfTemplate(workload('web', 'demo:2').template)).not.toBe(hashOfTemplate(template));
  expect(hashOfTemplate(template, 1)).not.toBe(hashOfTemplate(template));
  expect(sameData({ a: 1, b: undefined }, { a: 1 })).toBe(true);
});

describe('matches()', () => {
  const taint = { key: 'gpu', value: 'yes', effect: 'NoExecute' };
  test.each([
    [{ key: 'gpu', operator: 'Exists' }, true],
    [{ operator: 'Exists' }, true],
    [{ key: 'gpu', value: 'yes', effect: 'NoExecute' }, true],
    [{ key: 'gpu', value: 'no' }, false],
    [{ key: 'gpu', operator: 'Exists', effect: 'NoSchedule' }, false],
    [{ key: 'disk', operator: 'Exists' }, false],
    [{}, false],
  ])('%j: %s', (toleration, want) => {
    expect(matches(toleration, taint)).toBe(want);
  });
});
