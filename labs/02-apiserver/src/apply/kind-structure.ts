// kind-structure: the structure of a built-in kind, from its Go types in the catalog and the facts in list-types.ts.
//
// Made once for a definition and kept for ever: the built-in kinds are few. A definition may hold itself (JSONSchemaProps),
// so its struct is put into the cache before its fields are filled in.
//
// Same step upstream: kube-openapi, pkg/schemaconv.

import { type StructField, structType, type ValueType } from '../schema/go-types.ts';
import {
  ATOMIC_STRUCTS,
  ATOMIC_VALUES,
  FIELD_RULES,
  type FieldRule,
  KEY_DEFAULTS,
} from './list-types.ts';
import {
  ANY,
  ANY_ATOMIC,
  atomicList,
  BOOLEAN,
  keyedList,
  type MapStructure,
  mapOf,
  NUMERIC,
  STRING,
  setList,
  type TypeStructure,
  UNTYPED,
} from './type-structure.ts';

const structures = new Map<string, MapStructure>();

/** The structure of a definition such as io.k8s.api.apps.v1.Deployment. */
export function structureOfDefinition(definition: string): MapStructure {
  const known = structures.get(definition);
  if (known !== undefined) return known;
  const fields = new Map<string, TypeStructure>();
  const name = shortName(definition);
  const structure: MapStructure = { kind: 'map', atomic: ATOMIC_STRUCTS.has(name), fields };
  structures.set(definition, structure);
  for (const field of structType(definition).fields.values()) {
    fields.set(field.name, fieldStructure(name, field));
  }
  return structure;
}

function fieldStructure(owner: string, { name, type }: StructField): TypeStructure {
  const rule = FIELD_RULES[owner]?.[name];
  if (type.kind === 'array') return listStructure(type.element, rule);
  const structure = structureOf(type);
  if (structure.kind === 'map' && (rule === 'atomic' || rule === 'granular')) {
    return { ...structure, atomic: rule === 'atomic' };
  }
  return ATOMIC_VALUES[owner]?.includes(name) ? ANY_ATOMIC : structure;
}

function listStructure(type: ValueType, rule: FieldRule | undefined): TypeStructure {
  const element = structureOf(type);
  if (rule === 'set') return setList(element);
  if (!Array.isArray(rule) || type.kind !== 'struct') return atomicList(element);
  return keyedList(element, rule, keyDefaults(type.definition, rule));
}

function keyDefaults(definition: string, keys: readonly string[]): Record<string, string | number> {
  const { fields } = structType(definition);
  const own = KEY_DEFAULTS[shortName(definition)];
  const entries = keys.map((key): [string, string | number] => {
    const kind = fields.get(key)?.type.kind;
    return [key, own?.[key] ?? (kind === 'int32' || kind === 'int64' ? 0 : '')];
  });
  return Object.fromEntries(entries);
}

function structureOf(type: ValueType): TypeStructure {
  switch (type.kind) {
    case 'struct':
      return structureOfDefinition(type.definition);
    case 'array':
      return atomicList(structureOf(type.element));
    case 'map':
      return mapOf(structureOf(type.element));
    case 'string':
    case 'bytes':
      return STRING;
    case 'bool':
      return BOOLEAN;
    case 'int32':
    case 'int64':
    case 'double':
      return NUMERIC;
    case 'any':
      return ANY;
    default:
      return UNTYPED;
  }
}

function shortName(definition: string): string {
  return definition.split('.').slice(-3).join('.');
}
