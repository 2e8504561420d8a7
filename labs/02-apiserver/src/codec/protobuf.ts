// protobuf: Kubernetes' binary bodies, turned into the same values that JSON would have been.
//
// kubectl since 1.32 sends typed creates this way and takes no other answer than success. A body is "k8s\0", then a
// runtime.Unknown that holds apiVersion, kind and the object's own message. Field numbers come from the catalog; this file
// knows the wire and the few types whose JSON differs from their message (times, quantities, int-or-string, raw JSON).
// Only reading: every client that sends protobuf also accepts JSON, so the server never writes it.
//
// Same format upstream: apimachinery, pkg/runtime/serializer/protobuf.

import protobuf from 'protobufjs/minimal.js';
import { type MessageRow, messageOf } from '../schema/catalog.ts';
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
  return guard(() => readMessage(raw, messageOf(definition) ?? []));
}

/** protobufjs reports damage as RangeError; everything that follows damage is the client's fault, never ours. */
function guard<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtobufError) throw error;
    throw new ProtobufError('unexpected EOF', { cause: error });
  }
}

function readMessage(
  bytes: Uint8Array,
  rows: readonly (Row | MessageRow)[],
): Record<string, unknown> {
  const reader = protobuf.Reader.create(bytes);
  const result: Record<string, unknown> = {};
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const row = rows.find(([number]) => number === tag >>> 3);
    if (row === undefined) reader.skipType(tag & 7);
    else readField(reader, tag & 7, row, result);
  }
  return result;
}

function readField(
  reader: protobuf.Reader,
  wire: number,
  [, name, type, flags = '']: Row | MessageRow,
  result: Record<string, unknown>,
): void {
  if (flags.includes('e')) {
    Object.assign(result, readMessage(reader.bytes(), messageOf(type) ?? []));
  } else if (flags.includes('m')) {
    const entry = readMessage(reader.bytes(), [
      [1, 'key', 'string'],
      [2, 'value', type],
    ]);
    result[name] ??= {};
    Object.assign(result[name] as object, { [String(entry.key ?? '')]: entry.value ?? null });
  } else if (flags.includes('r')) {
    result[name] ??= [];
    readRepeated(reader, wire, type, result[name] as unknown[]);
  } else {
    result[name] = readValue(reader, wire, type);
  }
}

/** Numbers may come packed into one chunk of bytes. */
function readRepeated(reader: protobuf.Reader, wire: number, type: string, list: unknown[]): void {
  const packed = wire === WIRE_BYTES && (type === 'int32' || type === 'int64' || type === 'bool');
  if (!packed) {
    list.push(readValue(reader, wire, type));
    return;
  }
  const inner = protobuf.Reader.create(reader.bytes());
  while (inner.pos < inner.len) list.push(readValue(inner, 0, type));
}

function readValue(reader: protobuf.Reader, wire: number, type: string): unknown {
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
      return readMessage(reader.bytes(), TYPE_META);
    default:
      return fromMessage(reader.bytes(), type);
  }
}

/** The types that JSON writes otherwise than as an object of their fields. */
function fromMessage(bytes: Uint8Array, definition: string): unknown {
  switch (definition) {
    case `${META}.Time`:
    case `${META}.MicroTime`:
      return timeOf(bytes, definition.endsWith('MicroTime'));
    case `${META}.FieldsV1`:
      return rawJson(readMessage(bytes, [[1, 'raw', 'rawBytes']]).raw);
    case `${RUNTIME}.RawExtension`:
      return rawJson(readMessage(bytes, [[1, 'raw', 'rawBytes']]).raw);
    case 'io.k8s.apimachinery.pkg.api.resource.Quantity':
      return readMessage(bytes, [[1, 'string', 'string']]).string || '0';
    case 'io.k8s.apimachinery.pkg.util.intstr.IntOrString':
      return intOrString(bytes);
    default: {
      const rows = messageOf(definition) ?? [];
      const value = readMessage(bytes, rows);
      // `ExtraValue` and the like: a named list in Go, which protobuf can only write as a message around it.
      return rows.length === 1 && rows[0]?.[1] === 'items' && rows[0][2] === 'string'
        ? (value.items ?? [])
        : value;
    }
  }
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
  return JSON.parse(Buffer.from(raw).toString('utf8')) as unknown;
}
