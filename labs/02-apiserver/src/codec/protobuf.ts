// protobuf: Kubernetes' binary bodies, turned into the same values that JSON would have been.
//
// kubectl since 1.32 sends typed creates this way and takes no other answer than success. A body is "k8s\0", then a
// runtime.Unknown that holds apiVersion, kind and the object's own message. Field numbers come from the catalog; this file
// knows the wire and the few types whose JSON differs from their message (times, quantities, int-or-string, raw JSON).
// Reading only; protobuf-encode.ts writes.
//
// Same format upstream: apimachinery, pkg/runtime/serializer/protobuf.

import protobuf from 'protobufjs/minimal.js';
import type { MessageRow } from '../schema/catalog.ts';
import { isNamedList, rowsOf, UNIONS } from '../schema/messages.ts';
import { JsonSyntaxError, parseGoJson } from './go-json.ts';
import { formatTime } from './time.ts';

/** The message is upstream's. */
export class ProtobufError extends Error {}

export interface ProtobufEnvelope {
  readonly apiVersion: string;
  readonly kind: string;
  /** The object's own message. */
  readonly raw: Uint8Array;
}

const MAGIC = Buffer.from('k8s\0', 'latin1');
const WIRE_BYTES = 2;
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const RUNTIME = 'io.k8s.apimachinery.pkg.runtime';
/** As deep as JSON may be. What is deeper would end the stack of whoever walks it later. */
const DEPTH_MAX = 1000;

type Row = readonly [number: number, name: string, type: string, flags?: string];

/** runtime.Unknown and the TypeMeta in it. */
const UNKNOWN: readonly Row[] = [
  [1, 'typeMeta', 'typeMeta'],
  [2, 'raw', 'rawBytes'],
];
const TYPE_META: readonly Row[] = [
  [1, 'apiVersion', 'string'],
  [2, 'kind', 'string'],
];

export function openEnvelope(body: Uint8Array): ProtobufEnvelope {
  if (body.length === 0) throw new ProtobufError('empty data');
  if (!MAGIC.equals(body.subarray(0, MAGIC.length))) {
    const prefix = [...MAGIC].join(' ');
    throw new ProtobufError(
      `provided data does not appear to be a protobuf message, expected prefix [${prefix}]`,
    );
  }
  return guard(() => {
    const envelope = readMessage(body.subarray(MAGIC.length), UNKNOWN);
    const typeMeta = (envelope.typeMeta ?? {}) as Partial<ProtobufEnvelope>;
    return {
      apiVersion: typeMeta.apiVersion ?? '',
      kind: typeMeta.kind ?? '',
      raw: (envelope.raw as Uint8Array | undefined) ?? new Uint8Array(),
    };
  });
}

/** The message as a value in JSON's shape, zero values and all: decodeGoObject() makes an object of it. */
export function decodeProtobuf(raw: Uint8Array, definition: string): Record<string, unknown> {
  return guard(() => readMessage(raw, rowsOf(definition)));
}

/** protobufjs reports damage as RangeError; everything that follows damage is the client's fault, never ours. */
function guard<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtobufError || error instanceof JsonSyntaxError) throw error;
    throw new ProtobufError('unexpected EOF', { cause: error });
  }
}

function readMessage(
  bytes: Uint8Array,
  rows: readonly (Row | MessageRow)[],
  depth = 0,
): Record<string, unknown> {
  if (depth > DEPTH_MAX) throw new ProtobufError('exceeded max depth');
  const reader = protobuf.Reader.create(bytes);
  const result: Record<string, unknown> = {};
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const row = rows.find(([number]) => number === tag >>> 3);
    if (row === undefined) reader.skipType(tag & 7);
    else readField({ reader, wire: tag & 7, depth: depth + 1 }, row, result);
  }
  return result;
}

/** Where a field stands: behind its tag. */
interface Source {
  readonly reader: protobuf.Reader;
  readonly wire: number;
  readonly depth: number;
}

function readField(
  source: Source,
  [, name, type, flags = '']: Row | MessageRow,
  result: Record<string, unknown>,
): void {
  const { reader, depth } = source;
  if (flags.includes('e')) {
    Object.assign(result, readMessage(reader.bytes(), rowsOf(type), depth));
  } else if (flags.includes('m')) {
    const rows: readonly Row[] = [
      [1, 'key', 'string'],
      [2, 'value', type],
    ];
    const entry = readMessage(reader.bytes(), rows, depth);
    // An entry without a value has the zero of its type, which for a text is a text.
    const zero = type === 'string' || type === 'bytes' ? '' : null;
    const map = (result[name] ?? {}) as Record<string, unknown>;
    result[name] = withEntry(map, String(entry.key ?? ''), entry.value ?? zero);
  } else if (flags.includes('r')) {
    result[name] ??= [];
    readRepeated(source, type, result[name] as unknown[]);
  } else {
    result[name] = readValue(source, type);
  }
}

