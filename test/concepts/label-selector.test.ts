// Labels are key/value pairs on objects; a selector names a set of objects by their labels.
import { beforeAll, describe, expect, test } from 'vitest';
import { toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('labels');

beforeAll(async () => {
  const labelled = (name: string, labels: Record<string, string>) => {
    const object = toolboxPod(name);
    return { ...object, metadata: { ...object.metadata, labels } };
  };
  await ns.apply([
    labelled('a', { tier: 'front', env: 'prod' }),
    labelled('b', { tier: 'back', env: 'prod' }),
    labelled('c', { tier: 'back' }),
  ]);
});

describe('kubectl get -l', () => {
  test.each([
    { selector: 'tier=back', want: ['b', 'c'] },
    { selector: 'tier!=back', want: ['a'] },
    { selector: 'tier in (front,back),env', want: ['a', 'b'] },
    { selector: 'tier notin (front)', want: ['b', 'c'] },
    { selector: '!env', want: ['c'] },
    { selector: 'tier=middle', want: [] },
  ])('$selector selects $want', async ({ selector, want }) => {
    const names = await ns.kubectl(['get', 'pods', '-l', selector, '-o', 'name']);
    expect(names.split('\n').filter(Boolean)).toEqual(want.map((name) => `pod/${name}`));
  });
});

test('label adds, refuses to overwrite, overwrites when told, and removes', async () => {
  expect(await ns.kubectl('label pod c env=test')).toContain('pod/c labeled');
  const refused = await ns.tryKubectl('label pod c env=prod');
  expect(refused.stderr).toContain("'env' already has a value (test), and --overwrite is false");
  await ns.kubectl('label pod c env=prod --overwrite');
  expect(await ns.kubectl('get pods -l env=prod --no-headers')).toMatch(/c /);
  await ns.kubectl('label pod c env-');
  expect(await ns.kubectl('get pods -l env=prod -o name')).not.toContain('pod/c');
});

test('a watch with a selector sees an object come and go as its labels change', async () => {
  const watching = ns.tryKubectl('get pods -l phase=two -w -o name', {
    until: (told) => told.includes('pod/a'),
  });
  await ns.kubectl('label pod a phase=two');
  expect((await watching).stdout).toContain('pod/a');
});

test('a label that is not a label is refused with the rule', async () => {
  const refused = await ns.tryKubectl(['label', 'pod', 'a', 'bad=white space']);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toContain(
    'a valid label must be an empty string or consist of alphanumeric',
  );
});
