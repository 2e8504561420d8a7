// typed-remove: an object without some of its fields and list elements.
//
// What loses all its parts becomes null, which the decoder of the kind turns into absence. An atomic part that is only
// owned in parts (by a manager of older days) goes as a whole.
//
// Same rules upstream: structured-merge-diff, typed/remove.go.

import { type FieldSet, hasPath } from './field-set.ts';
import { elementOrNone } from './list-elements.ts';
import { fieldElement } from './path-element.ts';
import {
  asList,
  asMap,
  entryStructure,
  type ListStructure,
  type MapStructure,
  resolve,
  type TypeStructure,
} from './type-structure.ts';

export function removeTyped(value: unknown, fields: FieldSet, type: TypeStructure): unknown {
  if (fields.size === 0) return value;
  const structure = resolve(type, value);
  switch (structure.kind) {
    case 'scalar':
      return value;
    case 'list':
      return structure.listType === 'atomic' ? null : removeItems(value, fields, structure);
    default:
      return structure.atomic ? null : removeEntries(value, fields, structure);
  }
}

function removeEntries(value: unknown, fields: FieldSet, map: MapStructure): unknown {
  const entries: [string, unknown][] = [];
  for (const [name, inner] of Object.entries(asMap(value))) {
    const element = fieldElement(name);
    if (hasPath(fields, [element])) continue;
    const below = fields.get(element)?.children;
    entries.push([
      name,
      below === undefined ? inner : removeTyped(inner, below, entryStructure(map, name)),
    ]);
  }
  return entries.length === 0 ? null : Object.fromEntries(entries);
}

function removeItems(value: unknown, fields: FieldSet, list: ListStructure): unknown {
  const items = asList(value).flatMap((item) => {
    const element = elementOrNone(item, list);
    if (element === undefined) return [item];
    if (hasPath(fields, [element])) return [];
    const below = fields.get(element)?.children;
    return [below === undefined ? item : removeTyped(item, below, list.element)];
  });
  return items.length === 0 ? null : items;
}
