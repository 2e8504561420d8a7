// Bad input gets upstream's answer, and changes nothing.
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { DEMO_IMAGE } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('bad');

const base = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'bad' } };
const container = { name: 'main', image: DEMO_IMAGE };

describe('a manifest is refused', () => {
  test.each([
    {
      why: 'an unknown field',
      input: { ...base, spec: { containers: [container], foo: 1 } },
      want: /strict decoding error: unknown field "spec\.foo"/,
    },
    {
      why: 'a wrong type',
      input: { ...base, spec: { containers: [{ ...container, image: 7 }] } },
      want: /json: cannot unmarshal number into Go struct field Container\.spec\.containers\.image of type string/,
    },
    {
      why: 'a missing field',
      input: { ...base, spec: { containers: [{ name: 'main' }] } },
      want: /spec\.containers\[0\]\.image: Required value/,
    },
    {
      why: 'a bad name',
      input: { ...base, metadata: { name: 'Bad_Name' }, spec: { containers: [container] } },
      want: /metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of/,
    },
    {
      why: 'a container twice',
      input: { ...base, spec: { containers: [container, container] } },
      want: /spec\.containers\[1\]\.name: Duplicate value: "main"/,
    },
    {
      why: 'a quantity that is none',
      input: {
        ...base,
        spec: { containers: [{ ...container, resources: { limits: { cpu: 'lots' } } }] },
      },
      want: /quantities must match the regular expression/,
    },
    {
      why: 'broken JSON',
      input: '{"apiVersion": "v1", "kind": "Pod", ',
      want: /error parsing|unexpected end of JSON input|yaml/,
    },
    { why: 'broken YAML', input: 'a: b: c\n  - d', want: /error parsing|yaml/ },
    {
      why: 'a kind that is not served',
      input: { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w' } },
      want: /no matches for kind "Widget" in version "example\.com\/v1"/,
    },
  ])('with $why', async ({ input, want }) => {
    const refused = await ns.tryKubectl('create -f -', { input });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(want);
    expect(await ns.kubectl('get pods -o name')).toBe('');
  });
});

test('a body of 3 MiB is too large', async () => {
  const data = { big: 'x'.repeat(3 * 1024 * 1024) };
  const input = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'big' }, data };
  const refused = await ns.tryKubectl('create -f -', { input });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(
    /RequestEntityTooLarge|limit is 3145728|Too long: (must have|may not be)/,
  );
  expect(await ns.kubectl('get configmap --field-selector metadata.name=big -o name')).toBe('');
});

test('a stale resourceVersion is a conflict and overwrites nothing', async () => {
  await ns.kubectl('create configmap raced --from-literal=a=1');
  const old = await ns.getJson<ConfigMap>('configmap raced');
  await ns.kubectl(['patch', 'configmap', 'raced', '-p', '{"data":{"a":"2"}}']);
  const refused = await ns.tryKubectl('replace -f -', { input: { ...old, data: { a: '3' } } });
  expect(refused.stderr).toContain('Error from server (Conflict)');
  expect(await ns.kubectl('get configmap raced -o jsonpath={.data.a}')).toBe('2');
});
