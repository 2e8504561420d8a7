// Ranges: what is in them, and what is refused as a flag.

import { describe, expect, test } from 'vitest';
import { parseCidr } from '../src/cidr.ts';

describe('parseCidr() gives a range that', () => {
  test.each([
    ['10.96.0.0/16', '10.96.255.255', true],
    ['10.96.0.0/16', '10.97.0.0', false],
    ['192.168.0.0/17', '192.168.127.1', true],
    ['192.168.0.0/17', '192.168.128.1', false],
    ['10.0.0.1/32', '10.0.0.1', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['10.96.0.0/16', 'web', false],
  ])('%s, asked for %s, says %s', (text, address, want) => {
    expect(parseCidr(text, '--range').contains(address)).toBe(want);
  });
});

describe('parseCidr() refuses', () => {
  test.each([
    '',
    '10.96.0.0',
    '10.96.0.0/33',
    '10.96.0.0/x',
    '10.96.0.0/16/2',
    'fd00::/8',
    'a/8',
    '10.96.0.0/ 8',
  ])('"%s"', (text) => {
    expect(() => parseCidr(text, '--range')).toThrow(`Cannot use --range "${text}": it is no IPv4`);
  });

  test('bits outside the mask', () => {
    expect(() => parseCidr('10.96.0.1/16', '--range')).toThrow('bits are set outside its mask');
  });
});
