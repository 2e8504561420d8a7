// Which groups and versions are on.

import { describe, expect, test } from 'vitest';
import { groupVersionOf } from '#src/registry/resource-definition.ts';
import { definitionsFor, parseRuntimeConfig } from '#src/registry/runtime-config.ts';

function served(config: Record<string, boolean> = {}): Set<string> {
  const visible = definitionsFor(config).filter(({ unserved }) => unserved !== true);
  return new Set(visible.map(groupVersionOf));
}

test('by default everything but the API of 1.1', () => {
  expect(served()).toContain('batch/v1');
  expect(served()).not.toContain('extensions/v1beta1');
  expect(served({ 'extensions/v1beta1': true })).toContain('extensions/v1beta1');
});

test('what is off is still stored, and its other versions stand on it', () => {
  const definitions = definitionsFor({ 'autoscaling/v2': false });
  expect(served({ 'autoscaling/v2': false })).toContain('autoscaling/v1');
  expect(served({ 'autoscaling/v2': false })).not.toContain('autoscaling/v2');
  const v1 = definitions.find((one) => one.group === 'autoscaling' && one.version === 'v1');
  const root = v1?.storedAs?.definition;
  expect(root?.unserved).toBe(true);
  expect(definitions).toContain(root);
});

test('all off, but one', () => {
  expect([...served({ 'api/all': false, v1: true })]).toEqual(['v1']);
});

describe('parseRuntimeConfig()', () => {
  test.each([
    [['extensions/v1beta1=true'], { 'extensions/v1beta1': true }],
    [['extensions/v1beta1'], { 'extensions/v1beta1': true }],
    [['api/all=false', 'v1=true'], { 'api/all': false, v1: true }],
  ])('%j', (pairs, want) => {
    expect(parseRuntimeConfig(pairs)).toEqual(want);
  });

  test.each([
    [
      'extensions/v2=true',
      'Cannot use --runtime-config extensions/v2=true: extensions/v2 is no group and version of this server',
    ],
    ['batch/v1=maybe', 'Cannot use --runtime-config batch/v1=maybe: batch/v1 needs true or false'],
  ])('%s is refused', (pair, says) => {
    expect(() => parseRuntimeConfig([pair])).toThrow(says);
  });
});
