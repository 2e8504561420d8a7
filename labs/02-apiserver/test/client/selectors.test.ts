import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { describe, expect, test } from 'vitest';
import { matchesRequirements } from '#src/client/label-requirement.ts';
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

describe('formatLabelSelector()', () => {
  test.each([
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
