// typed-validate: does a configuration that somebody applies fit the type, so that it can be merged by it?
//
// The body of an apply is a part of an object and is judged before it meets the rest: unknown fields, wrong shapes, list
// elements without their keys, the same element twice. Values inside atomic parts are judged too. All errors are said at once.
//
// Same checks and wording upstream: structured-merge-diff, typed/validate.go.

import { elementOf, ListElementError } from './list-elements.ts';
import { fieldElement, type PathElement, printElement, printValue } from './path-element.ts';
import {
  type ListStructure,
  type MapStructure,
  resolve,
  type ScalarStructure,
  shapeOf,
  type TypeStructure,
} from './type-structure.ts';

/** The value does not fit. The message is upstream's. */
export class TypedError extends Error {}

const ERRORS_MAX = 100;

/** Throws TypedError, which names all that is wrong. */
export function validateTyped(value: unknown, structure: TypeStructure): void {
  const errors: string[] = [];
  visit(value, structure, '', errors);
  if (errors.length === 0) return;
  const [first = ''] = errors;
  throw new TypedError(
    errors.length === 1 ? first : ['errors:', ...errors.map((error) => `  ${error}`)].join('\n'),
  );
}

function visit(value: unknown, type: TypeStructure, path: string, errors: string[]): void {
  if (value === null || value === undefined || errors.length >= ERRORS_MAX) return;
  const structure = resolve(type, value);
  switch (structure.kind) {
    case 'scalar':
      checkScalar(value, structure, path, errors);
      break;
    case 'list':
      checkList(value, structure, path, errors);
      break;
    default:
      checkMap(value, structure, path, errors);
  }
}

function checkScalar(
  value: unknown,
  { scalar }: ScalarStructure,
  path: string,
  errors: string[],
): void {
  const type = typeof value;
  const fits =
    (scalar === 'string' && type === 'string') ||
    (scalar === 'numeric' && type === 'number') ||
    (scalar === 'boolean' && type === 'boolean') ||
    (scalar === 'untyped' && shapeOf(value) === 'scalar');
  if (fits) return;
  const expected = {
    string: `string, got &value.valueUnstructured{Value:${printValue(value)}}`,
    numeric: `numeric (int or float), got ${goType(value)}`,
    boolean: `boolean, got &{${printValue(value)}}`,
    untyped: `any scalar, got &{${printValue(value)}}`,
  }[scalar];
  errors.push(at(path, `expected ${expected}`));
}

function checkList(value: unknown, list: ListStructure, path: string, errors: string[]): void {
  if (!Array.isArray(value)) {
    errors.push(at(path, `expected list, got &{${printValue(value)}}`));
    return;
  }
  const seen = new Set<PathElement>();
  for (const [index, item] of value.entries()) {
    const element = nameOf(item, index, { list, path, errors });
    if (element === undefined) continue;
    if (seen.has(element)) {
      errors.push(at(path, `duplicate entries for key ${printElement(element)}`));
    }
    seen.add(element);
    visit(item, list.element, path + printElement(element), errors);
  }
}

function nameOf(
  item: unknown,
  index: number,
  { list, path, errors }: { list: ListStructure; path: string; errors: string[] },
): PathElement | undefined {
  if (list.listType === 'atomic') return `i:${index}`;
  try {
    return elementOf(item, list);
  } catch (error) {
    if (!(error instanceof ListElementError)) throw error;
    errors.push(at(path, `element ${index}: ${error.message}`));
    return undefined;
  }
}

function checkMap(value: unknown, map: MapStructure, path: string, errors: string[]): void {
  if (shapeOf(value) !== 'map') {
    errors.push(at(path, `expected map, got &{${printValue(value)}}`));
    return;
  }
  for (const [name, inner] of Object.entries(value as object)) {
    const below = path + printElement(fieldElement(name));
    const type = map.fields.get(name) ?? map.element;
    if (type === undefined) errors.push(at(below, 'field not declared in schema'));
    else visit(inner, type, below, errors);
  }
}

function at(path: string, message: string): string {
  return path === '' ? message : `${path}: ${message}`;
}

/** The Go type that the value would have after YAML. */
function goType(value: unknown): string {
  const shape = shapeOf(value);
  if (shape === 'map') return 'map[string]interface {}';
  if (shape === 'list') return '[]interface {}';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
