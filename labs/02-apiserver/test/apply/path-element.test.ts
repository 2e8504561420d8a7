// Path elements: how they are written, shown and sorted.
import { describe, expect, test } from 'vitest';
import {
  compareElements,
  compareText,
  fieldElement,
  keyElement,
  PathElementError,
  parsePathElement,
  printElement,
  printValue,
  valueElement,
} from '#src/apply/path-element.ts';

test.each([
  [fieldElement('spec'), 'f:spec'],
  [keyElement([]), 'k:{}'],
  [
    keyElement([
      ['protocol', 'TCP'],
      ['port', 80],
    ]),
    'k:{"port":80,"protocol":"TCP"}',
  ],
  [valueElement('a b'), 'v:"a b"'],
  [valueElement('ä"\\'), 'v:"ä\\"\\\\"'],
  [valueElement('<a> & \u2028\u2029'), 'v:"\\u003ca\\u003e \\u0026 \\u2028\\u2029"'],
  [valueElement('\t'), 'v:"\\t"'],
  [valueElement(1.5), 'v:1.5'],
  [valueElement(false), 'v:false'],
  [valueElement(null), 'v:null'],
  [valueElement(undefined), 'v:null'],
  [valueElement([2, null]), 'v:[2,null]'],
  [valueElement({ b: { d: 1, c: 2 }, a: [] }), 'v:{"a":[],"b":{"c":2,"d":1}}'],
])('%s is written %s', (element, want) => {
  expect(element).toBe(want);
});

describe('parsePathElement()', () => {
  test.each([
    ['k:{}', 'k:{}'],
    ['v:[1, 2]', 'v:[1,2]'],
    ['i:0', 'i:0'],
    ['i:-7', 'i:-7'],
    ['i:123456789012345', 'i:123456789012345'],
    ['f:', 'f:'],
  ])('%s is %s', (text, want) => {
    expect(parsePathElement(text)).toBe(want);
  });

  test.each([
    ['', 'key must be 2 characters long:'],
    ['f.a', 'missing colon: f.a'],
    ['k:null', 'keys must be an object: k:null'],
    ['k:"a"', 'keys must be an object: k:"a"'],
    ['i:', 'strconv.Atoi: parsing "": invalid syntax'],
    ['i:1x', 'strconv.Atoi: parsing "1x": invalid syntax'],
    ['i:x1', 'strconv.Atoi: parsing "x1": invalid syntax'],
    ['i:1234567890123456', 'strconv.Atoi: parsing "1234567890123456": invalid syntax'],
  ])('%j is refused: %s', (text, message) => {
    expect(() => parsePathElement(text)).toThrow(new PathElementError(message));
  });
});

test.each([
  ['f:spec', '.spec'],
  ['k:{"name":"web"}', '[name="web"]'],
  ['k:{"port":80,"protocol":"TCP"}', '[port=80,protocol="TCP"]'],
  ['v:"a"', '[="a"]'],
  ['v:{"b":1,"a":[true,null]}', '[={a=[true,null];b=1}]'],
  ['i:3', '[3]'],
])('%s is shown as %s', (element, want) => {
  expect(printElement(element)).toBe(want);
});

test.each([
  ['a"b', '"a\\"b"'],
  [null, 'null'],
  [1, '1'],
  [[], '[]'],
  [{}, '{}'],
  [['a', { b: 2, a: 1 }], '["a",{a=1;b=2}]'],
])('the value %j is shown as %s', (value, want) => {
  expect(printValue(value)).toBe(want);
});

describe('the order of elements', () => {
  const key = (entries: Record<string, unknown>): string => keyElement(Object.entries(entries));
  const sorted = [
    'f:a',
    'f:a0',
    'f:b',
    key({}),
    key({ a: 1 }),
    key({ a: 1, b: 1 }),
    key({ a: 2 }),
    key({ a: 'x' }),
    key({ b: 0 }),
    valueElement(-1),
    valueElement(2),
    valueElement('a'),
    valueElement('b'),
    valueElement(false),
    valueElement(true),
    valueElement([1]),
    valueElement([2]),
    valueElement(null),
    'i:1',
    'i:10',
  ];

  test('any two stand as the list does', () => {
    for (const [at, a] of sorted.entries()) {
      for (const [other, b] of sorted.entries()) {
        const order = `${a} and ${b}: ${Math.sign(compareElements(a, b))}`;
        expect(order).toBe(`${a} and ${b}: ${Math.sign(at - other)}`);
      }
    }
  });
});

test('texts stand in the order of their bytes in UTF-8', () => {
  const texts = ['', 'A', 'a', 'a\u0000', 'aa', 'ab', 'b', 'é', '\ud7ff', '\ue000', '\uffff'];
  const sorted = [...texts, '\u{10000}', '\u{1f600}', '\u{1f601}', '\u{10ffff}'];
  const bytes = (text: string): Buffer => Buffer.from(text, 'utf8');
  for (const a of sorted) {
    for (const b of sorted) {
      const want = Buffer.compare(bytes(a), bytes(b));
      expect(`${a} ${b} ${Math.sign(compareText(a, b))}`).toBe(`${a} ${b} ${want}`);
    }
  }
});
