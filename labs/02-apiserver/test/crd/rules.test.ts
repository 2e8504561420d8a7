// The rules of a schema (x-kubernetes-validations): what they say of an object, of a change, and what may be wrong with them.

import { describe, expect, test } from 'vitest';
import type { KubernetesObject } from '#src/client/resources.ts';
import { compileRules } from '#src/crd/compiled-rules.ts';
import { customResourceStrategy } from '#src/crd/custom-resource-strategy.ts';
import type { CustomResourceDefinitionVersion } from '#src/crd/definition.ts';
import type { JsonSchema, ValidationRule } from '#src/crd/json-schema.ts';
import { evaluateRules } from '#src/crd/rule-evaluation.ts';
import { parseFieldPath } from '#src/crd/rule-field-path.ts';
import { integer, list, listMap, listSet, map, object, string } from '../cel/schemas.ts';
import { errorsOf, texts, withSchema } from './definitions.ts';

const withRules = (schema: JsonSchema, ...rules: readonly (ValidationRule | string)[]) => ({
  ...schema,
  'x-kubernetes-validations': rules.map((rule) => (typeof rule === 'string' ? { rule } : rule)),
});
const spec = (schema: JsonSchema): JsonSchema => object({ spec: schema });

function complaints(schema: JsonSchema, value: unknown, old?: unknown): readonly string[] {
  const root = compileRules(schema);
  return root === undefined ? ['no rules'] : texts(evaluateRules(root, value, old));
}

/** What it took itself; the machine may be busy with something else. */
const cpuMsSince = (before: NodeJS.CpuUsage) => process.cpuUsage(before).user / 1000;

interface Judged {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly value: unknown;
  readonly old?: unknown;
  readonly want: readonly string[];
}

describe('evaluateRules()', () => {
  const RANGE = object({ min: integer, max: integer });
  test.each<Judged>([
    {
      name: 'a schema without rules costs nothing',
      schema: spec(RANGE),
      value: {},
      want: ['no rules'],
    },
    {
      name: 'says which rule failed, and where',
      schema: spec(withRules(RANGE, 'self.min <= self.max')),
      value: { spec: { min: 2, max: 1 } },
      want: ['spec: Invalid value: "object": failed rule: self.min <= self.max'],
    },
    {
      name: 'names the root <nil>',
      schema: withRules(object({ spec: RANGE }), "self.metadata.name == 'x'"),
      value: { metadata: { name: 'y' } },
      want: ['<nil>: Invalid value: "object": failed rule: self.metadata.name == \'x\''],
    },
    {
      name: 'looks at every level: fields, items, values, scalars',
      schema: spec(
        object({
          s: withRules(string, "self == 's'"),
          l: withRules(list(withRules(integer, 'self > 0')), 'self.size() < 2'),
          m: map(withRules(object({ a: withRules(integer, 'self > 0') }), 'has(self.a)')),
        }),
      ),
      value: { spec: { s: 'x', l: [1, -1], m: { 'k.1': { a: -1 }, k2: {} } } },
      want: [
        'spec.s: Invalid value: "string": failed rule: self == \'s\'',
        'spec.l: Invalid value: "array": failed rule: self.size() < 2',
        'spec.l[1]: Invalid value: "integer": failed rule: self > 0',
        'spec.m[k.1].a: Invalid value: "integer": failed rule: self > 0',
        'spec.m[k2]: Invalid value: "object": failed rule: has(self.a)',
      ],
    },
    {
      name: 'leaves null and what is absent alone',
      schema: spec(
        object({
          a: withRules({ ...string, nullable: true }, 'false'),
          b: withRules(string, 'false'),
        }),
      ),
      value: { spec: { a: null } },
      want: [],
    },
    {
      name: 'shows the message in the place of the rule',
      schema: spec(
        withRules(RANGE, { rule: 'self.min <= self.max', message: ' max is too small ' }),
      ),
      value: { spec: { min: 2, max: 1 } },
      want: ['spec: Invalid value: "object": max is too small'],
    },
    {
      name: 'makes the message by an expression',
      schema: spec(
        withRules(RANGE, {
          rule: 'self.min <= self.max',
          message: 'unused',
          messageExpression: '"%d is more than %d".format([self.min, self.max])',
        }),
      ),
      value: { spec: { min: 2, max: 1 } },
      want: ['spec: Invalid value: "object": 2 is more than 1'],
    },
    ...[
      { name: 'fails', messageExpression: 'self.absent' },
      { name: 'gives nothing', messageExpression: '"  "' },
      { name: 'gives two lines', messageExpression: '"a\\nb"' },
      { name: 'gives very much', messageExpression: `"${'x'.repeat(6000)}"` },
    ].map(({ name, messageExpression }) => ({
      name: `takes the message when its expression ${name}`,
      schema: spec(
        withRules(object({ absent: string }), { rule: 'false', message: 'own', messageExpression }),
      ),
      value: { spec: {} },
      want: ['spec: Invalid value: "object": own'],
    })),
    {
      name: 'gives the reason that is asked for, at the field that is asked for',
      schema: spec(
        withRules(
          object({ a: string, 'b.c': string, m: map(string) }),
          { rule: 'false', reason: 'FieldValueForbidden', message: 'no', fieldPath: '.a' },
          { rule: 'false', reason: 'FieldValueRequired', message: 'yes', fieldPath: "['b.c']" },
          { rule: 'false', reason: 'FieldValueDuplicate', message: 'twice' },
          { rule: 'false', reason: 'FieldValueInvalid', message: 'bad', fieldPath: ".m['k']" },
        ),
      ),
      value: { spec: {} },
      want: [
        'spec.a: Forbidden: no',
        'spec.b.c: Required value: yes',
        'spec: Duplicate value: "object"',
        'spec.m[k]: Invalid value: "object": bad',
      ],
    },
    {
      name: 'tells what went wrong in a rule',
      schema: spec(withRules(RANGE, { rule: 'self.min > 1', message: 'told' }, '1 / self.max > 0')),
      value: { spec: { max: 0 } },
      want: [
        'spec: Invalid value: "object": no such key: min evaluating rule: told',
        'spec: Invalid value: "object": division by zero evaluating rule: 1 / self.max > 0',
      ],
    },
  ])('$name', ({ schema, value, want }) => {
    expect(complaints(schema, value)).toEqual(want);
  });
});

