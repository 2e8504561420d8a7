// The pure decisions of the command, as tables.
import { describe, expect, test } from 'vitest';
import type { Lab, Step } from '../../src/course/model.ts';
import { nearest } from '../../src/lab/nearest.ts';
import { newStep, type Solution, type StepState } from '../../src/lab/state.ts';
import { typeErrorsOf } from '../../src/lab/type-errors.ts';
import { atTheEnd, whatIsMissing } from '../../src/lab/verbs/next.ts';
import { factsOf } from '../../src/lab/verbs/status.ts';
import { withoutAnswers } from '../../src/lesson/lesson-file.ts';

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

const solution = (how: Solution['how'], early = true): Solution => ({
  what: '1-a',
  how,
  at: '2026-03-01T10:00:00Z',
  early,
});

describe('factsOf()', () => {
  const facts = (rest: Partial<StepState>) =>
    factsOf({ ...newStep(), ...rest }, { isCurrent: false, code: '' }).map((fact) =>
      fact.replace(/^passed .*/, 'passed'),
    );
  test.each([
    { name: 'a step nobody has begun', state: {}, want: [] },
    { name: 'skipped', state: { skippedAt: 'x' }, want: ['skipped'] },
    {
      name: 'taken by catch-up, not checked yet',
      state: { skippedAt: 'x', solutions: [solution('caught-up')] },
      want: ['by catch-up'],
    },
    {
      name: 'taken by catch-up, green since',
      state: { passedAt: 'x', skippedAt: 'x', attempts: 1, solutions: [solution('caught-up')] },
      want: ['passed', 'by catch-up', '1 check'],
    },
    {
      name: 'solutions that were looked up are counted, before and after the pass',
      state: { passedAt: 'x', solutions: [solution('shown'), solution('applied', false)] },
      want: ['passed', '2 solutions (1 before the pass)'],
    },
    {
      name: 'a solution looked up before the class went on',
      state: { skippedAt: 'x', solutions: [solution('shown'), solution('caught-up')] },
      want: ['by catch-up', '1 solution (1 before the pass)'],
    },
  ])('$name', ({ state, want }) => {
    expect(facts(state)).toEqual(want);
  });
});

describe('atTheEnd()', () => {
  const step = (number: number) => ({ id: `${number}-s`, number });
  const lab = { id: '01-a', title: 'A', steps: [step(1), step(2), step(3)] } as unknown as Lab;
  const passed: StepState = { ...newStep(), passedAt: 'x' };
  const caughtUp: StepState = { ...passed, solutions: [solution('caught-up')] };

  test('all passed, and another lab to come', () => {
    const states = { '1-s': passed, '2-s': passed, '3-s': passed };
    const later = { id: '02-b', title: 'B' } as unknown as Lab;
    const text = atTheEnd(lab, states, later);
    expect(text).toContain('That was the last step of lab 01-a (A).\n\n');
    expect(text).toContain('npx lab start 02-b  the next lab: B');
  });

  test('names what did not pass, and what came by catch-up', () => {
    const text = atTheEnd(lab, { '1-s': caughtUp, '2-s': caughtUp, '3-s': newStep() }, undefined);
    expect(text).toContain('Not passed yet: step 3.');
    expect(text).toContain('By catch-up: steps 1, 2; npx lab reset 1');
    expect(text).not.toContain('npx lab start');
  });
});

test('typeErrorsOf() reads places in sources, and nothing else that a compiler says', () => {
  const said = [
    "src/mvcc.ts(12,5): error TS2322: Type 'string' is not assignable to type 'number'.",
    '  The explanation goes on here.',
    'src/grpc/call.ts(3,1): error TS2304: Cannot find name (that).',
    "error TS5083: Cannot read file '/tsconfig.json'.",
  ].join('\n');
  expect(typeErrorsOf(said)).toEqual([
    {
      file: 'src/mvcc.ts',
      line: 12,
      message: "TS2322: Type 'string' is not assignable to type 'number'.",
    },
    { file: 'src/grpc/call.ts', line: 3, message: 'TS2304: Cannot find name (that).' },
  ]);
});

test('withoutAnswers() leaves out the quote below a question, whatever its section is called', () => {
  const lesson = [
    '# 计数',
    '## 为什么',
    '> A quote of somebody stays.',
    '## 思考题',
    '### 为什么？',
    '> 因为。',
    '> 还有。',
    '```',
    '> not a quote, but code',
    '### nor a heading',
    '```',
    '## 后记',
    '> stays too',
  ];
  const want = lesson.filter((line) => !['> 因为。', '> 还有。'].includes(line));
  expect(withoutAnswers(lesson.join('\n')).split('\n')).toEqual(want);
});
