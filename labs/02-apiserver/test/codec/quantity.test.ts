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

  test.each([
    [' 5 ', '5'],
    ['0', '0'],
    ['-0.0Gi', '0'],
    ['.5', '500m'],
    ['5.', '5'],
    ['1e+3', '1e3'],
    ['1e-3', '1e-3'],
    ['1E3', '1e3'],
    ['1500e3', '1500e3'],
    ['1000e3', '1e6'],
    ['5e0', '5'],
    ['1e-10', '1e-9'],
    ['-0.1n', '-1n'],
    ['1023Ki', '1023Ki'],
    ['1024', '1024'],
    ['1Ki', '1Ki'],
    ['-1Ki', '-1Ki'],
    ['0.9Ki', '921600m'],
    ['1.0001Ki', '1025'],
    ['1Ei', '1Ei'],
    ['7Ei', '7Ei'],
    ['1024Pi', '1Ei'],
    ['100Ei', '9223372036854775807'],
    ['9223372036854775807', '9223372036854775807'],
    ['9223372036854775808', '9223372036854775807'],
    ['-9e99', '-9223372036854775807'],
    ['1P', '1P'],
    ['1T', '1T'],
    ['1G', '1G'],
    ['1000M', '1G'],
    ['1000000000000000000', '1E'],
  ])('%j is written %s', (text, want) => {
    expect(canonicalQuantity(text)).toBe(want);
  });

  const suffix = "unable to parse quantity's suffix";
  const form =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  test.each([
    ['', form],
    ['.', form],
    ['-', form],
    ['.Gi', form],
    ['1.2.3', form],
    ['x1', form],
    ['1x', form],
    ['1Gi1.5', form],
    ['1i', suffix],
    ['1Mm', suffix],
    ['1e', suffix],
    ['1e3x', form],
    ['1e12345', suffix],
    ['1ee3', suffix],
    ['1k3', suffix],
    ['1+3', suffix],
  ])('%j is none: %s', (text, message) => {
    expect(() => canonicalQuantity(text)).toThrow(new QuantityError(message));
  });

  test.each<[string | number, bigint]>([
    [1, 1_000_000_000n],
    [0.5, 500_000_000n],
    [' 2m ', 2_000_000n],
    ['-1u', -1000n],
    ['1n', 1n],
    ['0.1n', 1n],
    ['1.000n', 1n],
    ['1.001n', 2n],
    ['1Ki', 1_024_000_000_000n],
    ['9999e9999', 9_223_372_036_854_775_807_000_000_000n],
  ])('%j is %d billionths', (amount, want) => {
    expect(nanoOfQuantity(amount)).toBe(want);
  });

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
