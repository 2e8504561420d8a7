// The data in schema-data/ is what the generator makes of the installed packages, and it is complete in itself.

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { generateSchemas } from '../../scripts/generate-schemas.ts';
import { definitionOfKind, type SchemaFile, schemaOf } from '../../src/schema/catalog.ts';
import { structType } from '../../src/schema/go-types.ts';

const DATA = new URL('../../schema-data/', import.meta.url);
const SIZE_MAX_BYTES = 4 * 1024 * 1024;

const files = readdirSync(DATA).map((name) => ({
  name,
  text: readFileSync(new URL(name, DATA), 'utf8'),
}));

test('generating the data again gives the same bytes', async () => {
  const again = await generateSchemas();
  expect([...again.keys()].sort()).toEqual(files.map(({ name }) => name).sort());
  for (const { name, text } of files) expect(again.get(name) === text, name).toBe(true);
});

test('the data stays small', () => {
  const bytes = files.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0);
  expect(bytes).toBeLessThan(SIZE_MAX_BYTES);
});

test('every reference leads to a definition, and every definition compiles to a type', () => {
  for (const { text } of files) {
    const file = JSON.parse(text) as SchemaFile;
    for (const reference of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(schemaOf(reference[1]!), reference[1]).toBeDefined();
    }
    for (const definition of Object.keys(file.definitions)) {
      expect(structType(definition).definition).toBe(definition);
    }
  }
});

describe('definitionOfKind()', () => {
  test.each([
    ['', 'v1', 'Pod', 'io.k8s.api.core.v1.Pod'],
    ['', 'v1', 'Event', 'io.k8s.api.core.v1.Event'],
    ['events.k8s.io', 'v1', 'Event', 'io.k8s.api.events.v1.Event'],
    ['apps', 'v1', 'Deployment', 'io.k8s.api.apps.v1.Deployment'],
    ['discovery.k8s.io', 'v1', 'EndpointSlice', 'io.k8s.api.discovery.v1.EndpointSlice'],
    ['coordination.k8s.io', 'v1', 'Lease', 'io.k8s.api.coordination.v1.Lease'],
    ['autoscaling', 'v1', 'Scale', 'io.k8s.api.autoscaling.v1.Scale'],
    ['policy', 'v1', 'Eviction', 'io.k8s.api.policy.v1.Eviction'],
    ['rbac.authorization.k8s.io', 'v1', 'Role', 'io.k8s.api.rbac.v1.Role'],
    ['apps', 'v1', 'DeleteOptions', 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions'],
    ['', 'v1', 'Nothing', undefined],
    ['nobody.example', 'v1', 'Pod', undefined],
  ])('finds %s/%s %s', (group, version, kind, definition) => {
    expect(definitionOfKind({ group, version, kind })).toBe(definition);
  });
});

test('a type knows what Go knows: pointers, named types, embedded structs', () => {
  const pod = structType('io.k8s.api.core.v1.PodSpec').fields;
  expect(pod.get('restartPolicy')).toMatchObject({
    pointer: false,
    type: { kind: 'string', goType: 'v1.RestartPolicy' },
  });
  expect(pod.get('terminationGracePeriodSeconds')).toMatchObject({
    pointer: true,
    type: { kind: 'int64' },
  });
  const volume = structType('io.k8s.api.core.v1.Volume').fields;
  expect(volume.get('emptyDir')).toMatchObject({ pointer: true });
});
