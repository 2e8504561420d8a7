// The runner on real test files: every way in which a learner's code can go wrong, all in one run, as `course verify` does it.
import {
  cpSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type JobResult, runTests, TestSession } from '../../src/check/run-tests.ts';
import { deriveTree, writeTree } from '../../src/course/derive.ts';
import { loadLab } from '../../src/course/load-lab.ts';
import type { TestResult } from '../../src/course/model.ts';

const lab = loadLab(join(import.meta.dirname, '../lab/fixtures/repo/labs/01-tiny'));
const [count, , wait] = lab.steps.map(({ tests }) => tests);
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kube-labs-run-')));

/** What comes first in Counter.add. */
const inAdd = (statement: string) => (text: string) =>
  text.replace('add(amount: number): number {\n', `$&    ${statement}\n`);

const variants: Record<
  string,
  { file?: string; change?: (text: string) => string; tests?: readonly string[] }
> = {
  reference: {},
  syntax: { file: 'counter.ts', change: inAdd('const x = = 3;') },
  'missing-export': {
    file: 'counter.ts',
    change: (text) => text.replace('export const double', 'const double'),
  },
  'missing-import': {
    file: 'counter.ts',
    change: (text) => text.replace('./history.ts', './gone.ts'),
  },
  'throws-on-load': {
    file: 'counter.ts',
    change: (text) => `${text}\nthrow new Error('at the top');\n`,
  },
  loop: {
    file: 'counter.ts',
    change: inAdd(
      "if (amount === 3) for (let round = 0; ; round++) if (round === 7) console.log('round', round);",
    ),
  },
  'loop-among-stubs': {
    file: 'counter.ts',
    change: (text) =>
      inAdd('if (amount === 3) for (;;);')(text).replace(
        '=> value * 2',
        "=> {\n  throw Object.assign(new Error('Step 1: double is not written yet'), { code: 'NOT_WRITTEN_YET' });\n}",
      ),
  },
  assertion: {
    file: 'counter.ts',
    change: (text) =>
      `import assert from 'node:assert/strict';\n${inAdd("assert(amount !== 3, 'never three at once');")(text)}`,
  },
  rejection: {
    file: 'counter.ts',
    change: inAdd("void Promise.reject(new Error('nobody waits'));"),
  },
  exit: { file: 'counter.ts', change: inAdd('process.exit(0);') },
  killed: { file: 'counter.ts', change: inAdd("process.kill(process.pid, 'SIGKILL');") },
  text: { file: 'counter.ts', change: inAdd("throw 'only text';") },
  noise: {
    file: 'counter.ts',
    change: (text) =>
      inAdd(
        "console.log('adding', amount); console.error('two\\nlines'); process.stdout.write('no end');",
      )(text).replace('+= amount', '+= amount + 1'),
  },
  object: { file: 'counter.ts', change: (text) => text.replace('value * 2', 'value * 3') },
  hang: {
    file: 'gate.ts',
    change: (text) =>
      text
        .replace('this.#waiting.push(resolve);', 'void resolve;')
        .replace('waiting.length;', '2;'),
    tests: wait ?? [],
  },
};

const results = new Map<string, JobResult>();
const finished: string[] = [];
let exitCode: typeof process.exitCode;

beforeAll(async () => {
  const jobs = Object.entries(variants).map(([name, { file, change, tests = count ?? [] }]) => {
    const srcFolder = join(folder, name, 'src');
    cpSync(join(lab.folder, 'src'), srcFolder, { recursive: true });
    if (file !== undefined && change !== undefined) {
      const text = readFileSync(join(srcFolder, file), 'utf8');
      expect(change(text), name).not.toBe(text);
      writeFileSync(join(srcFolder, file), change(text));
    }
    return { name, lab, srcFolder, tests };
  });
  writeTree(deriveTree(lab, 0), join(folder, 'skeleton'));
  jobs.push({
    name: 'skeleton',
    lab,
    srcFolder: join(folder, 'skeleton/src'),
    tests: lab.steps.flatMap(({ tests }) => tests),
  });
  exitCode = process.exitCode;
  for (const [name, result] of await runTests(jobs, { onResult: (name) => finished.push(name) }))
    results.set(name, result);
}, 600_000);

afterAll(() => {
  process.exitCode = exitCode; // The vitest that we ran in ours has set it.
  rmSync(folder, { recursive: true, force: true });
});

