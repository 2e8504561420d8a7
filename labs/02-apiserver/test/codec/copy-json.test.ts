// A copy of JSON is equal, and shares nothing with what was copied.
import { expect, test } from 'vitest';
import { copyJson, setOwn } from '#src/codec/copy-json.ts';

test.each([
  [null],
  [true],
  [0],
  ['text'],
  [[]],
  [{}],
  [[1, [null, { a: 'b' }]]],
  [{ a: null, b: { c: [{ d: 1 }] } }],
])('%j', (value) => {
  const copy = copyJson(value);
  expect(copy).toStrictEqual(value);
  if (typeof value === 'object' && value !== null) expect(copy).not.toBe(value);
});

test('what stands inside is copied, too', () => {
  const value = { list: [{ a: 1 }], map: { b: 2 } };
  const copy = copyJson(value);
  copy.list[0] = { a: 9 };
  copy.map.b = 9;
  expect(value).toEqual({ list: [{ a: 1 }], map: { b: 2 } });
});

test('a key may be called __proto__, and stays an ordinary key', () => {
  const copy = copyJson(JSON.parse('{"a": {"__proto__": {"b": 1}}}'));
  expect(JSON.stringify(copy)).toBe('{"a":{"__proto__":{"b":1}}}');
  expect('b' in copy.a).toBe(false);
  const own: Record<string, unknown> = {};
  const key = '__proto__';
  setOwn(own, key, 1);
  setOwn(own, key, 2);
  expect(Object.entries(own)).toEqual([[key, 2]]);
  own[key] = 3;
  expect(Object.entries(own)).toEqual([[key, 3]]);
  delete own[key];
  expect(Object.hasOwn(own, key)).toBe(false);
});
