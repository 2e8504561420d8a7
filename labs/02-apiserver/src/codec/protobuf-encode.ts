// protobuf-encode: objects in Kubernetes' binary form, for clients that take nothing else.
//
// The opposite of protobuf.ts, by the same rows. As upstream's generated code does, fields held by value are written even
// when they are zero, maps in the order of their keys, fields in the order of their numbers; so the bytes are upstream's.
// A stream of changes is one frame after another: four bytes of length, then a WatchEvent whose object is a whole body.
//
// Same format upstream: apimachinery, pkg/runtime/serializer/protobuf and pkg/util/framer.
// Left out: resources that have no message (custom ones); has() tells, and the server answers 406 as upstream does.

import protobuf from 'protobufjs/minimal.js';
import { definitionOfKind, type MessageRow } from '../schema/catalog.ts';
import { isNamedList, rowsOf, UNIONS } from '../schema/messages.ts';

type Value = Readonly<Record<string, unknown>>;

const MAGIC = Buffer.from('k8s\0', 'latin1');
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const RAW_EXTENSION = 'io.k8s.apimachinery.pkg.runtime.RawExtension';
const QUANTITY = 'io.k8s.apimachinery.pkg.api.resource.Quantity';
const INT_OR_STRING = 'io.k8s.apimachinery.pkg.util.intstr.IntOrString';
const VARINT = 0;
const FIXED_64 = 1;
const DELIMITED = 2;
/** Kinds that travel with every group and have no schema of their own. */
const META_KINDS: ReadonlySet<string> = new Set([
  'Status',
  'PartialObjectMetadata',
  'PartialObjectMetadataList',
]);

interface TypeMeta {
  readonly apiVersion?: string;
  readonly kind?: string;
}

/** Can objects of this kind be written in protobuf? */
export function hasProtobuf(typeMeta: TypeMeta): boolean {
  return definitionOf(typeMeta) !== undefined;
}

/** Of the kinds that were asked for and are there, so it does not grow with what clients ask. */
const definitions = new Map<string, string>();

function definitionOf({ apiVersion = '', kind = '' }: TypeMeta): string | undefined {
  const name = `${apiVersion} ${kind}`;
  const known = definitions.get(name);
  if (known !== undefined) return known;
  const found = META_KINDS.has(kind) ? `${META}.${kind}` : findDefinition(apiVersion, kind);
  if (found !== undefined && !META_KINDS.has(kind)) definitions.set(name, found);
  return found;
}

function findDefinition(apiVersion: string, kind: string): string | undefined {
  const [first = '', second] = apiVersion.split('/');
  const gvk =
    second === undefined
      ? { group: '', version: first, kind }
      : { group: first, version: second, kind };
  const definition = definitionOfKind(gvk);
  return definition === undefined || rowsOf(definition).length === 0 ? undefined : definition;
}

/** A whole body: the magic number, what the object is, the object. Throws for a kind without a message. */
export function encodeProtobuf(object: TypeMeta): Buffer {
  const { apiVersion = '', kind = '' } = object;
  const definition = definitionOf(object);
  if (definition === undefined) throw new Error(`${apiVersion} ${kind} has no protobuf message`);
  const writer = protobuf.Writer.create();
  open(writer, 1);
  writer.uint32(tag(1, DELIMITED)).string(apiVersion).uint32(tag(2, DELIMITED)).string(kind);
  writer.ldelim();
  open(writer, 2);
  writeMessage(writer, definition, object as Value);
  writer.ldelim();
  // contentEncoding and contentType: empty, but written.
  writer.uint32(tag(3, DELIMITED)).string('').uint32(tag(4, DELIMITED)).string('');
  return Buffer.concat([MAGIC, writer.finish()]);
}

/** One change of a watch; `object` is a body of encodeProtobuf(). */
export function encodeWatchFrame(type: string, object: Uint8Array): Buffer {
  const writer = protobuf.Writer.create();
  writer.uint32(tag(1, DELIMITED)).string(type);
  open(writer, 2);
  writer.uint32(tag(1, DELIMITED)).bytes(object).ldelim();
  const event = writer.finish();
  const length = Buffer.alloc(4);
  length.writeUInt32BE(event.length);
  return Buffer.concat([length, event]);
}

function tag(number: number, wire: number): number {
  return (number << 3) | wire;
}

function open(writer: protobuf.Writer, number: number): void {
  writer.uint32(tag(number, DELIMITED)).fork();
}

function writeMessage(writer: protobuf.Writer, definition: string, value: Value): void {
  for (const row of rowsOf(definition)) writeField(writer, row, value);
}

