// The pure decisions of the command, as tables.
import { describe, expect, test } from 'vitest';
import type { Step } from '../../src/course/model.ts';
import { nearest } from '../../src/lab/nearest.ts';
import { newStep, type StepState } from '../../src/lab/state.ts';
import { whatIsMissing } from '../../src/lab/verbs/next.ts';

describe('nearest()', () => {
  const candidates = [
    { names: ['Mvcc.put', 'put'], value: 1 },
    { names: ['Mvcc.range', 'range'], value: 2 },
    { names: ['KeyIndex.put', 'put'], value: 3 },
    { names: ['Store.#commit', '#commit'], value: 4 },
  ];
  test.each([
    { wanted: 'Mvcc.put', want: { found: 1 } },
    { wanted: 'mvcc.RANGE', want: { found: 2 } },
    { wanted: 'range', want: { found: 2 } },
    { wanted: '#commit', want: { found: 4 } },
    { wanted: 'put', want: { near: ['Mvcc.put', 'KeyIndex.put'] } },
    { wanted: 'Mvcc.pt', want: { near: ['Mvcc.put'] } },
    { wanted: 'commit', want: { near: ['Store.#commit'] } },
  ])('$wanted', ({ wanted, want }) => {
    const result = nearest(wanted, candidates);
    expect(result).toEqual(want);
  });

  test('names as many as are wanted', () => {
    expect(nearest('zzzzzzzzzzzzzzzzzzzzzzz', candidates, { nearMax: 3 })).toHaveProperty(
      'near.length',
      3,
    );
  });

  test('names something even when nothing is near', () => {
    const result = nearest('zzzzzzzzzzzzzzzzzzzzzzz', candidates);
    expect((result as { near: string[] }).near.length).toBeGreaterThan(0);
  });
});

describe('whatIsMissing()', () => {
  const step: Step = {
    id: '1-a',
    number: 1,
    title: 'A',
    titles: {},
    minutes: 1,
    owns: [],
    tests: [],
  };
  const state = (rest: Partial<StepState>): StepState => ({ ...newStep(), ...rest });
  test.each([
    { name: 'never checked', state: undefined, want: 'not been checked' },
    {
      name: 'never checked, but hinted',
      state: state({ hints: { step: 1 } }),
      want: 'not been checked',
    },
    {
      name: 'failing',
      state: state({ attempts: 2, failing: ['1-a/2'], failingIdeas: ['two is even'] }),
      want: 'this failed: "two is even".',
    },
    {
      name: 'failing, remembered without sentences',
      state: state({ attempts: 2, failing: ['1-a/2', '1-a/3'] }),
      want: 'this failed: 1-a/2, and 1 more.',
    },
    { name: 'an earlier step fails', state: state({ attempts: 1 }), want: 'an earlier step' },
    {
      name: 'passed for other code',
      state: state({ attempts: 1, passedAt: 'x', passedCode: 'other' }),
      want: 'changed since',
    },
    {
      name: 'passed for this code',
      state: state({ attempts: 1, passedAt: 'x', passedCode: 'this' }),
      want: undefined,
    },
    {
      name: 'passed once, failing now',
      state: state({ attempts: 2, passedAt: 'x', passedCode: 'this', failing: ['1-a/1'] }),
      want: 'this failed: 1-a/1',
    },
  ])('$name', ({ state: given, want }) => {
    const missing = whatIsMissing(step, given, 'this');
    if (want === undefined) expect(missing).toBeUndefined();
    else expect(missing).toContain(want);
  });
});
