import { describe, expect, test } from 'vitest';
import { milliOf, parseQuantity } from '../../src/client/quantity.ts';

describe('parseQuantity()', () => {
  test.each([
    ['0', 0],
    ['4', 4],
    [4, 4],
    ['100m', 0.1],
    ['0.1', 0.1],
    ['.5', 0.5],
    ['5.', 5],
    ['+1', 1],
    ['-2k', -2000],
    ['1e3', 1000],
    ['1E3', 1000],
    ['12e-1', 1.2],
    ['1E', 1e18],
    ['3u', 3e-6],
    ['7n', 7e-9],
    ['2k', 2000],
    ['1M', 1e6],
    ['1Ki', 1024],
    ['128Mi', 134217728],
    ['1Gi', 1073741824],
    ['1.5Gi', 1610612736],
    ['1Ti', 2 ** 40],
    ['1Pi', 2 ** 50],
    ['1Ei', 2 ** 60],
  ])('reads %s as %d', (text, want) => {
    expect(parseQuantity(text)).toBe(want);
  });

  test.each(['', ' ', 'abc', '1 Gi', '1gi', '1K', '1.2.3', '--1', '1e', 'Ki', '0x10', '1Gi ', '٣'])(
    'refuses "%s" in upstream\'s words',
    (text) => {
      expect(() => parseQuantity(text)).toThrow(/^quantities must match the regular expression/);
    },
  );
});

describe('milliOf()', () => {
  test.each([
    ['100m', 100],
    ['0.1', 100],
    ['1.1', 1100],
    ['0.29', 290],
    [2, 2000],
    ['1u', 1],
    ['0', 0],
    ['2500u', 3],
  ])('counts %s as %d thousandths, rounded up', (text, want) => {
    expect(milliOf(text)).toBe(want);
  });
});
