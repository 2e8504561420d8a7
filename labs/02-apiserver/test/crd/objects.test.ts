import { describe, expect, test } from 'vitest';
import { applyDefaults, dropNulls } from '#src/crd/default.ts';
import { fitsFormat, isKnownFormat } from '#src/crd/formats.ts';
import { compileGoRegexp } from '#src/crd/go-regexp.ts';
import type { JsonObject, JsonSchema } from '#src/crd/json-schema.ts';
import { validateListTypes } from '#src/crd/list-types.ts';
import { prune } from '#src/crd/prune.ts';
import { validateBySchema } from '#src/crd/schema-validator.ts';
import { texts } from './definitions.ts';

describe('validateBySchema()', () => {
  const judge = (x: JsonSchema, value: unknown): readonly string[] =>
    texts(
      validateBySchema(
        { spec: { x: value } },
        { type: 'object', properties: { spec: { type: 'object', properties: { x } } } },
      ),
    );
  const says = (value: string, words: string): string =>
    `spec.x: Invalid value: ${value}: spec.x in body ${words}`;
  test.each<{ name: string; schema: JsonSchema; value: unknown; want: string[] }>([
    {
      name: 'a wrong type',
      schema: { type: 'integer' },
      value: 'many',
      want: [says('"string"', 'must be of type integer: "string"')],
    },
    {
      name: 'a fraction',
      schema: { type: 'integer' },
      value: 1.5,
      want: [says('"number"', 'must be of type integer: "number"')],
    },
    {
      name: 'an integer that is written with a point',
      schema: { type: 'integer' },
      value: 3.0,
      want: [],
    },
    { name: 'an integer for a number', schema: { type: 'number' }, value: 3, want: [] },
    {
      name: 'null',
      schema: { type: 'string' },
      value: null,
      want: [says('"null"', 'must be of type string: "null"')],
    },
    {
      name: 'null where it is allowed',
      schema: { type: 'string', nullable: true },
      value: null,
      want: [],
    },
    {
      name: 'a boolean for int-or-string',
      schema: { 'x-kubernetes-int-or-string': true },
      value: true,
      want: [says('"boolean"', 'must be of type integer,string: "boolean"')],
    },
    {
      name: 'a value that is not listed',
      schema: { type: 'string', enum: ['a', 'b'] },
      value: 'c',
      want: ['spec.x: Unsupported value: "c": supported values: "a", "b"'],
    },
    {
      name: 'a text that does not match',
      schema: { type: 'string', pattern: '^a+$' },
      value: 'b',
      want: [says('"b"', "should match '^a+$'")],
    },
    {
      name: 'a short text',
      schema: { type: 'string', minLength: 3 },
      value: 'é',
      want: [says('"é"', 'should be at least 3 chars long')],
    },
    {
      name: 'a long text',
      schema: { type: 'string', maxLength: 2 },
      value: 'abc',
      want: ['spec.x: Too long: may not be more than 2 bytes'],
    },
    {
      name: 'a small number',
      schema: { type: 'integer', minimum: 1 },
      value: 0,
      want: [says('0', 'should be greater than or equal to 1')],
    },
    {
      name: 'a number at an exclusive limit',
      schema: { type: 'integer', maximum: 5, exclusiveMaximum: true },
      value: 5,
      want: [says('5', 'should be less than 5')],
    },
    {
      name: 'no multiple',
      schema: { type: 'number', multipleOf: 0.1 },
      value: 0.25,
      want: [says('0.25', 'should be a multiple of 0.1')],
    },
    {
      name: 'a multiple of a fraction',
      schema: { type: 'number', multipleOf: 0.1 },
      value: 0.3,
      want: [],
    },
    {
      name: 'few items',
      schema: { type: 'array', minItems: 1, items: { type: 'string' } },
      value: [],
      want: [says('0', 'should have at least 1 items')],
    },
    {
      name: 'many items',
      schema: { type: 'array', maxItems: 1, items: { type: 'string' } },
      value: ['a', 'b'],
      want: ['spec.x: Too many: 2: must have at most 1 items'],
    },
    {
      name: 'a wrong item',
      schema: { type: 'array', items: { type: 'string' } },
      value: ['a', 1],
      want: [
        'spec.x[1]: Invalid value: "integer": spec.x[1] in body must be of type string: "integer"',
      ],
    },
    {
      name: 'a wrong value of a map',
      schema: { type: 'object', additionalProperties: { type: 'string' } },
      value: { k: 1 },
      want: [
        'spec.x.k: Invalid value: "integer": spec.x.k in body must be of type string: "integer"',
      ],
    },
    {
      name: 'few properties',
      schema: { type: 'object', minProperties: 1 },
      value: {},
      want: [says('0', 'should have at least 1 properties')],
    },
    {
      name: 'a missing field',
      schema: { type: 'object', required: ['a'], properties: { a: { type: 'string' } } },
      value: {},
      want: ['spec.x.a: Required value'],
    },
    {
      name: 'a wrong format',
      schema: { type: 'string', format: 'ipv4' },
      value: 'here',
      want: [says('"here"', 'must be of type ipv4: "here"')],
    },
    {
      name: 'a format that means nothing',
      schema: { type: 'string', format: 'color' },
      value: 'here',
      want: [],
    },
    {
      name: 'no alternative',
      schema: {
        type: 'object',
        anyOf: [{ required: ['a'] }, { required: ['b'] }],
        properties: { a: { type: 'string' }, b: { type: 'string' } },
      },
      value: {},
      want: [
        '<nil>: Invalid value: "": "spec.x" must validate at least one schema (anyOf)',
        'spec.x.a: Required value',
      ],
    },
    {
      name: 'two of one',
      schema: { type: 'integer', oneOf: [{ minimum: 1 }, { maximum: 9 }] },
      value: 5,
      want: [
        '<nil>: Invalid value: "": "spec.x" must validate one and only one schema (oneOf). Found 2 valid alternatives',
      ],
    },
    {
      name: 'not all',
      schema: { type: 'integer', allOf: [{ minimum: 1 }, { maximum: 3 }] },
      value: 5,
      want: [
        says('5', 'should be less than or equal to 3'),
        '<nil>: Invalid value: "": "spec.x" must validate all the schemas (allOf)',
      ],
    },
    {
      name: 'what it must not be',
      schema: { type: 'integer', not: { minimum: 1 } },
      value: 5,
      want: ['<nil>: Invalid value: "": "spec.x" must not validate the schema (not)'],
    },
  ])('$name', ({ schema, value, want }) => {
    expect(judge(schema, value)).toEqual(want);
  });

  test('fields called as methods of objects are fields like any other', () => {
    const schema: JsonSchema = {
      type: 'object',
      required: ['constructor'],
      properties: { toString: { type: 'string' } },
    };
    expect(texts(validateBySchema({}, schema))).toEqual(['constructor: Required value']);
    expect(texts(validateBySchema({ constructor: 1 }, schema))).toEqual([]);
  });
});

