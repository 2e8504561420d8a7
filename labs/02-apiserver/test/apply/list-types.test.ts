import { describe, expect, test } from 'vitest';
import { structureOfDefinition } from '#src/apply/kind-structure.ts';
import { ATOMIC_STRUCTS, ATOMIC_VALUES, FIELD_RULES, KEY_DEFAULTS } from '#src/apply/list-types.ts';
import { schemaOf } from '#src/schema/catalog.ts';
import { type StructField, structType } from '#src/schema/go-types.ts';

const PREFIXES = [
  'io.k8s.api.',
  'io.k8s.apimachinery.pkg.apis.',
  'io.k8s.apiextensions-apiserver.pkg.apis.',
  'io.k8s.kube-aggregator.pkg.apis.',
];

function definitionOf(name: string): string {
  const found = PREFIXES.map((prefix) => prefix + name).find(
    (full) => schemaOf(full) !== undefined,
  );
  if (found === undefined) throw new Error(`No definition ${name} in the catalog`);
  return found;
}

function fieldOf(name: string, field: string): StructField {
  const found = structType(definitionOf(name)).fields.get(field);
  if (found === undefined) throw new Error(`${name} has no field ${field}`);
  return found;
}

describe('the facts about lists and maps', () => {
  const rows = Object.entries(FIELD_RULES).flatMap(([owner, rules]) =>
    Object.entries(rules).map(([field, rule]) => ({ owner, field, rule })),
  );
  test.each(rows)('$owner.$field exists and can be $rule', ({ owner, field, rule }) => {
    const { type } = fieldOf(owner, field);
    if (rule === 'atomic' || rule === 'granular') {
      expect(['map', 'struct']).toContain(type.kind);
      return;
    }
    if (type.kind !== 'array') throw new Error(`${owner}.${field} is no list`);
    if (rule === 'set') {
      expect(['string', 'int32']).toContain(type.element.kind);
      return;
    }
    if (type.element.kind !== 'struct') throw new Error(`${owner}.${field} holds no structs`);
    const keys = structType(type.element.definition).fields;
    for (const key of rule as readonly string[]) expect([...keys.keys()]).toContain(key);
  });

  test.each([...ATOMIC_STRUCTS])('%s exists', (name) => {
    expect(structType(definitionOf(name)).fields.size).toBeGreaterThan(0);
  });

  test.each(Object.entries(KEY_DEFAULTS))('%s has the keys with a default', (name, defaults) => {
    for (const key of Object.keys(defaults)) expect(fieldOf(name, key).type.kind).toBe('string');
  });

  test.each(Object.entries(ATOMIC_VALUES))('%s has the fields without a schema', (name, fields) => {
    for (const field of fields) expect(fieldOf(name, field).type.kind).toBe('any');
  });

  test('make the structure of a kind', () => {
    const pod = structureOfDefinition('io.k8s.api.core.v1.PodSpec');
    expect(pod.fields.get('containers')).toMatchObject({ listType: 'map', keys: ['name'] });
    expect(pod.fields.get('tolerations')).toMatchObject({ listType: 'atomic' });
    expect(pod.fields.get('nodeSelector')).toMatchObject({ kind: 'map', atomic: true });
    const container = structureOfDefinition('io.k8s.api.core.v1.Container');
    expect(container.fields.get('ports')).toMatchObject({
      keys: ['containerPort', 'protocol'],
      keyDefaults: { containerPort: 0, protocol: 'TCP' },
    });
    const volume = structureOfDefinition('io.k8s.api.core.v1.PersistentVolumeSpec');
    expect(volume.fields.get('claimRef')).toMatchObject({ kind: 'map', atomic: false });
    const meta = structureOfDefinition('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
    expect(meta.fields.get('finalizers')).toMatchObject({ listType: 'set' });
  });

  test('a type that holds itself has a structure that holds itself', () => {
    const schema = structureOfDefinition(definitionOf('apiextensions.v1.JSONSchemaProps'));
    expect(schema.fields.get('not')).toBe(schema);
  });
});