describe('rules about changes', () => {
  const IMMUTABLE = withRules(string, { rule: 'self == oldSelf', message: 'is immutable' });
  const PORT = object({ name: string, port: withRules(integer, 'self >= oldSelf') });
  test.each<Judged>([
    {
      name: 'are not asked when something is made',
      schema: spec(object({ a: IMMUTABLE })),
      value: { spec: { a: 'x' } },
      want: [],
    },
    {
      name: 'are asked when it changes',
      schema: spec(object({ a: IMMUTABLE })),
      value: { spec: { a: 'x' } },
      old: { spec: { a: 'y' } },
      want: ['spec.a: Invalid value: "string": is immutable'],
    },
    {
      name: 'are not asked when a field is added',
      schema: spec(object({ a: IMMUTABLE })),
      value: { spec: { a: 'x' } },
      old: { spec: {} },
      want: [],
    },
    {
      name: 'find the item of a list that is a map by its keys',
      schema: spec(listMap(['name'], PORT)),
      value: {
        spec: [
          { name: 'b', port: 1 },
          { name: 'a', port: 9 },
          { name: 'c', port: 0 },
        ],
      },
      old: {
        spec: [
          { name: 'a', port: 5 },
          { name: 'b', port: 5 },
        ],
      },
      want: ['spec[0].port: Invalid value: "integer": failed rule: self >= oldSelf'],
    },
    {
      name: 'find the value of a map by its key',
      schema: spec(map(withRules(integer, 'self >= oldSelf'))),
      value: { spec: { a: 1, b: 1 } },
      old: { spec: { a: 5 } },
      want: ['spec[a]: Invalid value: "integer": failed rule: self >= oldSelf'],
    },
    {
      name: 'are asked in any case where oldSelf is optional',
      schema: spec(
        withRules(integer, {
          rule: 'oldSelf.hasValue() ? self == oldSelf.value() : self == 1',
          optionalOldSelf: true,
          messageExpression: '"was " + string(oldSelf.orValue(0))',
        }),
      ),
      value: { spec: 2 },
      want: ['spec: Invalid value: "integer": was 0'],
    },
    {
      name: 'see the old value where oldSelf is optional',
      schema: spec(
        withRules(object({ a: integer }), {
          rule: 'oldSelf.?a.orValue(self.a) == self.a',
          optionalOldSelf: true,
        }),
      ),
      value: { spec: { a: 2 } },
      old: { spec: { a: 1 } },
      want: ['spec: Invalid value: "object": failed rule: oldSelf.?a.orValue(self.a) == self.a'],
    },
  ])('$name', ({ schema, value, old, want }) => {
    expect(complaints(schema, value, old)).toEqual(want);
  });
});

