// What is written in protobuf is read back as it was, for every kind that has a message.

import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { decodeGoObject } from '#src/codec/go-decode.ts';
import { decodeProtobuf, openEnvelope, ProtobufError } from '#src/codec/protobuf.ts';
import { encodeProtobuf, encodeWatchFrame, hasProtobuf } from '#src/codec/protobuf-encode.ts';
import { definitionOfKind, schemaFile } from '#src/schema/catalog.ts';
import { structType, type ValueType } from '#src/schema/go-types.ts';
import { Random, seedOfRun } from '../apply/random.ts';

interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly definition: string;
}

/** Every kind that is a resource or a list of them. */
function kindsOfCatalog(): Kind[] {
  const files = readdirSync(new URL('../../schema-data/', import.meta.url));
  const versions = files
    .map((name) => name.replace(/\.json$/, '').replace(/-(v\d\w*)$/, '/$1'))
    .filter((name) => !name.startsWith('meta/'))
    .map((name) => name.replace(/^core\//, ''));
  return versions.flatMap((apiVersion) => {
    const definitions = Object.entries(schemaFile(apiVersion)?.definitions ?? {});
    return definitions.flatMap(([definition, schema]) =>
      (schema['x-kubernetes-group-version-kind'] ?? []).map(({ kind }) => ({
        apiVersion,
        kind,
        definition,
      })),
    );
  });
}

const kinds = kindsOfCatalog();

/** Fields that are younger than the messages that the catalog was made of. */
const YOUNG = new Set([
  'restartPolicyRules',
  'fileKeyRef',
  'hostnameOverride',
  'extendedResourceClaimStatus',
  'podCertificate',
]);

function sample(random: Random, type: ValueType, depth: number): unknown {
  switch (type.kind) {
    case 'struct':
      return sampleStruct(random, type.definition, depth);
    case 'array':
      return Array.from({ length: 1 + random.below(2) }, () => sample(random, type.element, depth));
    case 'map':
      return Object.fromEntries(
        ['b', 'a/x.y', 'é'].map((key) => [key, sample(random, type.element, depth)]),
      );
    case 'string':
      return random.pick(['x', 'größe', '\u{1f600}', 'a'.repeat(200)]);
    case 'bool':
      return random.chance(50);
    case 'int32':
      return random.pick([0, 1, -1, 2 ** 31 - 1, -(2 ** 31)]);
    case 'int64':
      return random.pick([0, 7, -7, 2 ** 40, Number.MAX_SAFE_INTEGER]);
    case 'double':
      return random.pick([0.5, 3, -1e9]);
    case 'bytes':
      return random.pick(['', 'AA==', Buffer.from('bytes').toString('base64')]);
    case 'time':
      return '2024-05-01T10:00:00Z';
    case 'microTime':
      return '2024-05-01T10:00:00.123456Z';
    case 'quantity':
      return random.pick(['0', '500m', '1Gi', '12e6']);
    case 'intOrString':
      return random.pick<unknown>([8080, 0, 'http', '25%']);
    default:
      return random.pick<unknown>([{ a: [1, null, { b: 'x' }] }, {}, { 'f:a': {} }]);
  }
}

function sampleStruct(random: Random, definition: string, depth: number): unknown {
  const entries: [string, unknown][] = [];
  for (const { name, type, pointer } of structType(definition).fields.values()) {
    if (YOUNG.has(name) || name === 'apiVersion' || name === 'kind') continue;
    // Held by value, these two have a zero that is written and cannot be told from one that was sent.
    const always = !pointer && (type.kind === 'intOrString' || type.kind === 'quantity');
    if (!always && (depth > 6 || !random.chance(depth < 2 ? 90 : 40))) continue;
    entries.push([name, sampleField(random, { definition, name, type }, depth + 1)]);
  }
  return Object.fromEntries(entries);
}

/** Values of JSON Schema that are one thing or another. */
function sampleField(
  random: Random,
  { definition, name, type }: { definition: string; name: string; type: ValueType },
  depth: number,
): unknown {
  if (definition.endsWith('.CustomResourceSubresources') && name === 'status') return {};
  if (!definition.endsWith('.JSONSchemaProps')) return sample(random, type, depth);
  const schema = { type: 'string', minLength: 1 };
  if (name === 'additionalProperties' || name === 'additionalItems') {
    return random.pick<unknown>([true, false, schema]);
  }
  if (name === 'items') return random.pick<unknown>([schema, [schema, schema]]);
  if (name === 'dependencies') return { a: random.pick<unknown>([schema, ['b', 'c']]) };
  return sample(random, type, depth);
}

const seed = seedOfRun();

describe(`encodeProtobuf() (SEED=${seed})`, () => {
  test('has a message for every kind of the catalog', () => {
    expect(kinds.length).toBeGreaterThan(100);
    expect(kinds.filter((kind) => !hasProtobuf(kind)).map(({ kind }) => kind)).toEqual([]);
  });

  test.each(kinds)('$apiVersion $kind comes back as it was', ({ apiVersion, kind, definition }) => {
    const random = new Random(seed);
    for (let round = 0; round < 3; round += 1) {
      const value = sampleStruct(random, definition, 0);
      const { object } = decodeGoObject(value, definition);
      const envelope = openEnvelope(encodeProtobuf({ ...object, apiVersion, kind }));
      expect([envelope.apiVersion, envelope.kind]).toEqual([apiVersion, kind]);
      const back = decodeGoObject(decodeProtobuf(envelope.raw, definition), definition);
      expect(back.unknownFields).toEqual([]);
      expect(back.object).toEqual(object);
    }
  });

  test('an empty object too', () => {
    for (const { apiVersion, kind, definition } of kinds) {
      const { object } = decodeGoObject({}, definition);
      const { raw } = openEnvelope(encodeProtobuf({ ...object, apiVersion, kind }));
      expect(decodeGoObject(decodeProtobuf(raw, definition), definition).object).toEqual(object);
    }
  });

  test('writes the bytes that upstream writes', () => {
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c' },
      data: { b: '', a: 'x' },
    };
    // Of ObjectMeta: name, generateName, namespace, selfLink, uid, resourceVersion, generation, creationTimestamp.
    const meta = '0a0163 1200 1a00 2200 2a00 3200 3800 4200';
    const data = '1206 0a0161 120178 1205 0a0162 1200';
    const raw = `0a11 ${meta} ${data}`;
    const hex = `6b387300 0a0f 0a027631 1209 ${Buffer.from('ConfigMap').toString('hex')} 1222 ${raw} 1a00 2200`;
    expect(encodeProtobuf(object).toString('hex')).toBe(hex.replaceAll(' ', ''));
  });

  test('refuses a kind without a message', () => {
    const custom = { apiVersion: 'stable.example.com/v1', kind: 'CronTab' };
    expect(hasProtobuf(custom)).toBe(false);
    expect(() => encodeProtobuf(custom)).toThrow(
      'stable.example.com/v1 CronTab has no protobuf message',
    );
  });

  test('takes a Status and partial metadata, whose kinds belong to no group', () => {
    const status = {
      apiVersion: 'v1',
      kind: 'Status',
      status: 'Failure',
      code: 404,
      reason: 'NotFound',
      details: { causes: [{ field: 'a' }] },
    };
    const { raw } = openEnvelope(encodeProtobuf(status));
    const definition = 'io.k8s.apimachinery.pkg.apis.meta.v1.Status';
    expect(decodeGoObject(decodeProtobuf(raw, definition), definition).object).toMatchObject({
      status: 'Failure',
      code: 404,
      details: { causes: [{ field: 'a' }] },
    });
    const partial = {
      apiVersion: 'meta.k8s.io/v1',
      kind: 'PartialObjectMetadata',
      metadata: { name: 'x' },
    };
    expect(openEnvelope(encodeProtobuf(partial))).toMatchObject({
      apiVersion: 'meta.k8s.io/v1',
      kind: 'PartialObjectMetadata',
    });
  });
});

describe('encodeWatchFrame()', () => {
  test('is four bytes of length, a WatchEvent, and a whole body in it', () => {
    const object = encodeProtobuf({ apiVersion: 'v1', kind: 'Namespace' });
    const frame = encodeWatchFrame('ADDED', object);
    expect(frame.readUInt32BE()).toBe(frame.length - 4);
    const event = frame.subarray(4);
    expect(event.subarray(0, 7)).toEqual(Buffer.from('\n\u0005ADDED'));
    expect(event.subarray(-object.length)).toEqual(object);
  });
});

describe('openEnvelope() and decodeProtobuf()', () => {
  const definition = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps';
  test('refuse what is too deep, instead of ending the stack', () => {
    // `not` in `not` in `not` …: field 28, length-delimited.
    let bytes = Buffer.alloc(0);
    for (let depth = 0; depth < 20_000; depth += 1) {
      bytes = Buffer.concat([Buffer.from([0xe2, 0x01]), varint(bytes.length), bytes]);
    }
    expect(() => decodeProtobuf(bytes, definition)).toThrow(ProtobufError);
  });

  test('refuse JSON inside that is too deep or no JSON', () => {
    const revision = definitionOfKind({ group: 'apps', version: 'v1', kind: 'ControllerRevision' });
    if (revision === undefined) throw new Error('The catalog has no ControllerRevision');
    const data = (json: string): Buffer => {
      const raw = Buffer.concat([Buffer.from([0x0a]), varint(json.length), Buffer.from(json)]);
      return Buffer.concat([Buffer.from([0x12]), varint(raw.length), raw]);
    };
    expect(() => decodeProtobuf(data('['.repeat(100_000)), revision)).toThrow(/max depth/);
    expect(() => decodeProtobuf(data('{"a"'), revision)).toThrow('unexpected end of JSON input');
  });
});

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest & 127) | 128);
    rest >>>= 7;
  }
  return Buffer.from([...bytes, rest]);
}