describe('prune()', () => {
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      spec: {
        type: 'object',
        properties: {
          list: { type: 'array', items: { type: 'object', properties: { a: { type: 'string' } } } },
          map: {
            type: 'object',
            additionalProperties: { type: 'object', properties: { a: { type: 'string' } } },
          },
          open: {
            type: 'object',
            'x-kubernetes-preserve-unknown-fields': true,
            properties: { known: { type: 'object' } },
          },
          template: {
            type: 'object',
            'x-kubernetes-embedded-resource': true,
            properties: { spec: { type: 'object' } },
          },
        },
      },
    },
  };

  test('removes what the schema does not know and says what it was', () => {
    const object: JsonObject = {
      apiVersion: 'v1',
      kind: 'X',
      metadata: { anything: 1 },
      other: 1,
      spec: {
        list: [{ a: 'a', b: 1 }],
        map: { any: { a: 'a', b: 1 } },
        open: { kept: { deep: 1 }, known: { gone: 1 } },
        template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'n' }, gone: 1 },
      },
    };
    const removed = prune(object, schema);
    expect(object).toEqual({
      apiVersion: 'v1',
      kind: 'X',
      metadata: { anything: 1 },
      spec: {
        list: [{ a: 'a' }],
        map: { any: { a: 'a' } },
        open: { kept: { deep: 1 }, known: {} },
        template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'n' } },
      },
    });
    expect(removed).toEqual([
      'other',
      'spec.list[0].b',
      'spec.map.any.b',
      'spec.open.known.gone',
      'spec.template.gone',
    ]);
  });

  test('what has no schema is emptied', () => {
    const object: JsonObject = { kind: 'X', spec: { a: 1 } };
    prune(object, undefined);
    expect(object).toEqual({ kind: 'X' });
  });

  test('`__proto__` is pruned and does no harm', () => {
    const object = JSON.parse('{"__proto__":{"polluted":true},"spec":{}}') as JsonObject;
    prune(object, schema);
    expect(Object.keys(object)).toEqual(['spec']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe('defaults', () => {
  const schema: JsonSchema = {
    type: 'object',
    properties: {
      a: { type: 'string', default: 'A' },
      n: { type: 'string', nullable: true, default: 'N' },
      z: { type: 'string', nullable: true },
      plain: { type: 'string' },
      nested: { type: 'object', default: {}, properties: { b: { type: 'integer', default: 7 } } },
      list: {
        type: 'array',
        items: { type: 'object', properties: { c: { type: 'string', default: 'C' } } },
      },
    },
  };
  test.each([
    { name: 'fill in what is not there', value: {}, want: { a: 'A', n: 'N', nested: { b: 7 } } },
    {
      name: 'leave what is there',
      value: { a: 'x', n: 'y', nested: { b: 0 } },
      want: { a: 'x', n: 'y', nested: { b: 0 } },
    },
    {
      name: 'replace null, except where null is a value',
      value: { a: null, n: null, z: null, plain: null, nested: { b: null } },
      want: { a: 'A', n: null, z: null, nested: { b: 7 } },
    },
    {
      name: 'reach into lists',
      value: { list: [{}, { c: 'x' }] },
      want: { a: 'A', n: 'N', nested: { b: 7 }, list: [{ c: 'C' }, { c: 'x' }] },
    },
  ])('$name', ({ value, want }) => {
    const object = structuredClone(value);
    dropNulls(object, schema);
    applyDefaults(object, schema);
    expect(object).toEqual(want);
  });

  test('a default is copied: changing one object does not change the next', () => {
    const first: JsonObject = {};
    applyDefaults(first, schema);
    (first.nested as JsonObject).b = 8;
    const second: JsonObject = {};
    applyDefaults(second, schema);
    expect(second.nested).toEqual({ b: 7 });
  });
});

describe('validateListTypes()', () => {
  const list = (rest: JsonSchema): JsonSchema => ({
    type: 'object',
    properties: { l: { type: 'array', items: { type: 'object' }, ...rest } },
  });
  const map = list({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k', 'p'] });
  test.each([
    {
      name: 'a set',
      schema: list({ 'x-kubernetes-list-type': 'set' }),
      value: ['a', 'b', 'a', 'a'],
      want: ['l[2]: Duplicate value: "a"'],
    },
    {
      name: 'a map',
      schema: map,
      value: [
        { k: 1, p: 'T' },
        { k: 1, p: 'U' },
        { p: 'T', k: 1 },
      ],
      want: ['l[2]: Duplicate value: {"k":1,"p":"T"}'],
    },
    {
      name: 'a map of no objects',
      schema: map,
      value: [1],
      want: ['l[0]: Invalid value: 1: must be an object for an array of list-type map'],
    },
    { name: 'an atomic list', schema: list({}), value: ['a', 'a'], want: [] },
  ])('$name', ({ schema, value, want }) => {
    expect(texts(validateListTypes({ l: value }, schema))).toEqual(want);
  });
});

describe('formats', () => {
  test.each([
    ['uuid', '123e4567-e89b-12d3-a456-426614174000', 'x'],
    ['ipv6', '::1', '1.2.3.4'],
    ['cidr', '10.0.0.0/8', '10.0.0.0/33'],
    ['email', 'a@b.example', 'ab'],
    ['hostname', 'web-0.example.com', 'a_b'],
    ['mac', '01:23:45:67:89:ab', '01:23'],
    ['uri', 'https://example.com/x', 'not a uri'],
    ['date', '2024-02-29', '2023-02-29'],
    ['date-time', '2024-05-01T10:00:00Z', '2024-05-01'],
    ['duration', '1h30m', 'soon'],
    ['byte', 'aGk=', '*'],
    ['isbn', '978-0321751041', '978-0321751042'],
    ['creditcard', '4111 1111 1111 1111', '4111 1111 1111 1112'],
    ['rgbcolor', 'rgb(1, 2, 255)', 'rgb(1,2,256)'],
    ['hexcolor', '#fff', '#ff'],
    ['quantity', '10Gi', '10 Gi'],
  ])('%s', (format, good, bad) => {
    expect(isKnownFormat(format)).toBe(true);
    expect(fitsFormat(good, format)).toBe(true);
    expect(fitsFormat(bad, format)).toBe(false);
  });

  test.each(['duration', 'quantity'])('%s: a long text that is none is refused soon', (format) => {
    const before = process.cpuUsage();
    expect(fitsFormat(`${'1'.repeat(200_000)}x`, format)).toBe(false);
    // What it took itself; the machine may be busy with something else.
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(2_000);
  });
});

describe('compileGoRegexp()', () => {
  test.each([
    ['(?i)^abc$', 'ABC', true],
    ['^[[:alpha:]]+$', 'abC', true],
    ['^[[:digit:]_]+$', '1_a', false],
    ['\\Aa\\z', 'a', true],
    ['^(?P<year>\\d{4})$', '2024', true],
    ['^[a\\-z]$', '-', true],
  ])('%s on %s: %s', (pattern, text, want) => {
    expect(compileGoRegexp(pattern).test(text)).toBe(want);
  });
});
