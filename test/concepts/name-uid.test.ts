// A name is unique in its namespace and kind at a time; a uid is unique for ever.
import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { pod, toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('name');

test('a name is taken once; after a deletion it is free again, with another uid', async () => {
  await ns.apply(toolboxPod('one'));
  const first = await ns.getJson<Pod>('pod one');
  const again = await ns.tryKubectl('create -f -', { input: toolboxPod('one') });
  expect(again.stderr).toContain('pods "one" already exists');
  await ns.kubectl('delete pod one --timeout=55s');
  await ns.apply(toolboxPod('one'));
  const second = await ns.getJson<Pod>('pod one');
  expect(second.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
  expect(second.metadata?.uid).not.toBe(first.metadata?.uid);
});

test('the same name in another kind is another object', async () => {
  await ns.kubectl('create configmap shared');
  await ns.kubectl('create secret generic shared');
  expect(await ns.kubectl('get configmap/shared secret/shared -o name')).toBe(
    'configmap/shared\nsecret/shared\n',
  );
});

test('generateName makes a new name each time', async () => {
  const template = toolboxPod('unused');
  const generated = { ...template, metadata: { generateName: 'gen-' } };
  const names = [];
  for (let i = 0; i < 3; i++) {
    names.push(await ns.kubectl('create -f - -o name', { input: generated }));
  }
  expect(new Set(names).size).toBe(3);
  for (const name of names) expect(name).toMatch(/^pod\/gen-[a-z0-9]{5}\n$/);
});

describe('a bad name is refused in upstream words', () => {
  test.each(['Upper', 'under_score', '-dash', 'dot.', `${'x'.repeat(254)}`])('%s', async (name) => {
    const refused = await ns.tryKubectl('create -f -', {
      input: pod(name, {}, { containers: [{ name: 'main', image: 'x' }] }),
    });
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/is invalid: metadata\.name: Invalid value/);
    expect(refused.stderr).toMatch(
      /a lowercase RFC 1123 subdomain must consist of|must be no more than 253/,
    );
  });
});
