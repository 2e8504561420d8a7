import { describe, expect, test } from 'vitest';
import {
  difference,
  EMPTY_SET,
  hasPath,
  intersection,
  pathsOf,
  printPath,
  recursiveDifference,
  sameSet,
  setOfPaths,
  union,
} from '#src/apply/field-set.ts';
import { fieldsV1Of, setOfFieldsV1 } from '#src/apply/fields-v1.ts';
import {
  compareElements,
  keyElement,
  PathElementError,
  parsePathElement,
  valueElement,
} from '#src/apply/path-element.ts';
import { Random, randomSet, seedOfRun } from './random.ts';

const set = (...paths: string[]) => setOfPaths(paths.map((path) => path.split(' ')));
const shown = (fields: ReturnType<typeof set>): string[] => pathsOf(fields).map(printPath);

describe('operations on sets of fields', () => {
  const row = {
    a: ['f:a', 'f:a f:b', 'f:a f:c', 'f:d'],
    b: ['f:a f:b', 'f:d f:e', 'f:x'],
  };
  test.each([
    { name: 'union', of: union, want: ['.a', '.d', '.x', '.a.b', '.a.c', '.d.e'] },
    { name: 'intersection', of: intersection, want: ['.a.b'] },
    { name: 'difference', of: difference, want: ['.a', '.d', '.a.c'] },
    { name: 'recursiveDifference', of: recursiveDifference, want: ['.a', '.d', '.a.c'] },
  ])('$name', ({ of, want }) => {
    expect(shown(of(set(...row.a), set(...row.b)))).toEqual(want);
  });

  test('difference() leaves what is below a member, recursiveDifference() takes it too', () => {
    const own = set('f:spec', 'f:spec f:a', 'f:spec f:a f:b', 'f:status f:c');
    expect(shown(difference(own, set('f:spec f:a', 'f:status')))).toEqual([
      '.spec',
      '.spec.a.b',
      '.status.c',
    ]);
    expect(shown(recursiveDifference(own, set('f:spec f:a', 'f:status')))).toEqual(['.spec']);
  });

  test.each([
    { a: [], b: [], want: true },
    { a: ['f:a', 'f:b f:c'], b: ['f:b f:c', 'f:a'], want: true },
    { a: ['f:a'], b: [], want: false },
    { a: ['f:a'], b: ['f:b'], want: false },
    { a: ['f:a'], b: ['f:a', 'f:b'], want: false },
    { a: ['f:a', 'f:b'], b: ['f:a', 'f:c'], want: false },
    { a: ['f:a f:b'], b: ['f:a', 'f:a f:b'], want: false },
    { a: ['f:a f:b'], b: ['f:a f:c'], want: false },
    { a: ['f:a f:b f:c', 'f:d'], b: ['f:a f:b', 'f:d'], want: false },
  ])('sameSet() of $a and $b is $want', ({ a, b, want }) => {
    expect(sameSet(set(...a), set(...b))).toBe(want);
    expect(sameSet(set(...b), set(...a))).toBe(want);
  });

  test('what an operation does not change it hands back as it is', () => {
    const own = set('f:a', 'f:b f:c');
    expect(union(own, EMPTY_SET)).toBe(own);
    expect(union(EMPTY_SET, own)).toBe(own);
    expect(union(own, own)).toBe(own);
    expect(difference(own, EMPTY_SET)).toBe(own);
    expect(difference(EMPTY_SET, own)).toBe(EMPTY_SET);
    expect(difference(own, set('f:x'))).toBe(own);
    expect(intersection(own, set('f:x'))).toBe(EMPTY_SET);
  });

  test('the empty path is nothing that anybody could own', () => {
    expect(setOfPaths([[]])).toBe(EMPTY_SET);
    expect(shown(setOfPaths([[], ['f:a']]))).toEqual(['.a']);
  });

  test('paths come members first, each level in order', () => {
    const own = set('f:b f:z', 'f:b f:a', 'f:c', 'f:a f:x f:y', 'f:a');
    expect(shown(own)).toEqual(['.a', '.c', '.a.x.y', '.b.a', '.b.z']);
  });

  test('sets that became empty hold no nodes', () => {
    expect(difference(set('f:a f:b f:c'), set('f:a f:b f:c')).size).toBe(0);
    expect(intersection(set('f:a f:b'), set('f:a f:c')).size).toBe(0);
  });

  test('hasPath() knows members from nodes on the way to them', () => {
    const own = set('f:a f:b', 'f:c');
    expect(hasPath(own, ['f:a'])).toBe(false);
    expect(hasPath(own, ['f:a', 'f:b'])).toBe(true);
    expect(hasPath(own, ['f:c', 'f:d'])).toBe(false);
    expect(hasPath(own, [])).toBe(false);
  });
});