const testsOf = (name: string): readonly TestResult[] => results.get(name)?.tests ?? [];
const statesOf = (name: string): string[] => testsOf(name).map(({ state }) => state);
const failureOf = (name: string) =>
  testsOf(name).find(({ failure }) => failure !== undefined)?.failure;
const lineOf = (name: string, file: string, text: string): number =>
  readFileSync(join(folder, name, 'src', file), 'utf8')
    .split('\n')
    .findIndex((line) => line.includes(text)) + 1;

test('the reference passes, with figures and stable ids', () => {
  expect(results.get('reference')).toMatchObject({
    tests: [
      { id: '1-count/1', step: '1-count', state: 'passed', figures: { added: 2 }, invariant: 1 },
      { id: '1-count/2', state: 'passed', invariant: 2 },
      { id: '1-count/3', state: 'passed' },
    ],
  });
  expect(results.get('reference')).not.toHaveProperty('fault');
});

test('in the skeleton nothing is written, and what stands behind is not reached', () => {
  expect(testsOf('skeleton').map(({ id, state }) => [id, state])).toEqual([
    ['1-count/1', 'not-written'],
    ['1-count/2', 'not-reached'],
    ['1-count/3', 'not-reached'],
    ['2-history/1', 'not-written'],
    ['3-wait/1', 'not-written'],
  ]);
  // A later step that needs an earlier symbol names that one.
  expect(testsOf('skeleton')[3]?.failure?.notWritten).toEqual(['src/counter.ts#Counter.add']);
});

describe('code that cannot be loaded is a result, with its place', () => {
  test.each([
    { name: 'syntax', line: 'const x = =', message: /no TypeScript/ },
    { name: 'missing-import', line: './gone.ts', message: /no .*gone\.ts to import/ },
    { name: 'throws-on-load', line: 'at the top', message: /at the top/ },
  ])('$name', ({ name, line, message }) => {
    expect(testsOf(name)).toMatchObject([
      {
        id: '1-count/0',
        state: 'failed',
        failure: { at: { file: 'src/counter.ts', line: lineOf(name, 'counter.ts', line) } },
      },
    ]);
    expect(failureOf(name)?.message).toMatch(message);
    expect(results.get(name)).not.toHaveProperty('fault');
  });
});

test('an export that is gone is named', () => {
  expect(statesOf('missing-export')).toEqual(['passed', 'passed', 'failed']);
  expect(failureOf('missing-export')?.message).toMatch(/^double is imported/);
});

test('an endless loop is ended, and what it did and printed last is there', () => {
  expect(statesOf('loop')).toEqual(['failed', 'not-reached', 'not-reached']);
  expect(failureOf('loop')).toMatchObject({
    timedOut: true,
    events: ['add 2', 'add 3'],
    output: ['round 7'],
  });
});

test('an endless loop is no matter of what is not written elsewhere', () => {
  expect(statesOf('loop-among-stubs')).toEqual(['failed', 'not-reached', 'not-reached']);
  expect(failureOf('loop-among-stubs')).toMatchObject({
    timedOut: true,
    notWritten: [],
    events: ['add 2', 'add 3'],
  });
});

test("an assertion of the code's own is told with its words and its place, without true and false", () => {
  expect(failureOf('assertion')).toMatchObject({
    message: 'an assertion does not hold: never three at once',
    at: { file: 'src/counter.ts', line: lineOf('assertion', 'counter.ts', 'never three') },
  });
  expect(failureOf('assertion')).not.toHaveProperty('expected');
});

test('a hang ends with its last event', () => {
  expect(failureOf('hang')).toMatchObject({
    timedOut: true,
    events: ['two wait', 'the gate opens', 'both pass'],
  });
});

test('a rejection that nobody handles fails the test that caused it', () => {
  expect(statesOf('rejection')).toEqual(['failed', 'not-reached', 'not-reached']);
  expect(failureOf('rejection')).toMatchObject({
    at: { file: 'src/counter.ts', line: lineOf('rejection', 'counter.ts', 'nobody waits') },
  });
  expect(failureOf('rejection')?.message).toContain('nobody waits');
});

test('process.exit() in the code under test ends one test, not the runner', () => {
  expect(statesOf('exit')).toEqual(['failed', 'not-reached', 'not-reached']);
  expect(failureOf('exit')?.message).toBe('the code under test called process.exit(0)');
});

