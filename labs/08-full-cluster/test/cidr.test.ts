// Cidr: ranges are read, refused, compared and counted.

import { describe, expect, test } from 'vitest';
import { addressAt, cidrOf, contains, formatCidr, overlaps, parseCidr } from '../src/cidr.ts';

describe('parseCidr()', () => {
  test.each([
    { text: '172.30.0.0/24', want: '172.30.0.0/24' },
    { text: '0.0.0.0/0', want: '0.0.0.0/0' },
    { text: '255.255.255.255/32', want: '255.255.255.255/32' },
  ])('reads $text', ({ text, want }) => {
    expect(formatCidr(cidrOf(text))).toBe(want);
  });

  test.each([
    { text: '', problem: /not an IPv4 range/ },
    { text: '172.30.0.0', problem: /not an IPv4 range/ },
    { text: '172.30.0/24', problem: /not an IPv4 range/ },
    { text: '172.30.0.256/24', problem: /not an IPv4 range/ },
    { text: '172.030.0.0/24', problem: /not an IPv4 range/ },
    { text: '172.30.0.0/24/8', problem: /not an IPv4 range/ },
    { text: '172.30.0.0/-1', problem: /not an IPv4 range/ },
    { text: 'fd00::/64', problem: /not an IPv4 range/ },
    { text: '172.30.0.0/33', problem: /longer than \/32/ },
    { text: '172.30.0.7/24', problem: /written 172\.30\.0\.0\/24/ },
  ])('refuses "$text"', ({ text, problem }) => {
    expect(parseCidr(text)).toEqual({ problem: expect.stringMatching(problem) });
  });
});

describe('overlaps()', () => {
  test.each([
    { a: '10.0.0.0/8', b: '10.244.0.0/16', want: true },
    { a: '10.244.0.0/16', b: '10.0.0.0/8', want: true },
    { a: '10.96.0.0/16', b: '10.96.0.0/16', want: true },
    { a: '0.0.0.0/0', b: '192.168.1.0/24', want: true },
    { a: '172.30.0.0/24', b: '172.30.1.0/24', want: false },
    { a: '10.96.0.0/12', b: '10.112.0.0/12', want: false },
    { a: '128.0.0.0/1', b: '0.0.0.0/1', want: false },
  ])('$a and $b: $want', ({ a, b, want }) => {
    expect(overlaps(cidrOf(a), cidrOf(b))).toBe(want);
  });
});

test('addressAt() counts from the first address and knows the end', () => {
  expect(addressAt(cidrOf('172.30.0.0/24'), 2)).toBe('172.30.0.2');
  expect(addressAt(cidrOf('10.96.0.0/16'), 300)).toBe('10.96.1.44');
  expect(() => addressAt(cidrOf('172.30.0.0/24'), 256)).toThrow(/no address number 256/);
});

test('contains() tells what is inside', () => {
  expect(contains(cidrOf('10.96.0.0/16'), '10.96.255.255')).toBe(true);
  expect(contains(cidrOf('10.96.0.0/16'), '10.97.0.0')).toBe(false);
  expect(contains(cidrOf('10.96.0.0/16'), 'web')).toBe(false);
});