describe('path elements', () => {
  test.each([
    { text: 'f:spec', want: 'f:spec' },
    { text: 'f:', want: 'f:' },
    { text: 'k:{"name":"a"}', want: 'k:{"name":"a"}' },
    {
      text: 'k:{ "protocol":"TCP", "containerPort": 80 }',
      want: 'k:{"containerPort":80,"protocol":"TCP"}',
    },
    { text: 'v:"a<b"', want: 'v:"a\\u003cb"' },
    { text: 'v:1.0', want: 'v:1' },
    { text: 'i:+7', want: 'i:7' },
    { text: 'x:later', want: undefined },
  ])('$text is read as $want', ({ text, want }) => {
    expect(parsePathElement(text)).toBe(want);
  });

  test.each([
    { text: 'f', why: 'key must be 2 characters long:' },
    { text: 'spec', why: 'missing colon: spec' },
    { text: 'k:[1]', why: 'keys must be an object: k:[1]' },
    { text: 'k:{', why: 'unexpected value: {' },
    { text: 'v:', why: 'unexpected value: ' },
    { text: 'i:x', why: 'strconv.Atoi: parsing "x": invalid syntax' },
  ])('$text is refused: $why', ({ text, why }) => {
    expect(() => parsePathElement(text)).toThrow(new PathElementError(why));
  });

  test('stand in the order of upstream: fields, keys, values, positions; numbers by their size', () => {
    const sorted = [
      'f:A',
      'f:a',
      'f:\uffff',
      'f:\u{1f600}',
      keyElement([['name', 'a']]),
      keyElement([['name', 'b']]),
      keyElement([
        ['port', 80],
        ['protocol', 'UDP'],
      ]),
      keyElement([
        ['port', 443],
        ['protocol', 'TCP'],
      ]),
      keyElement([['port', 'http']]),
      valueElement(9),
      valueElement(10),
      valueElement('1'),
      valueElement(true),
      'i:2',
    ];
    expect([...sorted].reverse().sort(compareElements)).toEqual(sorted);
  });
});

describe('FieldsV1', () => {
  test('is written byte for byte as upstream does', () => {
    const fields = set(
      'f:spec f:template f:spec f:containers k:{"name":"web"}',
      'f:spec f:template f:spec f:containers k:{"name":"web"} f:image',
      'f:spec f:replicas',
      'f:metadata f:labels f:b',
      'f:metadata f:labels',
      'f:metadata f:labels f:a',
      'f:metadata f:finalizers v:"x"',
    );
    expect(JSON.stringify(fieldsV1Of(fields))).toBe(
      '{"f:metadata":{"f:finalizers":{"v:\\"x\\"":{}},"f:labels":{".":{},"f:a":{},"f:b":{}}},' +
        '"f:spec":{"f:replicas":{},"f:template":{"f:spec":{"f:containers":{"k:{\\"name\\":\\"web\\"}":{".":{},"f:image":{}}}}}}}',
    );
  });

  test.each([
    { fields: {}, want: [] },
    { fields: { 'f:a': { '.': {} } }, want: ['.a'] },
    { fields: { 'f:a': { 'f:b': {} } }, want: ['.a.b'] },
    { fields: { 'f:a': { '.': {}, 'x:new': { 'f:b': {} } } }, want: ['.a'] },
    {
      fields: { 'k:{"b":1,"a":2}': {}, 'k:{"a":2,"b":1}': { 'f:c': {} } },
      want: ['[a=2,b=1]', '[a=2,b=1].c'],
    },
  ])('$fields is the set $want', ({ fields, want }) => {
    expect(shown(setOfFieldsV1(fields))).toEqual(want);
  });

  test.each([{ fields: null }, { fields: [] }, { fields: { 'f:a': 1 } }, { fields: { a: {} } }])(
    '$fields is refused',
    ({ fields }) => {
      expect(() => setOfFieldsV1(fields)).toThrow(PathElementError);
    },
  );

  test('that is too deep is refused, not followed', () => {
    let fields: object = {};
    for (let depth = 0; depth < 100_000; depth += 1) fields = { 'f:a': fields };
    expect(() => setOfFieldsV1(fields)).toThrow(PathElementError);
  });

  const seed = seedOfRun();
  test(`round trips, and the laws of sets hold, for random sets (SEED=${seed})`, () => {
    const random = new Random(seed);
    for (let round = 0; round < 300; round += 1) {
      const [a, b] = [randomSet(random), randomSet(random)];
      const written = JSON.stringify(fieldsV1Of(a));
      const read = setOfFieldsV1(JSON.parse(written));
      expect(sameSet(read, a)).toBe(true);
      expect(JSON.stringify(fieldsV1Of(read))).toBe(written);
      expect(sameSet(union(a, b), union(b, a))).toBe(true);
      expect(sameSet(union(difference(a, b), intersection(a, b)), a)).toBe(true);
      expect(sameSet(intersection(difference(a, b), b), EMPTY_SET)).toBe(true);
      expect(JSON.stringify(fieldsV1Of(union(b, a)))).toBe(JSON.stringify(fieldsV1Of(union(a, b))));
    }
  });
});