/** A key may be a trap (`__proto__`), so it is defined, not assigned. */
function withEntry(
  map: Record<string, unknown>,
  key: string,
  value: unknown,
): Record<string, unknown> {
  return Object.defineProperty(map, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** Numbers may come packed into one chunk of bytes. */
function readRepeated(source: Source, type: string, list: unknown[]): void {
  const { reader, wire, depth } = source;
  const packed = wire === WIRE_BYTES && (type === 'int32' || type === 'int64' || type === 'bool');
  if (!packed) {
    list.push(readValue(source, type));
    return;
  }
  const inner = protobuf.Reader.create(reader.bytes());
  while (inner.pos < inner.len) list.push(readValue({ reader: inner, wire: 0, depth }, type));
}

function readValue({ reader, wire, depth }: Source, type: string): unknown {
  const expected = type === 'double' ? 1 : /^(?:bool|int32|int64)$/.test(type) ? 0 : WIRE_BYTES;
  if (wire !== expected) throw new ProtobufError(`proto: illegal wireType ${wire}`);
  switch (type) {
    case 'string':
      return reader.string();
    case 'bool':
      return reader.bool();
    case 'int32':
      return reader.int32();
    case 'int64':
      return Number(reader.int64().toString());
    case 'double':
      return reader.double();
    case 'bytes':
      return Buffer.from(reader.bytes()).toString('base64');
    case 'rawBytes':
      return reader.bytes();
    case 'typeMeta':
      return readMessage(reader.bytes(), TYPE_META, depth);
    default:
      return fromMessage(reader.bytes(), type, depth);
  }
}

/** The types that JSON writes otherwise than as an object of their fields. */
function fromMessage(bytes: Uint8Array, definition: string, depth: number): unknown {
  switch (definition) {
    case `${META}.Time`:
    case `${META}.MicroTime`:
      return timeOf(bytes, definition.endsWith('MicroTime'));
    case `${META}.FieldsV1`:
    case `${RUNTIME}.RawExtension`:
    case UNIONS.json:
      return rawJson(readMessage(bytes, [[1, 'raw', 'rawBytes']]).raw);
    case 'io.k8s.apimachinery.pkg.api.resource.Quantity':
      return readMessage(bytes, [[1, 'string', 'string']]).string || '0';
    case 'io.k8s.apimachinery.pkg.util.intstr.IntOrString':
      return intOrString(bytes);
    case UNIONS.schemaOrBool:
    case UNIONS.schemaOrArray:
    case UNIONS.schemaOrStrings:
      return unionOf(bytes, definition, depth);
    default: {
      const rows = rowsOf(definition);
      const value = readMessage(bytes, rows, depth);
      if (definition === UNIONS.schema) return withoutZeros(value, rows);
      return isNamedList(rows) ? (value.items ?? []) : value;
    }
  }
}

/** A schema may stand where the decoder of the kind does not see that it is one, so its zeros go here. */
function withoutZeros(
  value: Record<string, unknown>,
  rows: readonly MessageRow[],
): Record<string, unknown> {
  for (const [, name, , flags] of rows) {
    if (flags === '' && (value[name] === '' || value[name] === false)) delete value[name];
  }
  return value;
}

/** A schema, or else: a yes or no, several schemas, names of fields. */
function unionOf(bytes: Uint8Array, definition: string, depth: number): unknown {
  const rows: readonly Row[] =
    definition === UNIONS.schemaOrBool
      ? [
          [1, 'other', 'bool'],
          [2, 'schema', UNIONS.schema],
        ]
      : [
          [1, 'schema', UNIONS.schema],
          [2, 'other', definition === UNIONS.schemaOrArray ? UNIONS.schema : 'string', 'r'],
        ];
  const { schema, other } = readMessage(bytes, rows, depth);
  return schema ?? other ?? (definition === UNIONS.schemaOrBool ? false : null);
}

function timeOf(bytes: Uint8Array, micro: boolean): string | null {
  const { seconds, nanos } = readMessage(bytes, [
    [1, 'seconds', 'int64'],
    [2, 'nanos', 'int32'],
  ]);
  return seconds === undefined ? null : formatTime(Number(seconds), Number(nanos ?? 0), micro);
}

function intOrString(bytes: Uint8Array): number | string {
  const { type, intVal, strVal } = readMessage(bytes, [
    [1, 'type', 'int64'],
    [2, 'intVal', 'int32'],
    [3, 'strVal', 'string'],
  ]);
  return type === 1 ? String(strVal ?? '') : Number(intVal ?? 0);
}

function rawJson(raw: unknown): unknown {
  if (!(raw instanceof Uint8Array) || raw.length === 0) return null;
  return parseGoJson(Buffer.from(raw).toString('utf8')).value;
}