function writeField(writer: protobuf.Writer, row: MessageRow, value: Value): void {
  const [number, name, type, flags] = row;
  if (flags.includes('e')) {
    // Embedded in Go: its fields stand among the outer ones in JSON, in a message of their own here.
    open(writer, number);
    writeMessage(writer, type, value);
    writer.ldelim();
    return;
  }
  const field = Object.hasOwn(value, name) ? (value[name] ?? undefined) : undefined;
  if (flags.includes('m')) writeMap(writer, row, field);
  else if (flags.includes('r')) {
    for (const item of Array.isArray(field) ? field : []) writeValue(writer, number, type, item);
  } else if (field !== undefined || (!flags.includes('p') && type !== 'bytes')) {
    writeValue(writer, number, type, field);
  }
}

function writeMap(writer: protobuf.Writer, [number, , type]: MessageRow, map: unknown): void {
  const entries = Object.entries((map ?? {}) as Value).sort(([a], [b]) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  );
  for (const [key, value] of entries) {
    open(writer, number);
    writer.uint32(tag(1, DELIMITED)).string(key);
    writeValue(writer, 2, type, value);
    writer.ldelim();
  }
}

/** `undefined` is the type's zero. */
function writeValue(writer: protobuf.Writer, number: number, type: string, value: unknown): void {
  switch (type) {
    case 'string':
      writer.uint32(tag(number, DELIMITED)).string(String(value ?? ''));
      break;
    case 'bool':
      writer.uint32(tag(number, VARINT)).bool(value === true);
      break;
    case 'int32':
      writer.uint32(tag(number, VARINT)).int32(Number(value ?? 0));
      break;
    case 'int64':
      writer.uint32(tag(number, VARINT)).int64(Number(value ?? 0));
      break;
    case 'double':
      writer.uint32(tag(number, FIXED_64)).double(Number(value ?? 0));
      break;
    case 'bytes':
      writer.uint32(tag(number, DELIMITED)).bytes(Buffer.from(String(value ?? ''), 'base64'));
      break;
    default:
      open(writer, number);
      writeStruct(writer, type, value);
      writer.ldelim();
  }
}

/** A message's contents; several types are something else in JSON than an object of their fields. */
function writeStruct(writer: protobuf.Writer, definition: string, value: unknown): void {
  switch (definition) {
    case `${META}.Time`:
    case `${META}.MicroTime`:
      writeTime(writer, value);
      break;
    case `${META}.FieldsV1`:
    case RAW_EXTENSION:
    case UNIONS.json:
      if (value !== undefined) {
        writer.uint32(tag(1, DELIMITED)).bytes(Buffer.from(JSON.stringify(value)));
      }
      break;
    case QUANTITY:
      writer.uint32(tag(1, DELIMITED)).string(String(value ?? '0'));
      break;
    case INT_OR_STRING:
      writeIntOrString(writer, value);
      break;
    case UNIONS.schemaOrBool:
    case UNIONS.schemaOrArray:
    case UNIONS.schemaOrStrings:
      writeUnion(writer, definition, value);
      break;
    default:
      writeObject(writer, definition, value);
  }
}

function writeObject(writer: protobuf.Writer, definition: string, value: unknown): void {
  const list = Array.isArray(value) && isNamedList(rowsOf(definition));
  writeMessage(writer, definition, list ? { items: value } : ((value ?? {}) as Value));
}

/** The zero time is an empty message. */
function writeTime(writer: protobuf.Writer, value: unknown): void {
  const milliseconds = typeof value === 'string' ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(milliseconds)) return;
  const fraction = /\.(\d+)/.exec(String(value))?.[1] ?? '';
  const nanos = Number(fraction.padEnd(9, '0').slice(0, 9));
  writer.uint32(tag(1, VARINT)).int64(Math.floor(milliseconds / 1000));
  writer.uint32(tag(2, VARINT)).int32(nanos);
}

function writeIntOrString(writer: protobuf.Writer, value: unknown): void {
  const isText = typeof value === 'string';
  writer.uint32(tag(1, VARINT)).int64(isText ? 1 : 0);
  writer.uint32(tag(2, VARINT)).int32(isText ? 0 : Number(value ?? 0));
  writer.uint32(tag(3, DELIMITED)).string(isText ? value : '');
}

/** A schema, or else: a yes or no, several schemas, names of fields. */
function writeUnion(writer: protobuf.Writer, definition: string, value: unknown): void {
  const isBool = definition === UNIONS.schemaOrBool;
  const schemaNumber = isBool ? 2 : 1;
  if (isBool) writer.uint32(tag(1, VARINT)).bool(value !== false);
  if (Array.isArray(value)) {
    const type = definition === UNIONS.schemaOrArray ? UNIONS.schema : 'string';
    for (const item of value) writeValue(writer, 2, type, item);
  } else if (typeof value === 'object' && value !== null) {
    writeValue(writer, schemaNumber, UNIONS.schema, value);
  }
}
