// Pods from files: what a server would have made of them, and what it would have refused, in the same words.

import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { preparePod } from '#src/registry/pod-manifest.ts';

const inDefault = (pod: Pod): Pod => ({
  ...pod,
  metadata: { ...pod.metadata, namespace: 'default' },
});
const manifest = (spec: string, metadata = 'name: web') =>
  `apiVersion: v1\nkind: Pod\nmetadata: {${metadata}}\nspec: ${spec}\n`;
const ONE = '{containers: [{name: c, image: nginx}]}';

test('a manifest gets the defaults that the server gives', () => {
  const prepared = preparePod(manifest(ONE), inDefault);
  expect(prepared).toMatchObject({
    warnings: [],
    pod: {
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        containers: [{ name: 'c', image: 'nginx', imagePullPolicy: 'Always' }],
      },
    },
  });
});

test('JSON is a manifest too, and gives the same pod', () => {
  const json = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'c', image: 'nginx' }] },
  });
  expect(preparePod(json, inDefault)).toEqual(preparePod(manifest(ONE), inDefault));
});

test('what completes the pod sees its defaults, and is judged with it', () => {
  const seen: (string | undefined)[] = [];
  const prepared = preparePod(manifest(ONE), (pod) => {
    seen.push(pod.spec?.restartPolicy);
    return { ...pod, metadata: { ...pod.metadata, name: 'web_1' } };
  });
  expect(seen).toEqual(['Always']);
  expect('errors' in prepared && prepared.errors).toEqual([
    expect.stringMatching(/^invalid pod: metadata.name: Invalid value: "web_1": a lowercase RFC/),
    'invalid pod: metadata.namespace: Required value',
  ]);
});

test('a field that does not exist, or comes twice, is warned of', () => {
  const text = manifest(
    '{containers: [{name: c, image: nginx, colour: red}]}',
    'name: a, name: web',
  );
  expect(preparePod(text, inDefault)).toMatchObject({
    pod: { metadata: { name: 'web' } },
    warnings: [
      'line 3: key "name" already set in map',
      'unknown field "spec.containers[0].colour"',
    ],
  });
});

describe('preparePod() refuses', () => {
  const container = '"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"}';
  test.each([
    ['nothing at all', '', /^Object 'Kind' is missing in ''$/],
    ['no kind', 'apiVersion: v1', /^Object 'Kind' is missing in 'apiVersion: v1'$/],
    ['no version', 'kind: Pod', /^Object 'apiVersion' is missing in 'kind: Pod'$/],
    ['another kind', 'apiVersion: v1\nkind: Deployment', /^no kind "Deployment" is registered/],
    ['no name', 'apiVersion: v1\nkind: Pod', /^invalid pod: name is needed for the pod$/],
    ['text', 'hello', /^couldn't get version\/kind; json parse error: json: cannot unmarshal/],
    ['a list', '- a', /^couldn't get version\/kind; json parse error: json: cannot unmarshal/],
    ['a file cut in the middle', `{${container},"spec":{"cont`, /^error converting YAML to JSON/],
    [
      'two documents',
      `${manifest(ONE)}---\n${manifest(ONE)}`,
      /yaml: line 5: .*multiple documents/,
    ],
    ['a wrong type', manifest('{containers: 5}'), /^json: cannot unmarshal number into Go struct/],
    ['no containers', manifest('{}'), /^invalid pod: spec.containers: Required value$/],
    [
      'a port out of range',
      manifest('{containers: [{name: c, image: x, ports: [{containerPort: 0}]}]}'),
      /^invalid pod: spec.containers\[0\].ports\[0\].containerPort: Required value$/,
    ],
  ])('%s', (_, text, error) => {
    const prepared = preparePod(text, inDefault);
    expect(prepared).toEqual({ errors: [expect.stringMatching(error)] });
  });
});
