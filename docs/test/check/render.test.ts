import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type RenderOptions, renderCheck } from '../../src/check/render.ts';
import { loadLab } from '../../src/course/load-lab.ts';
import type { CheckResult, TestFailure, TestResult } from '../../src/course/model.ts';

const lab = loadLab(join(import.meta.dirname, '../lab/fixtures/repo/labs/01-tiny'));
const plain: RenderOptions = {
  lab,
  srcFolder: join(lab.folder, 'src'),
  color: false,
  times: false,
  width: 80,
};

function aTest(rest: Partial<TestResult> = {}): TestResult {
  return {
    id: '1-count/1',
    step: '1-count',
    idea: 'adding tells the new total',
    invariant: 2,
    byHand: 'npx tsx labs/01-tiny/src/main.ts add 2',
    symbols: ['src/counter.ts#Counter.add'],
    state: 'passed',
    durationMs: 1_234,
    figures: { added: 2 },
    ...rest,
  };
}

function failing(failure: Partial<TestFailure> = {}, rest: Partial<TestResult> = {}): TestResult {
  const whole = {
    message: '',
    events: [],
    timedOut: false,
    notWritten: [],
    output: [],
    ...failure,
  };
  return aTest({ state: 'failed', failure: whole, ...rest });
}

function checked(tests: readonly TestResult[], rest: Partial<CheckResult> = {}): CheckResult {
  return { lab: '01-tiny', step: '1-count', exitCode: 1, tests, ...rest };
}