describe('what an update leaves as it was', () => {
  const LOWER = withRules(string, {
    rule: 'self == self.lowerAscii()',
    message: 'must be lower case',
  });
  const BOTH = withRules(object({ a: LOWER, b: string }), {
    rule: 'has(self.b)',
    message: 'needs b',
  });
  const wrong = (path: string): string => `${path}: Invalid value: "string": must be lower case`;
  test.each<Judged>([
    {
      name: 'is not judged again',
      schema: object({ spec: BOTH, other: string }),
      value: { spec: { a: 'X' }, other: 'new' },
      old: { spec: { a: 'X' }, other: 'old' },
      want: [],
    },
    {
      name: 'counts again when it changes',
      schema: spec(object({ a: LOWER, c: LOWER })),
      value: { spec: { a: 'X', c: 'Y' } },
      old: { spec: { a: 'X', c: 'Z' } },
      want: [wrong('spec.c')],
    },
    {
      name: 'is judged by itself: what is around it may change',
      schema: spec(BOTH),
      value: { spec: { a: 'X', b: 'new' } },
      old: { spec: { a: 'X' } },
      want: [],
    },
    {
      name: 'counts for the rules of what is around it',
      schema: spec(object({ in: BOTH })),
      value: { spec: { in: { a: 'Y' } } },
      old: { spec: { in: { a: 'X' } } },
      want: ['spec.in: Invalid value: "object": needs b', wrong('spec.in.a')],
    },
    {
      name: 'is told by keys in a list that is a map',
      schema: spec(listMap(['name'], object({ name: string, v: LOWER }))),
      value: {
        spec: [
          { name: 'b', v: 'B' },
          { name: 'a', v: 'Y' },
        ],
      },
      old: {
        spec: [
          { name: 'a', v: 'A' },
          { name: 'b', v: 'B' },
        ],
      },
      want: [wrong('spec[1].v')],
    },
    {
      name: 'is told by place in a list without a type',
      schema: spec(list(LOWER)),
      value: { spec: ['X', 'Y', 'z'] },
      old: { spec: ['X', 'Z'] },
      want: [wrong('spec[1]')],
    },
    {
      name: 'is a whole set or none of it',
      schema: spec(object({ s: listSet(LOWER), n: string })),
      value: { spec: { s: ['X', 'y'] } },
      old: { spec: { s: ['X'] } },
      want: [wrong('spec.s[0]')],
    },
    {
      name: 'is a whole set that did not change',
      schema: spec(object({ s: listSet(LOWER), n: string })),
      value: { spec: { s: ['X'], n: 'new' } },
      old: { spec: { s: ['X'] } },
      want: [],
    },
    {
      name: 'is no excuse for a rule about changes',
      schema: spec(
        object({ a: withRules(string, { rule: 'self != oldSelf', message: 'must change' }) }),
      ),
      value: { spec: { a: 'x' } },
      old: { spec: { a: 'x' } },
      want: ['spec.a: Invalid value: "string": must change'],
    },
  ])('$name', ({ schema, value, old, want }) => {
    expect(complaints(schema, value, old)).toEqual(want);
  });
});

