// orderedRange(): sorted and bounded ranges, with the values, limits and counts that belong to them.
import { describe, expect, test } from 'vitest';
import type { RangeRequest } from '#src/kv.ts';
import { Mvcc } from '#src/mvcc.ts';
import { orderedRange } from '#src/range-order.ts';
import { bytes, text } from './support/store-helpers.ts';

/** a at 2, b at 3, c at 4, then a again at 5: so by mod revision the order is b c a. */
const mvcc = new Mvcc();
for (const [key, value] of [
  ['a', 'z'],
  ['b', 'y'],
  ['c', 'x'],
  ['a', 'y'],
] as const) {
  mvcc.stage({ type: 'put', key, value: bytes(value), lease: '0' });
  mvcc.commit();
  mvcc.markDurable(mvcc.revision);
}

const all = { key: '\0', rangeEnd: '\0' };
const ask = (request: Partial<RangeRequest>) => {
  const { kvs, more, count } = orderedRange(mvcc, { ...all, ...request }, 5);
  return [kvs.map(({ key, value }) => `${key}${text(value)}`).join(' '), more, count];
};
const sortBy = (
  target: NonNullable<RangeRequest['sort']>['target'],
  order: 'ascend' | 'descend',
) => ({
  sort: { target, order },
});

describe('sorted', () => {
  test.each([
    { name: 'by key', request: sortBy('key', 'ascend'), want: 'ay by cx' },
    { name: 'by key, backwards', request: sortBy('key', 'descend'), want: 'cx by ay' },
    { name: 'by mod revision', request: sortBy('mod', 'ascend'), want: 'by cx ay' },
    { name: 'by mod revision, backwards', request: sortBy('mod', 'descend'), want: 'ay cx by' },
    {
      name: 'by create revision, backwards',
      request: sortBy('create', 'descend'),
      want: 'cx by ay',
    },
    {
      name: 'by version, equal ones by key',
      request: sortBy('version', 'ascend'),
      want: 'by cx ay',
    },
    { name: 'by value, equal ones by key', request: sortBy('value', 'ascend'), want: 'cx ay by' },
    {
      name: 'without values',
      request: { ...sortBy('mod', 'descend'), keysOnly: true },
      want: 'a c b',
    },
  ])('$name', ({ request, want }) => {
    expect(ask(request)).toEqual([want, false, 3]);
  });

  test('the limit comes after the order', () => {
    expect(ask({ ...sortBy('mod', 'ascend'), limit: 2 })).toEqual(['by cx', true, 3]);
    expect(ask({ ...sortBy('mod', 'ascend'), limit: 3 })).toEqual(['by cx ay', false, 3]);
    expect(ask({ ...sortBy('mod', 'ascend'), limit: 1, countOnly: true })).toEqual(['', false, 3]);
  });

  test('of one key it is that key', () => {
    expect(orderedRange(mvcc, { key: 'b', ...sortBy('mod', 'descend') }, 5)).toMatchObject({
      kvs: [{ key: 'b', value: bytes('y') }],
      more: false,
      count: 1,
    });
  });

  test('in the past it is the past', () => {
    const { kvs } = orderedRange(mvcc, { ...all, ...sortBy('value', 'ascend') }, 3);
    expect(kvs.map(({ key, value }) => `${key}${text(value)}`)).toEqual(['by', 'az']);
  });
});

describe('bounded', () => {
  test.each([
    { name: 'from a mod revision on', request: { minModRevision: 4 }, want: 'ay cx' },
    { name: 'to a mod revision', request: { maxModRevision: 4 }, want: 'by cx' },
    { name: 'between two', request: { minModRevision: 4, maxModRevision: 4 }, want: 'cx' },
    { name: 'from a create revision on', request: { minCreateRevision: 3 }, want: 'by cx' },
    { name: 'to a create revision', request: { maxCreateRevision: 3 }, want: 'ay by' },
    { name: 'by both', request: { minModRevision: 4, maxCreateRevision: 2 }, want: 'ay' },
    { name: '0 is no bound', request: { minModRevision: 0, maxModRevision: 0 }, want: 'ay by cx' },
    { name: 'nothing within', request: { minModRevision: 6 }, want: '' },
    {
      name: 'sorted too',
      request: { minModRevision: 4, ...sortBy('key', 'descend') },
      want: 'cx ay',
    },
  ])('$name; the count stays that of the range', ({ request, want }) => {
    expect(ask(request)).toEqual([want, false, 3]);
  });

  test('more says whether the limit left out one within the bounds', () => {
    expect(ask({ minModRevision: 4, limit: 1 })).toEqual(['ay', true, 3]);
    expect(ask({ minModRevision: 5, limit: 1 })).toEqual(['ay', false, 3]);
  });
});
