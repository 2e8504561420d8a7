// empty-object: what an object of a kind is before anybody said anything: the start that a create is compared with.
//
// Go writes structs held by value and required lists and maps even when they are empty, so an object's first writer does
// not come to own `spec` or `spec.containers` as such, only what is in them.
//
// Same step upstream: runtime.ObjectCreater.New() and the encoding of its result.

import { type StructField, structType } from '../schema/go-types.ts';
import type { JsonMap } from './type-structure.ts';

const empties = new Map<string, JsonMap>();

/** Shared and never changed. */
export function emptyObject(definition: string): JsonMap {
  let empty = empties.get(definition);
  if (empty === undefined) {
    empty = zeroStruct(definition);
    empties.set(definition, empty);
  }
  return empty;
}

function zeroStruct(definition: string): JsonMap {
  const entries: [string, unknown][] = [];
  for (const field of structType(definition).fields.values()) {
    const zero = zeroOf(field);
    if (zero !== undefined) entries.push([field.name, zero]);
  }
  return Object.fromEntries(entries);
}

/** Undefined: left out when empty. */
function zeroOf({ type, pointer, required }: StructField): unknown {
  if (type.kind === 'struct') return pointer ? undefined : zeroStruct(type.definition);
  if (!required) return undefined;
  switch (type.kind) {
    case 'array':
    case 'map':
      return null;
    case 'string':
      return pointer ? null : '';
    case 'bool':
      return pointer ? null : false;
    case 'int32':
    case 'int64':
    case 'double':
      return pointer ? null : 0;
    default:
      return null;
  }
}
