import { describe, expect, test } from 'vitest';
import { outcomeOf, type SeenFile, type SeenTest } from '../../src/check/outcome.ts';
import type { TracedTest } from '../../src/check/trace-file.ts';

const SRC = '/repo/work/01-tiny/src';
const OWNED = ['src/a.ts#A.one', 'src/a.ts#A.get two'];

function traced(idea: string, rest: Partial<TracedTest> = {}): TracedTest {
  return { idea, timeoutMs: 1_000, events: [], output: [], lost: [], end: undefined, ...rest };
}

function seenTest(name: string, rest: Partial<SeenTest> = {}): SeenTest {
  const lesson = {
    idea: name,
    invariant: 1,
    byHand: '',
    symbols: ['src/a.ts#A.one'],
    events: [],
    figures: {},
  };
  return { name, lesson, state: 'passed', durationMs: 3, errors: [], ...rest };
}

function seen(rest: Partial<SeenFile>): SeenFile {
  return {
    step: '1-one',
    srcFolder: SRC,
    loadErrors: [],
    tests: [],
    loading: traced('', { timeoutMs: 0 }),
    traced: [],
    lostProcess: undefined,
    owned: OWNED,
    stubs: [],
    silentStubs: [],
    ...rest,
  };
}

const failed = (message: string, rest: object = {}) => ({
  state: 'failed' as const,
  errors: [{ message, ...rest }],
});

