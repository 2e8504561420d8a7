import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { describe, expect, test } from 'vitest';
import { type LabelRequirement, matchesRequirements } from '#src/client/label-requirement.ts';
import {
  formatLabelSelector,
  matchesLabels,
  matchesSelector,
  parseLabelSelector,
} from '../../src/client/selectors.ts';

const web = { app: 'web', tier: 'front', weight: '5', empty: '' };

describe('matchesSelector()', () => {
  const expressions = (key: string, operator: string, values: string[] = []): LabelSelector => ({
    matchExpressions: [{ key, operator, values }],
  });
  test.each<[string, LabelSelector | undefined, boolean]>([
    ['undefined selects nothing', undefined, false],
    ['{} selects everything', {}, true],
    ['matchLabels that hold', { matchLabels: { app: 'web', tier: 'front' } }, true],
    ['matchLabels of which one differs', { matchLabels: { app: 'web', tier: 'back' } }, false],
    ['In', expressions('app', 'In', ['db', 'web']), true],
    ['In of an absent key', expressions('zone', 'In', ['a']), false],
    ['NotIn', expressions('app', 'NotIn', ['web']), false],
    ['NotIn of an absent key', expressions('zone', 'NotIn', ['a']), true],
    ['Exists', expressions('empty', 'Exists'), true],
    ['DoesNotExist', expressions('app', 'DoesNotExist'), false],
    ['DoesNotExist of an absent key', expressions('zone', 'DoesNotExist'), true],
    ['an unknown operator selects nothing', expressions('app', 'Like', ['w*']), false],
    ['a name of Object.prototype is no label', expressions('constructor', 'Exists'), false],
  ])('%s', (_name, selector, want) => {
    expect(matchesSelector(selector, web)).toBe(want);
  });

  test('an object without labels is selected by {} only', () => {
    expect(matchesSelector({}, undefined)).toBe(true);
    expect(matchesSelector({ matchLabels: { app: 'web' } }, undefined)).toBe(false);
  });
});

describe('matchesLabels()', () => {
  test('asks for every pair', () => {
    expect(matchesLabels({ app: 'web' }, web)).toBe(true);
    expect(matchesLabels({ app: 'db' }, web)).toBe(false);
    expect(matchesLabels({}, web)).toBe(true);
    expect(matchesLabels(undefined, web)).toBe(false);
  });
});

describe('parseLabelSelector()', () => {
  test.each<[string, boolean]>([
    ['', true],
    ['app=web', true],
    ['app==web', true],
    [' app = web , tier = front ', true],
    ['app!=web', false],
    ['zone!=a', true],
    ['app in (db,web)', true],
    ['app in (db, web ),tier notin (back)', true],
    ['app notin (web)', false],
    ['app', true],
    ['!app', false],
    ['! zone', true],
    ['empty=', true],
    ['empty in ()', true],
    ['app=', false],
    ['weight>4', true],
    ['weight<5', false],
    ['app>4', false],
  ])('"%s" matches: %s', (text, want) => {
    expect(matchesRequirements(parseLabelSelector(text), web)).toBe(want);
  });

  test.each([',', 'app=web,', 'app web', 'app in web', 'app in (a', '=web', '!', '(a)', 'a=(b'])(
    'refuses "%s"',
    (text) => {
      expect(() => parseLabelSelector(text)).toThrow(/unable to parse requirement: found '/);
    },
  );
});

describe('parseLabelSelector() says what it found and what it expected', () => {
  test.each([
    ['app web', "found 'web', expected: in, notin, =, ==, !=, gt, lt"],
    ['app in web', "found 'web', expected: ("],
    ['app in', "found '', expected: ("],
    ['app notin (a b)', "found 'b', expected: ,, or )"],
    ['app in (a,b', "found '', expected: ,, or )"],
    ['=web', "found '=', expected: !, identifier"],
    ['!', "found '', expected: identifier"],
    ['!=web', "found '!=', expected: !, identifier"],
    ['! (', "found '(', expected: identifier"],
    ['app>', "found '', expected: identifier"],
    ['app<,', "found ',', expected: identifier"],
    ['app=web tier=front', "found 'tier', expected: ,"],
    ['app,,tier', "found ',', expected: !, identifier"],
    ['app,', "found ',', expected: ,"],
  ])('%s: %s', (text, message) => {
    expect(() => parseLabelSelector(text)).toThrow(
      new Error(`unable to parse requirement: ${message} in '${text}'`),
    );
  });
});

test.each<[string, string]>([
  ['', ''],
  ['  ', ''],
  ['app,tier', 'app Exists [], tier Exists []'],
  ['app=,tier==x', 'app In [""], tier In ["x"]'],
  ['app in (,a,)', 'app In ["","a",""]'],
  ['x<5, y>-3', 'x Lt ["5"], y Gt ["-3"]'],
  ['!app , zone notin ( a , b ) ', 'app DoesNotExist [], zone NotIn ["a","b"]'],
  ['a.b/c-d_e!=f', 'a.b/c-d_e NotIn ["f"]'],
])('"%s" is read as: %s', (text, want) => {
  const read = parseLabelSelector(text).map(
    ({ key, operator, values }) => `${key} ${operator} ${JSON.stringify(values)}`,
  );
  expect(read.join(', ')).toBe(want);
});

test.each<[string, LabelRequirement['operator'], string[], boolean]>([
  ['5', 'Gt', ['4'], true],
  ['5', 'Gt', ['5'], false],
  ['5', 'Gt', ['6'], false],
  ['5', 'Lt', ['6'], true],
  ['5', 'Lt', ['5'], false],
  ['5', 'Lt', ['4'], false],
  ['+5', 'Lt', ['+6'], true],
  ['-5', 'Lt', ['-4'], true],
  ['x', 'Lt', ['6'], false],
  ['1x', 'Lt', ['6'], false],
  ['x1', 'Lt', ['6'], false],
  ['1', 'Lt', ['6x'], false],
  ['12345678901234567890', 'Gt', ['12345678901234567889'], true],
  ['5', 'Gt', [], false],
])('a weight of %s is %s %j: %s', (weight, operator, values, want) => {
  expect(matchesRequirements([{ key: 'weight', operator, values }], { weight })).toBe(want);
  expect(matchesRequirements([{ key: 'weight', operator, values }], {})).toBe(false);
});

describe('formatLabelSelector()', () => {
  test('writes what an object asks for', () => {
    const matchExpressions = [{ key: 'zone', operator: 'In' }];
    const text = formatLabelSelector({ matchLabels: { app: 'web', tier: '' }, matchExpressions });
    expect(text).toBe('app=web,tier=,zone in ()');
  });

  test.each([
    'weight>5',
    'weight<7',
    'app=web',
    'app!=web',
    'app in (a,b)',
    'app notin (a,b)',
    'app',
    '!app',
    'app=web,!old',
  ])('gives back "%s"', (text) => {
    const matchExpressions = parseLabelSelector(text).map(({ key, operator, values }) => ({
      key,
      operator,
      values: [...values],
    }));
    expect(formatLabelSelector({ matchExpressions })).toBe(text);
  });
});
