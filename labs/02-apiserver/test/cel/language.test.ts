// The language itself, as cel-spec describes it and cel-go answers: operators, literals, conversions, errors; and what no text may do.

import { describe, expect, test } from 'vitest';
import { newEnvironment } from '#src/cel/environment.ts';
import { escapeName } from '#src/cel/escaping.ts';
import { compile } from '#src/cel/program.ts';
import { compileRules } from '#src/crd/compiled-rules.ts';
import type { JsonSchema } from '#src/crd/json-schema.ts';
import { evaluateRules } from '#src/crd/rule-evaluation.ts';
import { complaintOf, integer, list, map, object, string } from './schemas.ts';

const NOTHING = { name: 'nothing', schema: object({}), value: {}, rules: {} };

test.each([
  '1 + 2 * 3 == 7 && (1 + 2) * 3 == 9',
  '-7 / 2 == -3 && -7 % 2 == -1 && 7 % -2 == 1',
  '9223372036854775807 - 1 == 9223372036854775806',
  '-9223372036854775808 < 0',
  '0xFF == 255 && 0x10 == 16',
  '1.5e3 == 1500.0 && 1e-1 == 0.1',
  '10u + 5u == 15u && uint(3) == 3u',
  '1 < 2 && 1 <= 1 && 2 > 1 && 2 >= 2 && 1 != 2',
  '1 < 1.5 && 2.5 > 2 && 1u < 2',
  '"a" < "b" && "a" <= "a" && "ab" > "aa"',
  'false < true',
  'true || false && false',
  '(true ? 1 : 2) == 1 && (false ? 1 : true ? 2 : 3) == 2',
  '!false && !!true && -(-1) == 1',
  '"a" + "b" == "ab" && b"a" + b"b" == b"ab"',
  "'single' == \"single\" && '''a'b''' == \"a'b\"",
  "'\\u00e9' == 'é' && '\\x41\\101\\n' == 'AA\\n'",
  "r'\\d' == '\\\\d' && size(r'\\n') == 2",
  "b'\\xff' == b'\\377' && size(b'ab') == 2 && size(bytes('é')) == 2",
  'null == null && type(null) == null_type',
  '[] == [] && {} == {} && [1] + [] == [1]',
  "{'a': 1}.a == 1 && {'a': 1}['a'] == 1 && 'a' in {'a': 1}",
  "{1: 'x'}[1] == 'x' && 1 in {1: 'x'} && {true: 1}[true] == 1",
  '[1, 2, 3][1] == 2 && 2 in [1, 2] && !(3 in [1, 2])',
  '[[1, 2], [3]].all(l, l.all(x, x > 0))',
  '[1, 2, 3].map(x, x * 2) == [2, 4, 6] && [1, 2, 3].filter(x, x > 1) == [2, 3]',
  '[1, 2].exists(x, x > 1) && [1, 2].exists_one(x, x > 1) && [].all(x, false)',
  "{'a': 1, 'b': 2}.map(k, k).size() == 2 && {'a': 1}.all(k, k == 'a')",
  '[1, 2].all(x, [3, 4].all(x, x > 2))',
  '(true || 1 / 0 == 1) && !(false && 1 / 0 == 1)',
  '(1 / 0 == 1 || true) && !(1 / 0 == 1 && false)',
  '[0, 1].exists(x, 1 / x == 1)',
  'int("42") == 42 && int(3.9) == 3 && int(-3.9) == -3 && int(5u) == 5',
  'double("1.5") == 1.5 && double(2) == 2.0',
  'string(1.5) == "1.5" && string(true) == "true" && string(b"a") == "a" && string(-3) == "-3"',
  'bool("true") && !bool("false")',
  'type(1) == int && type(1.0) == double && type("") == string && type([]) == list && type({}) == map',
  'type(1u) == uint && type(b"") == bytes && type(int) == type && type(true) == bool',
  'dyn(1) == 1.0 && dyn(1) != "1" && dyn([1]) == [1]',
  'dyn("a").size() == 1 && dyn([1]).size() == 1 && size(dyn({})) == 0',
  'double("NaN") != double("NaN") && double("Infinity") > 1.0',
  "has({'a': 1}.a) && !has({'a': 1}.b)",
  'optional.of(1).hasValue() && !optional.none().hasValue() && optional.of(1).value() == 1',
  'optional.none().orValue(2) == 2 && [1][?0].orValue(9) == 1 && [1][?5].orValue(9) == 9',
  "{'a': {'b': 1}}.?a.?b.orValue(0) == 1 && {'a': 1}.?c.orValue(3) == 3",
  "timestamp('2020-01-01T00:00:00Z') + duration('24h') == timestamp('2020-01-02T00:00:00Z')",
  "timestamp('2020-01-02T00:00:00Z') - timestamp('2020-01-01T00:00:00Z') == duration('24h')",
  "duration('1h') > duration('59m') && duration('1.5s').getMilliseconds() == 1500",
  'timestamp(0) == timestamp("1970-01-01T00:00:00Z")',
  '1 == 1 // a remark',
])('%s', (rule) => {
  expect(complaintOf(rule, NOTHING)).toBe('');
});

