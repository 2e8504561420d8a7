// go-types: a definition seen as the Go struct that upstream decodes into.
//
// What a Kubernetes server accepts, drops and complains about follows from Go's types: an int32 refuses 1.5, a plain string
// that is '' is not there, a pointer to 0 is, `null` is absence. This file turns OpenAPI and protobuf rows of the catalog
// into that view; decoders, the patcher and error messages read nothing else.

import { referenceOf, type Schema, schemaOf } from './catalog.ts';
import { rowsOf } from './messages.ts';

export type ScalarKind =
  | 'string'
  | 'bytes'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'double'
  | 'time'
  | 'microTime'
  | 'quantity'
  | 'intOrString'
  /** Any JSON value, kept as it is: RawExtension, FieldsV1. */
  | 'any';

/** `goType` is what Go prints for the type in an error: `int32`, `v1.Protocol`, `[]v1.Container`. */
export type ValueType =
  | { readonly kind: ScalarKind; readonly goType: string }
  | { readonly kind: 'struct'; readonly definition: string; readonly goType: string }
  | { readonly kind: 'array'; readonly element: ValueType; readonly goType: string }
  | { readonly kind: 'map'; readonly element: ValueType; readonly goType: string };

export interface StructField {
  readonly name: string;
  readonly type: ValueType;
  /** In Go a pointer: its zero value is a value. Otherwise zero and absent are the same. */
  readonly pointer: boolean;
  readonly required: boolean;
}

export interface StructType {
  readonly definition: string;
  /** `PodSpec`. */
  readonly goName: string;
  readonly fields: ReadonlyMap<string, StructField>;
}

const SPECIAL: Readonly<Record<string, ScalarKind>> = {
  Quantity: 'quantity',
  IntOrString: 'intOrString',
  Time: 'time',
  MicroTime: 'microTime',
  FieldsV1: 'any',
  RawExtension: 'any',
};
const compiled = new Map<string, StructType>();

/** Throws when there is no such definition: the generator guarantees that references lead somewhere. */
export function structType(definition: string): StructType {
  let type = compiled.get(definition);
  if (type === undefined) {
    const schema = schemaOf(definition);
    if (schema === undefined) throw new Error(`No definition ${definition} in schema-data`);
    type = compile(definition, schema);
    compiled.set(definition, type);
  }
  return type;
}

interface GoField {
  readonly pointer: boolean;
  readonly goType: string;
}

function compile(definition: string, schema: Schema): StructType {
  const goFields = new Map<string, GoField>();
  collectGoFields(definition, goFields);
  const fields = new Map<string, StructField>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const go = goFields.get(name);
    fields.set(name, {
      name,
      type: valueType(property, go?.goType ?? ''),
      pointer: go?.pointer ?? !isTypeMeta(name, property),
      required: schema.required?.includes(name) ?? false,
    });
  }
  return { definition, goName: definition.slice(definition.lastIndexOf('.') + 1), fields };
}

/** apiVersion and kind are outside the message in protobuf, so no row tells that they are plain strings. */
function isTypeMeta(name: string, property: Schema): boolean {
  return (name === 'apiVersion' || name === 'kind') && property.type === 'string';
}

function collectGoFields(definition: string, into: Map<string, GoField>): void {
  for (const [, name, type, flags, goType] of rowsOf(definition)) {
    if (flags.includes('e')) collectGoFields(type, into);
    else into.set(name, { pointer: flags.includes('p'), goType });
  }
}

function valueType(schema: Schema, named: string): ValueType {
  const reference = referenceOf(schema);
  if (reference !== undefined) return referenceType(reference);
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return { kind: 'any', goType: '' };
  if (schema.type === 'array') {
    const element = valueType(schema.items ?? {}, named);
    return { kind: 'array', element, goType: `[]${element.goType}` };
  }
  if (schema.type === 'object') {
    const element = valueType(schema.additionalProperties ?? {}, '');
    return { kind: 'map', element, goType: named || `map[string]${element.goType}` };
  }
  return scalarType(schema, named);
}

function referenceType(definition: string): ValueType {
  const [version = '', name = ''] = definition.split('.').slice(-2);
  const special = SPECIAL[name];
  const goType = `${version}.${name}`;
  return special === undefined ? { kind: 'struct', definition, goType } : { kind: special, goType };
}

function scalarType(schema: Schema, named: string): ValueType {
  if (schema.type === 'boolean') return { kind: 'bool', goType: named || 'bool' };
  if (schema.type === 'number') return { kind: 'double', goType: named || 'float64' };
  if (schema.type === 'integer') {
    const kind = schema.format === 'int64' ? 'int64' : 'int32';
    return { kind, goType: named || kind };
  }
  if (schema.type !== 'string') return { kind: 'any', goType: '' };
  return schema.format === 'byte'
    ? { kind: 'bytes', goType: '[]uint8' }
    : { kind: 'string', goType: named || 'string' };
}