describe('outcomeOf()', () => {
  test.each([
    { name: 'passed', test: {}, want: 'passed' },
    { name: 'failed', test: failed('no'), want: 'failed' },
    { name: 'not reached', test: { state: 'skipped' as const }, want: 'not-reached' },
    {
      name: 'not written: a stub threw',
      test: failed('Step 1: A.one is not written yet'),
      want: 'not-written',
    },
    {
      name: 'not written: a stub is the cause',
      test: failed('no', { cause: { message: 'Step 1: A.get two is not written yet' } }),
      want: 'not-written',
    },
    {
      name: 'not written: a stub spoke over a wire',
      test: failed('2 UNKNOWN: "Step 1: A.one is not written yet"'),
      want: 'not-written',
    },
  ])('$name', ({ test: rest, want }) => {
    const [result] = outcomeOf(seen({ tests: [seenTest('t', rest)], traced: [traced('t')] })).tests;
    expect(result?.state).toBe(want);
  });

  test('a wrong comparison is "not written" only while the symbols of that test are stubs', () => {
    const tests = [
      seenTest(
        't',
        failed('expected 1 to be 2', { name: 'AssertionError', expected: '2', actual: '1' }),
      ),
    ];
    const states = [OWNED.slice(0, 1), OWNED.slice(1), []].map(
      (stubs) => outcomeOf(seen({ tests, stubs })).tests[0]?.state,
    );
    expect(states).toEqual(['not-written', 'failed', 'failed']);
  });

  test('a hang has failed, and names the stubs that it may have passed in silence', () => {
    const hang = (rest: Partial<SeenFile>) => {
      const tests = [seenTest('t', failed('Test timed out in 1000ms.'))];
      const [result] = outcomeOf(seen({ tests, traced: [traced('t')], ...rest })).tests;
      return [result?.state, result?.failure?.timedOut, result?.failure?.notWritten];
    };
    expect(hang({ stubs: OWNED.slice(1) })).toEqual(['failed', true, []]);
    expect(hang({ stubs: OWNED })).toEqual(['failed', true, OWNED.slice(0, 1)]);
    expect(hang({ stubs: OWNED, silentStubs: OWNED.slice(1) })).toEqual(['failed', true, OWNED]);
    // A stub that spoke is the reason, and the time that ran out is said as well.
    const output = ['Error: Step 1: A.get two is not written yet'];
    expect(hang({ stubs: OWNED, traced: [traced('t', { output })] })).toEqual([
      'not-written',
      true,
      OWNED.slice(1),
    ]);
  });

  test('an endless loop has failed, whatever else is not written', () => {
    const { tests } = outcomeOf(
      seen({
        tests: [seenTest('t', { state: 'pending' })],
        traced: [traced('t', { events: ['put x'] })],
        lostProcess: 'killed',
        stubs: OWNED,
        silentStubs: OWNED,
      }),
    );
    expect(tests[0]).toMatchObject({ state: 'failed', failure: { events: ['put x'] } });
    expect(tests[0]?.failure?.notWritten).toEqual([]);
  });

  test.each([
    {
      name: 'assert(…) with words of its own',
      error: {
        message: 'the mark goes forward',
        operator: '==',
        generatedMessage: false,
        expected: 'true',
        actual: 'false',
      },
      want: { message: 'an assertion does not hold: the mark goes forward' },
    },
    {
      name: 'assert(…) without',
      error: {
        message: 'The expression evaluated to a falsy value:\n\n  assert(a < b)\n',
        operator: '==',
        generatedMessage: true,
        expected: 'true',
        actual: 'false',
      },
      want: { message: 'an assertion does not hold: assert(a < b)' },
    },
    {
      name: 'assert.equal(…)',
      error: {
        message: 'Expected values to be strictly equal:\n\n1 !== 2\n',
        operator: 'strictEqual',
        generatedMessage: true,
        expected: '2',
        actual: '1',
      },
      want: {
        message: 'an assertion does not hold: Expected values to be strictly equal',
        expected: '2',
        actual: '1',
      },
    },
    {
      name: 'assert.notEqual(…)',
      error: {
        message: 'must be another one\n\n1 === 1\n',
        operator: 'notStrictEqual',
        generatedMessage: false,
        expected: '1',
        actual: '1',
      },
      want: { message: 'an assertion does not hold: must be another one' },
    },
  ])("an assertion of the code's own is told as one: $name", ({ error, want }) => {
    const errors = [{ name: 'AssertionError', code: 'ERR_ASSERTION', ...error }];
    const [result] = outcomeOf(
      seen({ tests: [seenTest('t', { state: 'failed', errors })], traced: [traced('t')] }),
    ).tests;
    const { message, expected, actual } = result?.failure ?? {};
    expect({ message, expected, actual }).toEqual({
      expected: undefined,
      actual: undefined,
      ...want,
    });
  });

  test.each([
    { lostProcess: 'starved' as const, fault: 2, says: 'may be too busy' },
    { lostProcess: 'not-started' as const, fault: 2, says: 'may be too busy' },
    { lostProcess: 'killed' as const, fault: undefined, says: 'endless loop' },
    { lostProcess: 'gone' as const, fault: undefined, says: 'ended while' },
  ])('lost while loading: $lostProcess', ({ lostProcess, fault, says }) => {
    const outcome = outcomeOf(seen({ lostProcess }));
    expect(outcome.fault).toBe(fault);
    expect(outcome.problem ?? outcome.tests[0]?.failure?.message).toContain(says);
  });

  test('where the process was killed, the trace says which test ran, and those before it passed', () => {
    const pending = { state: 'pending' as const };
    const { tests } = outcomeOf(
      seen({
        tests: [seenTest('a', pending), seenTest('b', pending), seenTest('c', pending)],
        traced: [traced('a', { end: 'passed' }), traced('b', { events: ['put x'] })],
        lostProcess: 'killed',
      }),
    );
    expect(tests.map(({ state }) => state)).toEqual(['passed', 'failed', 'not-reached']);
    expect(tests[1]?.failure).toMatchObject({ timedOut: true, events: ['put x'] });
  });

  test('an error that nobody waited for fails the test in which it was thrown', () => {
    const lost = [
      { name: 'Error', message: 'late', stack: `Error: late\n    at f (${SRC}/a.ts:7:3)` },
    ];
    const [result] = outcomeOf(
      seen({ tests: [seenTest('t')], traced: [traced('t', { lost, end: 'passed' })] }),
    ).tests;
    expect(result?.state).toBe('failed');
    expect(result?.failure).toMatchObject({ at: { file: 'src/a.ts', line: 7 } });
    expect(result?.failure?.message).toContain('late');
  });

  test("a syntax error in the learner's file has its place; one elsewhere is the course's fault", () => {
    const message =
      'Transform failed with 1 error:\n\n\u001b[31m[PARSE_ERROR] \u001b[0mUnexpected token\n  ╭─[ ../src/a.ts:17:15 ]';
    const error = (id: string) => ({ message, __vitest_rollup_error__: { id } });
    const own = outcomeOf(seen({ loadErrors: [error(`${SRC}/a.ts`)] }));
    expect(own.fault).toBeUndefined();
    expect(own.tests[0]).toMatchObject({
      id: '1-one/0',
      state: 'failed',
      failure: {
        message: 'this is no TypeScript: Unexpected token',
        at: { file: 'src/a.ts', line: 17 },
      },
    });
    expect(
      outcomeOf(seen({ loadErrors: [error('/repo/labs/01-tiny/test/steps/1-one.test.ts')] })).fault,
    ).toBe(3);
  });

  test('a test without lesson(), and a file without tests, are faults of the course', () => {
    expect(outcomeOf(seen({ tests: [{ ...seenTest('t'), lesson: undefined }] }))).toMatchObject({
      fault: 3,
      tests: [],
    });
    expect(outcomeOf(seen({}))).toMatchObject({ fault: 3, tests: [] });
  });

  test.each([
    {
      name: 'a missing command',
      error: { message: 'Cannot run this test as etcdctl is not here', code: 'MACHINE' },
    },
    {
      name: 'a port in use',
      error: { message: 'listen EADDRINUSE: 127.0.0.1:2379', code: 'EADDRINUSE' },
    },
    {
      name: 'a port in use, as a cause',
      error: { message: 'no', cause: { message: 'listen EADDRINUSE', code: 'EADDRINUSE' } },
    },
  ])('the machine is at fault: $name', ({ error }) => {
    const outcome = outcomeOf(
      seen({ tests: [seenTest('t', { state: 'failed', errors: [error] })] }),
    );
    expect(outcome.fault).toBe(2);
  });

  test("a disk that a test made full is not the machine's fault", () => {
    const error = { message: 'ENOSPC: no space left', code: 'ENOSPC' };
    const outcome = outcomeOf(
      seen({ tests: [seenTest('t', { state: 'failed', errors: [error] })] }),
    );
    expect(outcome.fault).toBeUndefined();
  });

  test('no stack gets into a result', () => {
    const error = {
      message: 'no',
      stack: `Error: no\n    at f (${SRC}/a.ts:7:3)\n    at node:internal/x:1:1`,
    };
    const outcome = outcomeOf(
      seen({ tests: [seenTest('t', { state: 'failed', errors: [error] })] }),
    );
    expect(JSON.stringify(outcome)).not.toContain('node:internal');
  });
});