describe('the cost of rules', () => {
  const numbers = Array.from({ length: 1000 }, (_, index) => index);
  const THRICE = 'self.all(x, self.all(y, self.all(z, x + y + z >= 0)))';

  test('one that would take too long ends all', () => {
    const schema = spec(withRules(list(integer), THRICE, 'false'));
    expect(complaints(schema, { spec: numbers })).toEqual([
      `spec: Invalid value: "array": 'operation cancelled: actual cost limit exceeded': no further validation rules will be run due to call cost exceeds limit for rule: ${THRICE}`,
    ]);
  });

  test('many that take long each end when the budget of the object is spent', () => {
    const inner = withRules(list(integer), 'self.all(x, self.all(y, x + y >= 0))');
    const short = numbers.slice(0, 300);
    const got = complaints(spec(list(inner)), { spec: Array.from({ length: 100 }, () => short) });
    expect(got).toHaveLength(1);
    expect(got[0]).toMatch(
      /^spec\[\d+\]: Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run$/,
    );
  });

  test('errors that operators ignore do not hide it', () => {
    const rule = `${THRICE} || true`;
    expect(complaints(spec(withRules(list(integer), rule)), { spec: numbers })[0]).toContain(
      'actual cost limit exceeded',
    );
  });

  test.each([
    ['a pattern', "self.matches('(a?){500}(a){500}b')"],
    ['many searches', "self.findAll('a*b|a').size() > 0"],
    ['texts that grow', "self.replace('a', self).replace('a', self) != ''"],
    [
      'texts that are joined',
      '[1,2,3,4,5,6,7,8].all(a, [1,2,3,4,5,6,7,8].all(b, (self + self).size() > 0))',
    ],
    [
      'a text in it that is nearly there',
      "self.contains(self.substring(0, 400000) + 'b' + self.substring(0, 400000))",
    ],
    ['a duration', 'duration(self) > duration("1s")'],
    ['a quantity', 'isQuantity(self) || isQuantity("1" + self.replace("a", "1") + "x")'],
    ['an address', 'isIP(self) || isCIDR(self) || isURL(self)'],
    [
      'time zones',
      "[1,2,3,4,5,6,7,8].all(a, [1,2,3,4,5,6,7,8].all(b, [1,2,3,4,5,6,7,8].all(c, [1,2,3,4,5,6,7,8].all(d, timestamp(a).getHours('Europe/Berlin') >= 0))))",
    ],
    ['a query', "url('/?' + self.replace('a', 'a&')).getQuery().size() == 5"],
    ['separators', "self.split('').join(self) == ''"],
    ['comparisons', "[1,2,3,4,5,6,7,8].all(a, [1,2,3,4,5,6,7,8].all(b, self + 'x' == self + 'y'))"],
  ])('%s of a large text ends soon', (_name, rule) => {
    const before = process.cpuUsage();
    const got = complaints(spec(withRules(string, rule)), { spec: 'a'.repeat(1_000_000) });
    expect(got[0]?.length).toBeLessThan(2_000);
    expect(got[0]).toMatch(/cost|failed rule|invalid duration/);
    expect(cpuMsSince(before)).toBeLessThan(10_000);
  });

  test('of very many items that are wrong, only so many are told', () => {
    const many = Array.from({ length: 200_000 }, () => 0);
    const got = complaints(spec(list(withRules(integer, 'self > 0'))), { spec: many });
    expect(got.length).toBeLessThan(20_000);
    expect(got.at(-1)).toContain('running out of cost budget');
  });

  test('what an update leaves as it was is found out once', () => {
    const schema = spec(listSet(withRules(integer, 'self > 100000')));
    const many = Array.from({ length: 9_000 }, (_, index) => index);
    const before = process.cpuUsage();
    expect(complaints(schema, { spec: many }, { spec: [...many.slice(0, -1), -1] })).toHaveLength(
      9_000,
    );
    expect(cpuMsSince(before)).toBeLessThan(5_000);
    expect(complaints(schema, { spec: many }, { spec: many })).toEqual([]);
  });

  test('a message that would take too long ends all', () => {
    const messageExpression = `string(${THRICE})`;
    const schema = spec(withRules(list(integer), { rule: 'false', messageExpression }));
    expect(complaints(schema, { spec: numbers })).toEqual([
      `spec: Invalid value: "array": no further validation rules will be run due to call cost exceeds limit for messageExpression: "${messageExpression}"`,
    ]);
  });
});

describe('parseFieldPath()', () => {
  const SCHEMA = object({
    foo: object({ 'b.a': string, "it's": string }),
    m: map(object({ x: string })),
    l: list(string),
  });
  test.each([
    { text: '.foo', want: 'foo' },
    { text: ".foo['b.a']", want: 'foo.b.a' },
    { text: "['foo']['b.a']", want: 'foo.b.a' },
    { text: ".foo['it\\'s']", want: "foo.it's" },
    { text: ".m['k'].x", want: 'm[k].x' },
    { text: '.m.k.x', want: 'm[k].x' },
    { text: 'foo', why: 'expected [ or . but got: foo' },
    { text: '.nope', why: 'does not refer to a valid field' },
    { text: '.', why: 'unexpected end of JSON path' },
    { text: '.foo[', why: 'unexpected end of JSON path' },
    { text: '.foo[b]', why: 'expected single quoted string but got b' },
    { text: ".foo['b.a'", why: 'unexpected end of JSON path' },
    { text: ".foo['b.a'.x", why: 'expected ] but got .' },
    { text: ".foo['\\x']", why: 'invalid string literal: invalid escape char \\x' },
    { text: '.l[0]', why: 'expected single quoted string but got 0' },
    { text: '.l.x', why: 'does not refer to a valid field' },
    { text: '.foo.constructor', why: 'does not refer to a valid field' },
  ])('$text', ({ text, want, why }) => {
    const expected = want === undefined ? { kind: 'wrong', why } : { kind: 'path', path: want };
    expect(parseFieldPath(text, SCHEMA)).toEqual(expected);
  });
});