test('a process that is gone fails the test that ran', () => {
  expect(statesOf('killed')).toEqual(['failed', 'not-reached', 'not-reached']);
  expect(failureOf('killed')?.message).toMatch(/ended in the middle of this test/);
});

test('a thrown text is as good as an error', () => {
  expect(failureOf('text')?.message).toBe('only text');
});

test('what the code prints belongs to its test, line by line', () => {
  expect(failureOf('noise')).toMatchObject({
    expected: '2',
    actual: '3',
    output: ['adding 2', 'two', 'lines', 'no end'],
  });
});

test('values of several lines come whole', () => {
  expect(failureOf('object')).toMatchObject({
    expected: '{\n  "of": 21,\n  "twice": 42,\n}',
    actual: '{\n  "of": 21,\n  "twice": 63,\n}',
  });
});

test('every job is told about as soon as its files have ended by themselves', () => {
  expect(finished).toEqual(expect.arrayContaining(['reference', 'syntax', 'hang', 'skeleton']));
});

test('a test file that is not there is a fault of the course', async () => {
  const jobs = [
    { name: 'none', lab, srcFolder: join(lab.folder, 'src'), tests: ['test/steps/9-none.test.ts'] },
  ];
  const result = (await runTests(jobs)).get('none');
  expect(result).toMatchObject({ tests: [], fault: 3 });
  expect(result?.problem).toContain('9-none.test.ts');
});

test('an abort ends the run, also one that hangs', async () => {
  const srcFolder = join(folder, 'loop', 'src');
  const stop = new AbortController();
  const running = runTests([{ name: 'loop', lab, srcFolder, tests: count ?? [] }], {
    signal: stop.signal,
  });
  setTimeout(() => stop.abort(new Error('enough')), 700);
  const started = performance.now();
  await expect(running).rejects.toThrow('enough');
  expect(performance.now() - started).toBeLessThan(60_000);
});

/** A session of step 1 on a copy of its own, and what says how each test ended. */
function openSession(name: string) {
  const srcFolder = join(folder, name, 'src');
  cpSync(join(lab.folder, 'src'), srcFolder, { recursive: true });
  const session = new TestSession([{ name, lab, srcFolder, tests: count ?? [] }]);
  return {
    file: (path: string) => join(srcFolder, path),
    states: async (signal = new AbortController().signal) =>
      (await session.run(signal)).get(name)?.tests.map(({ state }) => state),
    close: () => session.close(),
  };
}

const PASSED = ['passed', 'passed', 'passed'];

test('a session reads again what has changed on the disk, and what has come or gone', async () => {
  const { file, states, close } = openSession('again');
  try {
    const right = readFileSync(file('counter.ts'), 'utf8');
    const history = readFileSync(file('history.ts'), 'utf8');
    expect(await states()).toEqual(PASSED);
    expect(await states()).toEqual(PASSED);
    // Of the same length, and seemingly as old.
    const { atime, mtime } = statSync(file('counter.ts'));
    writeFileSync(file('counter.ts'), right.replace('value * 2', 'value * 3'));
    utimesSync(file('counter.ts'), atime, mtime);
    expect(await states()).toEqual(['passed', 'passed', 'failed']);
    writeFileSync(file('counter.ts'), right);
    expect(await states()).toEqual(PASSED);
    rmSync(file('history.ts'));
    expect(await states()).toEqual(['failed']);
    writeFileSync(file('history.ts'), history);
    expect(await states()).toEqual(PASSED);
    writeFileSync(file('history.ts'), history.replace('record(value', 'recorded(value'));
    expect(await states()).toEqual(['failed', 'not-reached', 'not-reached']);
  } finally {
    await close();
  }
});

test('a session that was cut off in the middle of a loop runs again at once', async () => {
  const { file, states, close } = openSession('cut-off');
  try {
    const right = readFileSync(file('counter.ts'), 'utf8');
    expect(await states()).toEqual(PASSED);
    for (let round = 0; round < 2; round++) {
      writeFileSync(file('counter.ts'), inAdd('for (;;);')(right));
      const stop = new AbortController();
      const running = states(stop.signal);
      setTimeout(() => stop.abort(new Error('saved again')), 600);
      await expect(running).rejects.toThrow('saved again');
      writeFileSync(file('counter.ts'), right);
      expect(await states()).toEqual(PASSED);
    }
  } finally {
    await close();
  }
});