test.each([
  ['1 +', 'Syntax error: '],
  ["'abc", 'Syntax error: '],
  ['@', 'Syntax error: '],
  ['1 ? 2 : 3', "expected type 'bool' but found 'int'"],
  ['true ? 1 : "a"', "found no matching overload for '_?_:_' applied to '(bool, int, string)'"],
  ['true && 1', "expected type 'bool' but found 'int'"],
  ['1 || true', "expected type 'bool' but found 'int'"],
  ['!1 == 1', "found no matching overload for '!_' applied to '(int)'"],
  ['-"a" == 1', "found no matching overload for '-_' applied to '(string)'"],
  ['1 + "a" == 1', "found no matching overload for '_+_' applied to '(int, string)'"],
  ['1 == 1.0', "found no matching overload for '_==_' applied to '(int, double)'"],
  ['1 in 2', "found no matching overload for '_in_' applied to '(int, int)'"],
  ['[1, 2].all(x, x)', "expected type 'bool' but found 'int'"],
  ['[1].all(x.y, true)', 'Syntax error: '],
  ['(1).all(x, true)', 'cannot be range of a comprehension (must be list, map, or dynamic)'],
  ['size(1) == 1', "found no matching overload for 'size' applied to '(int)'"],
  ['nope(1) == 1', "undeclared reference to 'nope' (in container '')"],
  ['nope', "undeclared reference to 'nope' (in container '')"],
  ['oldSelf == nope', "undeclared reference to 'nope' (in container '')"],
  ['cel.bind(x, 1, x == 1)', "undeclared reference to 'bind'"],
  ['1', 'cel expression must evaluate to a bool'],
  ['dyn(true)', 'cel expression must evaluate to a bool'],
  ['9223372036854775807 + 1 > 0', 'integer overflow'],
  ['-9223372036854775808 - 1 < 0', 'integer overflow'],
  ['4611686018427387904 * 2 > 0', 'integer overflow'],
  ['1u - 2u == 0u', 'integer overflow'],
  ['int("x") == 1', 'evaluating rule: int("x") == 1'],
  ['bool("yes")', 'evaluating rule'],
  ["timestamp('yesterday') == timestamp(0)", 'evaluating rule'],
  ["{'a': 1}['b'] == 1", 'no such key: b'],
  ['[1][1] == 1', 'index out of bounds: 1'],
  ['[1][-1] == 1', 'index out of bounds: -1'],
  ['optional.none().value() == 1', 'evaluating rule'],
  ['dyn(1) + dyn("a") == dyn(1)', "'no such overload': call arguments did not match"],
  ['dyn(1).startsWith("a")', "'no such overload': call arguments did not match"],
  ['dyn(1).all(x, true)', 'evaluating rule'],
])('%s is wrong', (rule, words) => {
  expect(complaintOf(rule, NOTHING)).toContain(words);
});

test.each([
  ['plain', 'plain'],
  ['a.b-c/d', 'a__dot__b__dash__c__slash__d'],
  ['a__b', 'a__underscores__b'],
  ['a___b', 'a__underscores___b'],
  ['if', '__if__'],
  ['int', 'int'],
  ['9a', undefined],
  ['', undefined],
  ['a!b', undefined],
  ['ä', undefined],
  ['-a', '__dash__a'],
])('escapeName(%j) is %j', (name, want) => {
  expect(escapeName(name)).toBe(want);
});

/** A small generator whose numbers a seed repeats. */
function random(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
}

describe('texts that nobody meant', () => {
  const PIECES = [
    ...['self', 'oldSelf', '.a', '.l', '.m', '.zz', '(', ')', '[', ']', '{', '}', ',', ':', '?'],
    ...['&&', '||', '!', '==', '!=', '<', '+', '-', '*', '/', '%', ' in ', '.', '.?', '[?'],
    ...[
      '1',
      '0',
      '-1',
      '1.5',
      '1u',
      '"a"',
      "'b'",
      "r'('",
      "b'c'",
      'true',
      'null',
      '0x',
      '\\',
      '\n',
    ],
    ...['.all(x, ', '.map(x, ', '.exists(x, ', '.filter(x, ', 'has(', 'size(', 'x', '.size()'],
    ...['.matches(', '.format(', 'dyn(', 'type(', 'optional.of(', '.orValue(', 'quantity(', 'ip('],
    ...['.find("a*")', '.sum()', '.indexOf(', 'sets.contains(', 'url(', '.join()', 'duration('],
  ];
  const SCHEMA: JsonSchema = object({ a: string, l: list(integer), m: map(string) });
  const VALUE = { a: 'aaa', l: [1, 2, 3], m: { k: 'v' } };

  test('are refused or answered, and never break anything', () => {
    const seed = Date.now() % 1_000_000;
    console.log(`seed ${seed}`);
    const next = random(seed);
    for (let round = 0; round < 3000; round += 1) {
      const rule = Array.from({ length: 1 + next(9) }, () => PIECES[next(PIECES.length)]).join('');
      const rules = { ...SCHEMA, 'x-kubernetes-validations': [{ rule, messageExpression: rule }] };
      const root = compileRules(rules);
      const errors = root === undefined ? [] : evaluateRules(root, VALUE, VALUE);
      for (const { detail } of errors) expect(typeof detail, rule).toBe('string');
    }
  });

  test.each([
    ['very deep', `${'('.repeat(100_000)}1`],
    ['very negative', `${'!'.repeat(100_000)}true`],
    ['very long', Array.from({ length: 50_000 }, () => 'true').join(' && ')],
    ['full of lists', `${'['.repeat(5_000)}${']'.repeat(5_000)} == []`],
    ['full of calls', `self${'.size()'.repeat(20_000)} == 1`],
  ])('%s', (_name, rule) => {
    const before = process.cpuUsage();
    const compiled = compile(rule, newEnvironment().registerVariable('self', 'string'));
    if (compiled.kind === 'compiled') compiled.program.run({ self: 'a' }, 1000);
    else expect(compiled.message).toContain('ERROR: <input>:');
    // Of the processor's time: what else the machine does is not the compiler's fault.
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(10_000);
  });
});