describe('a definition', () => {
  const AT = 'spec.versions[0].schema.openAPIV3Schema.properties[spec]';
  const goRule = (rule: string, rest = '') =>
    `{"FieldPath":"","Message":"","MessageExpression":"${rest}","OptionalOldSelf":null,"Reason":null,"Rule":${JSON.stringify(rule)}}`;
  const FIELDS = object({ a: string, n: integer, l: list(object({ x: string })) });
  test.each<{ name: string; schema: JsonSchema; want: readonly string[] }>([
    {
      name: 'may have rules of all kinds',
      schema: withRules(
        FIELDS,
        'self.n > 3',
        { rule: 'self.a == oldSelf.a', message: 'no', reason: 'FieldValueForbidden' },
        { rule: 'true', fieldPath: '.a', messageExpression: "'x' + self.a" },
        { rule: 'oldSelf.hasValue()', optionalOldSelf: true },
      ),
      want: [],
    },
    {
      name: 'is told of a field that there is not',
      schema: withRules(FIELDS, 'self.b == 1'),
      want: [
        `${AT}.x-kubernetes-validations[0].rule: Invalid value: ${goRule('self.b == 1')}: compilation failed: ERROR: <input>:1:5: undefined field 'b'\n | self.b == 1\n | ....^`,
      ],
    },
    {
      name: 'is told of wrong types',
      schema: withRules(FIELDS, "self.n == 'x'"),
      want: [
        `${AT}.x-kubernetes-validations[0].rule: Invalid value: ${goRule("self.n == 'x'")}: compilation failed: ERROR: <input>:1:8: found no matching overload for '_==_' applied to '(int, string)'\n | self.n == 'x'\n | .......^`,
      ],
    },
    {
      name: 'is told of functions that there are not',
      schema: withRules(FIELDS, 'self.a.nope()'),
      want: [
        `${AT}.x-kubernetes-validations[0].rule: Invalid value: ${goRule('self.a.nope()')}: compilation failed: ERROR: <input>:1:12: undeclared reference to 'nope' (in container '')\n | self.a.nope()\n | ...........^`,
      ],
    },
    {
      name: 'is told of a rule that is none',
      schema: withRules(FIELDS, 'self.a'),
      want: [
        `${AT}.x-kubernetes-validations[0].rule: Invalid value: ${goRule('self.a')}: cel expression must evaluate to a bool`,
      ],
    },
    {
      name: 'is told of the second line',
      schema: withRules(FIELDS, { rule: 'self.n > 1 &&\n  self.zz', message: 'm' }),
      want: [
        `${AT}.x-kubernetes-validations[0].rule: Invalid value: {"FieldPath":"","Message":"m","MessageExpression":"","OptionalOldSelf":null,"Reason":null,"Rule":"self.n > 1 &&\\n  self.zz"}: compilation failed: ERROR: <input>:2:7: undefined field 'zz'\n |   self.zz\n | ......^`,
      ],
    },
    {
      name: 'is told of wrong messages',
      schema: withRules(FIELDS, { rule: 'true', messageExpression: 'self.n' }),
      want: [
        `${AT}.x-kubernetes-validations[0].messageExpression: Invalid value: ${goRule('true', 'self.n')}: messageExpression must evaluate to a string`,
      ],
    },
    {
      name: 'is told of messages that cannot be read',
      schema: withRules(FIELDS, { rule: 'true', messageExpression: 'self.zz' }),
      want: [
        `${AT}.x-kubernetes-validations[0].messageExpression: Invalid value: ${goRule('true', 'self.zz')}: messageExpression compilation failed: ERROR: <input>:1:5: undefined field 'zz'\n | self.zz\n | ....^`,
      ],
    },
    {
      name: 'is told of a field path that leads nowhere',
      schema: withRules(FIELDS, { rule: 'true', fieldPath: '.zz' }),
      want: [
        `${AT}.x-kubernetes-validations[0].fieldPath: Invalid value: ".zz": fieldPath must be a valid path: does not refer to a valid field`,
      ],
    },
    {
      name: 'is told where nobody knows what oldSelf is',
      schema: object({ l: list(withRules(object({ x: string }), 'self.x == oldSelf.x')) }),
      want: [
        `${AT}.properties[l].items.x-kubernetes-validations[0].rule: Invalid value: "self.x == oldSelf.x": oldSelf cannot be used on the uncorrelatable portion of the schema within ${AT}.properties[l]`,
      ],
    },
    {
      name: 'is told the same further inside, by the outermost list',
      schema: object({
        l: listSet({ ...string }),
        o: list(object({ i: list(withRules(integer, 'self == oldSelf')) })),
      }),
      want: [
        `${AT}.properties[o].items.properties[i].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within ${AT}.properties[o]`,
      ],
    },
    {
      name: 'may speak of changes inside of lists that are maps',
      schema: {
        ...listMap(
          ['x'],
          withRules({ ...object({ x: string }), required: ['x'] }, 'self.x == oldSelf.x'),
        ),
      },
      want: [],
    },
    {
      name: 'is told of defaults that its rules do not let pass',
      schema: { ...withRules(object({ n: integer }), 'self.n > 3'), default: { n: 1 } },
      want: [`${AT}.default: Invalid value: "object": failed rule: self.n > 3`],
    },
    {
      name: 'is told of rules for what has no type',
      schema: object({
        u: withRules({ 'x-kubernetes-preserve-unknown-fields': true }, 'true'),
      }),
      want: [
        `${AT}.properties[u].x-kubernetes-validations: Internal error: internal error: failed to retrieve type information for x-kubernetes-validations`,
      ],
    },
    {
      name: 'hears of its schema first',
      schema: withRules({ ...FIELDS, nullable: false, format: 'x', uniqueItems: true }, 'self.zz'),
      want: [
        `${AT}.uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic`,
      ],
    },
  ])('$name', ({ schema, want }) => {
    expect(errorsOf(withSchema(spec(schema)))).toEqual(want);
  });
});