describe('renderCheck()', () => {
  test('a failure says all that helps', () => {
    const tests = [
      failing({
        expected: '5',
        actual: '6',
        events: ['add 2', 'add 3'],
        at: { file: 'src/counter.ts', line: 20 },
        output: ['hello', 'world'],
      }),
      aTest({ id: '1-count/2', idea: 'half a step is refused', state: 'not-reached' }),
    ];
    expect(renderCheck(checked(tests), plain)).toBe(`01-tiny · step 1 of 3 · Counting

  ✗ adding tells the new total                                            failed
  · half a step is refused                                           not reached

✗ adding tells the new total

  expected      5
  got           6
                ^
  it did        add 2
                add 3
  keep true 2   Only whole numbers are added. Anything else is refused with a
                RangeError whose message says "not a whole number", and changes
                nothing.
  look at       work/01-tiny/src/counter.ts:16  Counter.add
  it broke at   work/01-tiny/src/counter.ts:20
                  this.history.record(this.#total);
  by hand       npx tsx labs/01-tiny/src/main.ts add 2

your output | hello
your output | world

  next          npx lab hint Counter.add · npx lab check --watch

0 passed, 1 failed, 1 not reached
`);
  });

  test('with times it tells durations and figures, without them it does not', () => {
    const result = checked([aTest()], { exitCode: 0 });
    expect(renderCheck(result, { ...plain, times: true })).toMatch(/2 added, 1234 ms\n/);
    expect(renderCheck(result, plain)).not.toMatch(/added,|ms/);
  });

  test('not written yet is no failure, and names what to write', () => {
    const test = failing(
      { message: 'Step 1: …', notWritten: ['src/counter.ts#double'] },
      { state: 'not-written' },
    );
    const text = renderCheck(checked([test]), plain);
    expect(text).toMatch(/○ adding tells the new total +not written yet/);
    expect(text).toMatch(/to write +work\/01-tiny\/src\/counter\.ts:5 +double/);
    expect(text).toContain('npx lab task 1');
    expect(text).not.toContain('because');
    expect(text).not.toContain('failed');
  });

  test('the hint that is offered is for what is not written, not for what is', () => {
    const test = failing(
      { notWritten: ['src/counter.ts#double'] },
      { state: 'not-written', symbols: ['src/counter.ts#Counter.add', 'src/counter.ts#double'] },
    );
    expect(renderCheck(checked([test]), plain)).toContain('npx lab hint double');
  });

  test('a hang that a silent stub may have caused says where to look and what to write', () => {
    const test = failing({
      message: 'nothing more happened within 1 s',
      timedOut: true,
      events: ['add 2'],
      notWritten: ['src/history.ts#History.record'],
    });
    const text = renderCheck(checked([test]), plain);
    expect(text).toMatch(/✗ adding tells the new total +failed/);
    expect(text).toMatch(/because +nothing more happened/);
    expect(text).toMatch(/it was doing +add 2/);
    expect(text).toMatch(/look at +work\/01-tiny\/src\/counter\.ts:\d+ +Counter\.add/);
    expect(text).toMatch(/to write +work\/01-tiny\/src\/history\.ts:\d+ +History\.record/);
  });

  test('a long note and long commands stay within the width', () => {
    const long =
      'For any prefix of any bytes, the range that prefixEnd gives holds exactly the keys';
    const figures = { 'keys in the range': 1_607 };
    const symbols = ['src/counter.ts#Counter.someRatherLongNameOfAMethod'];
    const tests = [
      aTest({ idea: long, figures }),
      aTest({ id: '1-count/2', figures: { 'very long name of what was counted here': 1, b: 2 } }),
      failing({ notWritten: symbols }, { id: '1-count/3', idea: long, state: 'not-written' }),
    ];
    const lines = renderCheck(checked(tests), { ...plain, times: true }).split('\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines[2]).toMatch(/^ {2}✓ For any prefix .* 1607 keys in the range, 1234 ms$/);
    // Commands go on to the next line as a whole.
    expect(lines.join('\n')).toMatch(
      /hint Counter\.someRatherLongNameOfAMethod\n {16}npx lab check --watch/,
    );
  });

  test('the tests of an earlier step that does not pass are indented as a whole', () => {
    const idea = 'one sentence that is so long that it needs a second line to be read as a whole';
    const tests = [
      aTest({ step: '2-history', id: '2-history/1' }),
      failing({ message: 'no' }, { idea }),
    ];
    const lines = renderCheck(checked(tests, { step: '2-history' }), plain).split('\n');
    const at = lines.findIndex((line) => line.startsWith('    ✗ one sentence'));
    expect(lines[at]).toMatch(/failed$/);
    expect(lines[at]).toHaveLength(80);
    expect(lines[at + 1]).toMatch(/^ {6}\S/);
  });

  test('a hang tells what it was doing', () => {
    const events = Array.from({ length: 8 }, (_, index) => `event ${index}`);
    const text = renderCheck(
      checked([failing({ message: 'nothing more happened within 1 s', timedOut: true, events })]),
      plain,
    );
    expect(text).toMatch(/it was doing +… \(3 before\)\n +event 3/);
    expect(text).toMatch(/event 7\n/);
    expect(text).not.toContain('event 2');
  });

  test('green: the other steps have a line each, and the next verb follows', () => {
    const tests = [
      aTest({ step: '2-history', id: '2-history/1' }),
      aTest(),
      aTest({ id: '1-count/2' }),
    ];
    const text = renderCheck(checked(tests, { step: '2-history', exitCode: 0 }), plain);
    expect(text).toMatch(/✓ step 1 · Counting +2 tests\n/);
    expect(text).toContain('3 passed\n');
    expect(text).toContain('next: npx lab next · npx lab diff mine 2');
  });

  test('green, while the learner is at another step: there is no going on from here', () => {
    const text = renderCheck(checked([aTest()], { exitCode: 0 }), { ...plain, elsewhere: true });
    expect(text).toContain('next: npx lab diff mine 1');
    expect(text).not.toContain('npx lab next');
  });

  test('an earlier step that does not pass any more is said to be one', () => {
    const tests = [aTest({ step: '2-history', id: '2-history/1' }), failing({ message: 'no' })];
    expect(renderCheck(checked(tests, { step: '2-history' }), plain)).toContain(
      'Step 1 does not pass with this code:',
    );
  });

  test('while the current step fails, the earlier ones are not reached', () => {
    const tests = [failing({ message: 'no' }, { step: '2-history', id: '2-history/1' })];
    expect(renderCheck(checked(tests, { step: '2-history' }), plain)).toMatch(
      /· step 1 · Counting +not reached/,
    );
  });

  test.each([
    { exitCode: 2 as const, says: 'fault of the machine' },
    { exitCode: 3 as const, says: 'fault of the course' },
  ])("exit code $exitCode is nobody's who learns", ({ exitCode, says }) => {
    const text = renderCheck(checked([aTest()], { exitCode, problem: 'a port is in use' }), plain);
    expect(text).toContain(says);
    expect(text).toContain('a port is in use');
  });

  test('no line is wider than the terminal, whatever is in it', () => {
    const long = 'very '.repeat(60);
    const text = renderCheck(
      checked([
        failing(
          {
            message: long,
            expected: `"${'a'.repeat(300)}"`,
            actual: `"${'a'.repeat(150)}b"`,
            events: [long],
            output: ['x'.repeat(400)],
          },
          { idea: long },
        ),
      ]),
      plain,
    );
    const widest = text.split('\n').filter((line) => line.length > 80);
    expect(widest).toEqual([]);
  });

  test('without color there is no escape, with it there is', () => {
    const result = checked([failing({ expected: '1', actual: '2' })]);
    expect(renderCheck(result, plain)).not.toContain('\u001b');
    expect(renderCheck(result, { ...plain, color: true })).toContain('\u001b[31m✗');
  });

  test('paths are never absolute unless somebody wants them', () => {
    const result = checked([failing({ message: 'no', at: { file: 'src/counter.ts', line: 3 } })]);
    expect(renderCheck(result, plain)).not.toContain(lab.folder);
    expect(renderCheck(result, { ...plain, pathOf: (file) => `../${file}` })).toContain(
      '../src/counter.ts:3',
    );
  });
});
