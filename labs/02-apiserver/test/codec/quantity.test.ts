// Quantities: what they become, what they cannot be, and that canonical means canonical.

import { describe, expect, test } from 'vitest';
import { canonicalQuantity, nanoOfQuantity, QuantityError } from '../../src/codec/quantity.ts';

describe('canonicalQuantity()', () => {
  test.each([
    ['0', '0'],
    ['0Mi', '0'],
    ['1', '1'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['1500m', '1500m'],
    ['1.5', '1500m'],
    ['1024', '1024'],
    ['1000', '1k'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['1000Ki', '1000Ki'],
    ['0.5Gi', '512Mi'],
    ['0.5Ki', '512'],
    ['12e6', '12e6'],
    ['1e3', '1e3'],
    ['1E', '1E'],
    ['100u', '100u'],
    ['0.1n', '1n'],
    ['-1Gi', '-1Gi'],
    ['+5', '5'],
    ['128974848', '128974848'],
  ])('%s is %s', (text, want) => {
    expect(canonicalQuantity(text)).toBe(want);
  });

  test.each(['', 'abc', '1.2.3', '1Gb', 'Mi', '1 2', '--1', '1e', '1e99999'])(
    'refuses %j',
    (text) => {
      expect(() => canonicalQuantity(text)).toThrow(QuantityError);
    },
  );

  test('what is canonical stays as it is (seeded)', () => {
    let seed = 42;
    const next = (max: number): number => {
      seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
      return seed % max;
    };
    const suffixes = ['', 'm', 'k', 'M', 'Ki', 'Mi', 'Gi', 'e3'];
    for (let round = 0; round < 500; round += 1) {
      const text = `${next(5000)}.${next(1000)}${suffixes[next(suffixes.length)]}`;
      const once = canonicalQuantity(text);
      expect(canonicalQuantity(once), `seed 42, ${text}`).toBe(once);
      expect(nanoOfQuantity(once) >= nanoOfQuantity(text), `seed 42, ${text}`).toBe(true);
    }
  });
});