describe('a custom resource with rules', () => {
  const schema = object({
    spec: withRules(
      { ...object({ replicas: integer, name: string }), required: ['name'] },
      'self.replicas < 5',
      { rule: 'self.name == oldSelf.name', message: 'name is immutable' },
    ),
    status: withRules(object({ ready: integer }), 'self.ready <= 5'),
  });
  const version = {
    name: 'v1',
    served: true,
    storage: true,
    schema: { openAPIV3Schema: schema },
    subresources: { status: {} },
  } as CustomResourceDefinitionVersion;
  const strategy = customResourceStrategy({ version, namespaced: true });
  const made = (spec: object, status: object = { ready: 1 }): KubernetesObject =>
    ({
      apiVersion: 'example.com/v1',
      kind: 'Thing',
      metadata: {
        name: 'a',
        namespace: 'default',
        resourceVersion: '1',
        uid: 'u',
        creationTimestamp: '2026-01-01T00:00:00Z',
        generation: 1,
      },
      spec,
      status,
    }) as KubernetesObject;
  const old = made({ replicas: 1, name: 'x' });

  test('is judged when it is made', () => {
    expect(texts(strategy.validate(made({ replicas: 7, name: 'x' })))).toEqual([
      'spec: Invalid value: "object": failed rule: self.replicas < 5',
    ]);
  });

  test('is judged when it changes', () => {
    expect(texts(strategy.validateUpdate(made({ replicas: 2, name: 'y' }), old))).toEqual([
      'spec: Invalid value: "object": name is immutable',
    ]);
  });

  test('is judged when its status changes', () => {
    const next = made({ replicas: 1, name: 'x' }, { ready: 9 });
    expect(texts(strategy.validateStatusUpdate(next, old))).toEqual([
      'status: Invalid value: "object": failed rule: self.ready <= 5',
    ]);
  });

  test('is not judged by rules when it is not what its schema says', () => {
    const unchecked =
      '<nil>: Invalid value: "null": some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
    expect(texts(strategy.validate(made({ replicas: 'many', name: 'x' })))).toEqual([
      'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
      unchecked,
    ]);
    expect(texts(strategy.validate(made({ replicas: 7 })))).toEqual([
      'spec.name: Required value',
      unchecked,
    ]);
  });
});
