// Bodies: what a request brings along, in the encoding that it says or in another one.
import { gzipSync } from 'node:zlib';
import { anything, type Json, manyLabels, nearlyRight, type Wanted } from './objects.ts';
import type { Random } from './random.ts';

export interface Body {
  readonly type: string | undefined;
  readonly bytes: Buffer;
}

const TYPES = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/json;charset=utf-16',
  'text/plain',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/x-www-form-urlencoded',
  ';;;',
  '',
] as const;

const LAUGHS = ['a: &a ["lol","lol","lol","lol","lol","lol","lol","lol","lol"]'].concat(
  'bcdefghi'.split('').map((name, index) => {
    const before = 'abcdefgh'[index];
    return `${name}: &${name} [${Array(9).fill(`*${before}`).join(',')}]`;
  }),
);

const YAML_TRICKS: readonly string[] = [
  LAUGHS.join('\n'),
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n${LAUGHS.join('\n')}\ndata: *i\n`,
  'a: &a {b: *a}',
  '<<: &x {<<: *x}',
  '!!js/function "x"',
  '- !!binary |\n  %%%',
  '? {a: 1}\n: 2',
  '--- a\n--- b\n---\n'.repeat(500),
  `${'- '.repeat(5000)}x`,
  `${'['.repeat(20_000)}`,
  `{${'{'.repeat(5000)}`,
  'a: !!float .inf\nkind: 1',
  '\ufeffkind: Pod',
  '%YAML 9.9\n---\nx',
  '"\\ud800"',
  'x: "\\x00"',
];

function jsonTricks(random: Random): Buffer {
  const tricks: readonly (() => string | Buffer)[] = [
    () => '',
    () => ' ',
    () => 'null',
    () => '[]',
    () => '"x"',
    () => '1e400',
    () => '{"a":1}{"a":2}',
    () => '{"kind":"Pod","kind":"Node","apiVersion":"v1","apiVersion":"v2"}',
    () => '['.repeat(200_000),
    () => '{"a":'.repeat(20_000),
    () => `${'['.repeat(900)}${']'.repeat(900)}`,
    () => JSON.stringify(manyLabels(20_000)),
    () => `{"metadata":{"name":"x"},"data":{"a":"${'\\u0000'.repeat(5000)}"}}`,
    () => `{"kind":"${'k'.repeat(100_000)}","apiVersion":"v1"}`,
    () => Buffer.from([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
    () => Buffer.concat([Buffer.from('{"kind":"'), random.bytes(50), Buffer.from('"}')]),
    () => `${'9'.repeat(10_000)}`,
    () => `{"a":${'9'.repeat(10_000)}}`,
    () => gzipSync(Buffer.alloc(4_000_000, 0x20)),
    () => Buffer.alloc(3 * 1024 * 1024 + 1, 0x20),
  ];
  const made = random.pick(tricks)();
  return typeof made === 'string' ? Buffer.from(made) : made;
}

/** The envelope that Kubernetes puts around protobuf, with something in it. */
function protobuf(random: Random): Buffer {
  const text = (field: number, value: Buffer) =>
    Buffer.concat([Buffer.from([(field << 3) | 2, ...varint(value.length)]), value]);
  const { apiVersion, kind } = random.pick([
    { apiVersion: 'v1', kind: 'Pod' },
    { apiVersion: 'v1', kind: 'ConfigMap' },
    { apiVersion: 'apps/v1', kind: 'Deployment' },
    { apiVersion: 'v9', kind: '' },
  ]);
  const type = Buffer.concat([text(1, Buffer.from(apiVersion)), text(2, Buffer.from(kind))]);
  const metadata = text(1, text(1, Buffer.from('x')));
  let raw = random.chance(50)
    ? random.bytes(random.below(200))
    : Buffer.concat([metadata, random.bytes(random.below(40))]);
  // Messages within messages, for ever.
  if (random.chance(20)) for (let n = 0; n < 500; n += 1) raw = text(1 + random.below(3), raw);
  const whole = Buffer.concat([Buffer.from('k8s\0'), text(1, type), text(2, raw)]);
  return random.chance(30) ? whole.subarray(0, random.below(whole.length)) : whole;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  return [...bytes, rest];
}

const POINTERS = [
  '',
  '/',
  '/metadata',
  '/metadata/name',
  '/metadata/labels/app',
  '/metadata/uid',
  '/spec/containers/0',
  '/spec/containers/-',
  '/spec/containers/99999999999',
  '/~2',
  '/a~',
  '/__proto__/x',
  '/constructor/prototype/x',
  '/kind',
  '/spec',
  '/data/a',
  '/metadata/managedFields',
];

function patch(random: Random): Buffer {
  if (random.chance(50)) {
    const operations = random.times(6, () => ({
      op: random.pick(['add', 'remove', 'replace', 'move', 'copy', 'test', 'x']),
      path: random.pick(POINTERS),
      from: random.pick(POINTERS),
      value: anything(random, 2),
    }));
    // Each copy doubles what it copies.
    const doubling = Array.from({ length: 40 }, (_, n) => ({
      op: 'copy',
      from: '/metadata',
      path: `/metadata/c${n}`,
    }));
    return Buffer.from(JSON.stringify(random.chance(8) ? doubling : operations));
  }
  const directives: readonly Json[] = [
    { $patch: 'delete' },
    { $patch: 'replace', spec: {} },
    { $patch: 7 },
    { spec: { containers: [{ $patch: 'delete' }] } },
    {
      spec: {
        containers: [{ name: 'c', $patch: 'merge' }],
        '$setElementOrder/containers': [{ name: 'zz' }, 5],
      },
    },
    { metadata: { '$deleteFromPrimitiveList/finalizers': [{}], $retainKeys: ['x'] } },
    { metadata: { finalizers: ['a/b'], ownerReferences: [null] } },
    { metadata: { labels: null, annotations: null, name: null } },
    { metadata: { managedFields: [{ manager: 'x', fieldsV1: { 'f:spec': { 'k:{"a"': {} } } }] } },
    { spec: null, data: null, status: null },
  ];
  return Buffer.from(
    JSON.stringify(random.chance(60) ? random.pick(directives) : anything(random, 4)),
  );
}

const OPTIONS: readonly Json[] = [
  { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: -1 },
  { gracePeriodSeconds: 2 ** 53 },
  { propagationPolicy: 'Sideways' },
  { propagationPolicy: 'Foreground', orphanDependents: true },
  { preconditions: { uid: 'x', resourceVersion: 'y' } },
  { dryRun: ['All', 'None'] },
  { dryRun: 'All' },
];

const PATCH_TYPES = TYPES.filter((type) => type.includes('patch'));

/** Mostly of a type that the method takes. */
export function bodyOf(random: Random, method: string, wanted: Wanted): Body {
  const made = method === 'PATCH' ? patchBody(random, wanted) : objectBody(random, wanted);
  return random.chance(8) ? { ...made, type: random.pick(TYPES) } : made;
}

function patchBody(random: Random, wanted: Wanted): Body {
  if (random.chance(25))
    return { type: 'application/apply-patch+yaml', bytes: yaml(random, wanted) };
  const bytes = random.chance(70) ? patch(random) : whole(random, wanted);
  const isList = bytes[0] === 0x5b;
  if (isList && random.chance(90)) return { type: 'application/json-patch+json', bytes };
  return { type: random.pick(PATCH_TYPES), bytes };
}

function objectBody(random: Random, wanted: Wanted): Body {
  switch (random.below(10)) {
    case 0:
      return { type: 'application/json', bytes: jsonTricks(random) };
    case 1:
      return { type: 'application/yaml', bytes: yaml(random, wanted) };
    case 2:
      return { type: 'application/vnd.kubernetes.protobuf', bytes: protobuf(random) };
    case 3:
      return { type: 'application/json', bytes: Buffer.from(JSON.stringify(random.pick(OPTIONS))) };
    default:
      return { type: 'application/json', bytes: whole(random, wanted) };
  }
}

/** JSON is YAML, too. */
function yaml(random: Random, wanted: Wanted): Buffer {
  return random.chance(50) ? whole(random, wanted) : Buffer.from(random.pick(YAML_TRICKS));
}

/** Or cut off somewhere. */
function whole(random: Random, wanted: Wanted): Buffer {
  const text = JSON.stringify(nearlyRight(random, wanted));
  return Buffer.from(text.slice(0, random.chance(6) ? random.below(text.length) : text.length));
}
