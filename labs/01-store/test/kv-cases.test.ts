// Ranges of keys and the error of the store, by tables.
import { describe, expect, test } from 'vitest';
import { inRange, prefixEnd } from '#src/key-range.ts';
import { StoreError } from '#src/kv.ts';

describe('prefixEnd()', () => {
  test.each([
    { prefix: '', end: '\0' },
    { prefix: 'a', end: 'b' },
    { prefix: '/pods/', end: '/pods0' },
    { prefix: '\xfe', end: '\xff' },
    { prefix: '\xff', end: '\0' },
    { prefix: '\xff\xff', end: '\0' },
    { prefix: 'a\xff', end: 'b' },
    { prefix: 'ab\xff\xff', end: 'ac' },
    { prefix: 'a\xffb', end: 'a\xffc' },
    { prefix: '\0', end: '\x01' },
  ])('of $prefix is $end', ({ prefix, end }) => {
    expect(prefixEnd(prefix)).toBe(end);
  });
});

describe('inRange()', () => {
  test.each([
    { name: 'the key itself', key: 'b', range: { key: 'b' }, want: true },
    { name: 'another key', key: 'c', range: { key: 'b' }, want: false },
    { name: 'a longer key', key: 'bb', range: { key: 'b' }, want: false },
    {
      name: 'one key when the end is empty',
      key: 'c',
      range: { key: 'b', rangeEnd: '' },
      want: false,
    },
    { name: 'the first key of a range', key: 'b', range: { key: 'b', rangeEnd: 'd' }, want: true },
    { name: 'a key within', key: 'c\xff', range: { key: 'b', rangeEnd: 'd' }, want: true },
    {
      name: 'the end, which is outside',
      key: 'd',
      range: { key: 'b', rangeEnd: 'd' },
      want: false,
    },
    { name: 'a key before', key: 'a', range: { key: 'b', rangeEnd: 'd' }, want: false },
    { name: 'a key behind', key: 'e', range: { key: 'b', rangeEnd: 'd' }, want: false },
    {
      name: 'any key from the first on',
      key: 'z',
      range: { key: 'b', rangeEnd: '\0' },
      want: true,
    },
    { name: 'a key before the first', key: 'a', range: { key: 'b', rangeEnd: '\0' }, want: false },
    {
      name: 'a range that ends before it begins',
      key: 'c',
      range: { key: 'd', rangeEnd: 'b' },
      want: false,
    },
  ])('$name: $want', ({ key, range, want }) => {
    expect(inRange(key, range)).toBe(want);
  });
});

describe('StoreError', () => {
  const error = new StoreError('compacted', 'gone', { compactRevision: 7, cause: 'why' });

  test('carries its code, its text, its cause and what is still there', () => {
    expect(error).toMatchObject({ name: 'StoreError', code: 'compacted', message: 'gone' });
    expect([error.compactRevision, error.cause]).toEqual([7, 'why']);
    expect(new StoreError('invalid', 'no').compactRevision).toBe(undefined);
  });

  test.each([
    { name: 'itself', value: error, code: undefined, want: true },
    { name: 'its code', value: error, code: 'compacted' as const, want: true },
    { name: 'another code', value: error, code: 'invalid' as const, want: false },
    { name: 'another error', value: new Error('gone'), code: undefined, want: false },
    {
      name: 'something with its code',
      value: { code: 'compacted' },
      code: 'compacted' as const,
      want: false,
    },
  ])('is() of $name is $want', ({ value, code, want }) => {
    expect(StoreError.is(value, code)).toBe(want);
  });
});
