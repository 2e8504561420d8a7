// The learner's way, as a process each time: from an empty work/ to a finished lab.
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { widthOf } from '../../src/check/text.ts';
import { Learner, repositoryRoot } from './support/learner.ts';

test('start, red, write, green, next, to the end of the lab', async () => {
  await using learner = new Learner();

  const before = await learner.lab('check');
  expect(before).toMatchObject({ code: 1, stdout: '' });
  expect(before.stderr).toContain('npx lab start');

  expect(await learner.lab('start')).toMatchObject({ code: 0, stderr: '' });
  expect(readdirSync(learner.path('work/01-tiny')).sort()).toEqual(
    ['.git', '.gitignore', 'AGENTS.md', 'README.md', 'package.json', 'src', 'tsconfig.json'].sort(),
  );
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: learner.path('work/01-tiny'), encoding: 'utf8' }).trim();
  expect(git('log', '--format=%s')).toBe('The skeleton of lab 01-tiny');
  expect(git('remote')).toBe('');
  expect(git('status', '--porcelain')).toBe('');

  const red = await learner.lab('check');
  expect(red.code).toBe(1);
  expect(red.stdout).toMatch(/○ adding tells the new total +not written yet/);
  expect(red.stdout).toMatch(/to write +work\/01-tiny\/src\/counter\.ts:\d+ +Counter\.add/);
  const early = await learner.lab('next');
  expect(early.code).toBe(1);
  expect(early.stdout.replace(/\s+/g, ' ')).toContain('this failed: "adding tells the new total"');

  learner.solve('src/counter.ts');
  const green = await learner.lab('check');
  expect(green.stdout).toMatch(/✓ adding tells the new total +2 added, \d+ ms/);
  expect(green).toMatchObject({ code: 0, stderr: '' });

  // A pass counts for exactly the code that was tested.
  const passed = learner.read('src/counter.ts');
  learner.write('src/counter.ts', `${passed}// one more thought\n`);
  const changed = await learner.lab('next');
  expect(changed.code).toBe(1);
  expect(changed.stdout.replace(/\s+/g, ' ')).toContain(
    'has passed, but your code has changed since',
  );
  learner.write('src/counter.ts', passed);
  expect((await learner.lab('next')).stdout).toContain('Step 2 of 3: A history');

  expect((await learner.lab('check')).stdout).toMatch(/· step 1 · Counting +not reached/);
  learner.solve('src/history.ts');
  const second = await learner.lab('check');
  expect(second.stdout).toMatch(/✓ step 1 · Counting +3 tests/);
  expect(second.code).toBe(0);
  expect((await learner.lab('next')).code).toBe(0);

  learner.solve('src/gate.ts');
  expect((await learner.lab('check')).code).toBe(0);
  expect((await learner.lab('next')).stdout).toContain('That was the last step of lab 01-tiny');
  const status = await learner.lab('status');
  expect(status.stdout).toContain('3 of 3 steps passed');
});

test('an earlier step that breaks is found when the current one passes', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  learner.solve('src/counter.ts', 'src/history.ts', 'src/gate.ts');
  learner.edit('src/counter.ts', (text) => text.replace('value * 2', 'value * 3'));
  const { code, stdout } = await learner.lab('check', '3', '--json');
  expect(code).toBe(1);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({ lab: '01-tiny', step: '3-wait', exitCode: 1 });
  const states = result.tests.map(
    ({ id, state }: { id: string; state: string }) => `${id} ${state}`,
  );
  expect(states).toEqual([
    '3-wait/1 passed',
    '1-count/1 passed',
    '1-count/2 passed',
    '1-count/3 failed',
    '2-history/1 passed',
  ]);
  expect((await learner.lab('status', '--json')).stdout).not.toContain('"passedAt"');
});

test('--json prints one result of the agreed form, and nothing else', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  learner.edit('src/counter.ts', (text) =>
    text.replace('add(amount: number): number {\n', "$&    console.log('noise');\n"),
  );
  const { stdout, stderr, code } = await learner.lab('check', '--all', '--json');
  expect({ stderr, code }).toEqual({ stderr: '', code: 1 });
  expect(stdout.trim().split('\n')).toHaveLength(1);
  const { tests, ...result } = JSON.parse(stdout);
  expect(result).toEqual({ lab: '01-tiny', step: '1-count', exitCode: 1 });
  expect(tests.map(({ step }: { step: string }) => step)).toEqual([
    '1-count',
    '1-count',
    '1-count',
    '2-history',
    '3-wait',
  ]);
  expect(tests[0]).toEqual({
    id: '1-count/1',
    step: '1-count',
    idea: 'adding tells the new total',
    invariant: 1,
    byHand: 'npx tsx labs/01-tiny/src/main.ts add 2',
    symbols: ['src/counter.ts#Counter.add'],
    figures: {},
    state: 'not-written',
    durationMs: expect.any(Number),
    failure: {
      message: 'Step 1: Counter.add is not written yet',
      events: ['add 2'],
      timedOut: false,
      notWritten: ['src/counter.ts#Counter.add'],
      at: { file: 'src/counter.ts', line: expect.any(Number) },
      output: ['noise'],
    },
  });
});

test('a second start changes nothing, not even what is missing', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  learner.write('src/counter.ts', 'mine alone\n');
  rmSync(learner.path('work/01-tiny/src/gate.ts'));
  const again = await learner.lab('start', '01-tiny');
  expect(again).toMatchObject({ code: 0 });
  expect(again.stdout).toContain('already there');
  expect(learner.read('src/counter.ts')).toBe('mine alone\n');
  expect(existsSync(learner.path('work/01-tiny/src/gate.ts'))).toBe(false);
});

test('hints come one by one, three levels, and are remembered', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  const said: string[] = [];
  for (let round = 0; round < 4; round++) said.push((await learner.lab('hint', 'add')).stdout);
  expect(said[0]).toMatch(/Hint 1 of 3 for Counter\.add[\s\S]*between two calls/);
  expect(said[0]).not.toContain('Hint 2');
  expect(said[1]).toMatch(/Hint 2 of 3/);
  expect(said[2]).toMatch(/Hint 3 of 3[\s\S]*npx lab solution Counter\.add --show-me/);
  expect(said[3]).toMatch(/Hint 1 of 3[\s\S]*Hint 2 of 3[\s\S]*Hint 3 of 3/);
  // A symbol without hints of its own has those of the step.
  expect((await learner.lab('hint', 'double')).stdout).toContain('Hint 1 of 3 for step 1');
});

test('a hint may be for a symbol of any step, and is remembered there', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  await learner.lab('catch-up', '2');
  const earlier = await learner.lab('hint', 'Counter.add');
  expect(earlier).toMatchObject({ code: 0, stderr: '' });
  expect(earlier.stdout).toContain('Hint 1 of 3 for Counter.add');
  expect((await learner.lab('hint', 'Counter.add')).stdout).toContain('Hint 2 of 3');
  const later = await learner.lab('hint', 'open');
  expect(later.stdout).toMatch(/Hint 1 of 3 for step 3[\s\S]*npx lab hint step --step 3/);
  expect((await learner.lab('hint', 'step', '--step', '3')).stdout).toContain('Hint 2 of 3');
  const { labs } = JSON.parse((await learner.lab('status', '--json')).stdout);
  expect(labs[0].steps.map(({ hints }: { hints: object }) => hints)).toEqual([
    { 'src/counter.ts#Counter.add': 2 },
    {},
    { step: 2 },
  ]);
  const unknown = await learner.lab('hint', 'Counter.ad');
  expect(unknown.stderr).toContain('Lab 01-tiny has no symbol Counter.ad; near it: Counter.add');
  const elsewhere = await learner.lab('hint', 'Counter.add', '--step', '2');
  expect(elsewhere.stderr).toMatch(/^Step 2 has no symbol Counter\.add; near it: /);
});

test('what is checked after the pass counts no more, and what it says is of that step', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  const untold = await learner.lab('diff', 'mine');
  expect(untold).toMatchObject({ code: 1, stderr: '' });
  learner.solve('src/counter.ts');
  learner.edit('src/counter.ts', (text) => text.replace('value * 2', 'value + value'));
  expect((await learner.lab('check')).stdout).toContain('next: npx lab next · npx lab diff mine 1');
  await learner.lab('next');
  const again = await learner.lab('check', '1');
  expect(again.stdout).toMatch(/3 passed\n\nnext: npx lab diff mine 1\n$/);
  const [first] = JSON.parse((await learner.lab('report')).stdout).labs[0].steps;
  expect(first).toMatchObject({ passed: true, attempts: 1 });
  // Step 2 has not passed: what there is to compare is step 1.
  const mine = await learner.lab('diff', 'mine');
  expect(mine.code).toBe(0);
  expect(mine.stdout).toMatch(/^-.*value \+ value/m);
  expect(mine.stderr.replace(/\s+/g, ' ')).toContain(
    'Step 1 (Counting), the last one that has passed',
  );
  expect((await learner.lab('diff', 'mine', '2')).code).toBe(1);
});

test('before any start the lesson says how to begin', async () => {
  await using learner = new Learner();
  expect((await learner.lab('task')).stdout).toContain('Not started yet: npx lab start 01-tiny');
  await learner.lab('start');
  expect((await learner.lab('task')).stdout).not.toContain('Not started');
});

test('nothing that is said is wider than 80 columns', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  await learner.lab('check');
  await learner.lab('solution', '1', '--show-me', '--apply');
  await learner.lab('check');
  learner.edit('src/counter.ts', (text) => `${text}// changed\n`);
  await learner.lab('hint');
  await learner.lab('reset', 'double');
  const said = [
    await learner.lab('check', '9'),
    await learner.lab('next'),
    await learner.lab('status'),
    await learner.lab('undo', '--list'),
    await learner.lab('undo'),
    await learner.lab('undo', '1'),
    await learner.lab('start'),
    await learner.lab('diff', 'mine', '3'),
  ];
  const lines = said.flatMap(({ stdout, stderr }) => `${stdout}${stderr}`.split('\n'));
  const saved = /work\/\.lab\/saved\/\S+$/; // A path is one word.
  expect(lines.filter((line) => line.length > 80 && !saved.test(line))).toEqual([]);
});

test("the lesson reads well at 80 columns, with the skeleton's code and without the answers", async () => {
  await using learner = new Learner();
  const { stdout, code } = await learner.lab('task');
  expect(code).toBe(0);
  expect(stdout).toContain('COUNTING');
  expect(stdout).toContain('1. The total is the sum');
  expect(stdout).toMatch(/ {4}add\(amount: number\): number \{\n +throw Object\.assign/);
  expect(stdout).not.toContain('a revision cannot be half');
  const prose = stdout.split('\n').filter((line) => !line.startsWith('    '));
  expect(prose.filter((line) => line.length > 80)).toEqual([]);
  expect((await learner.lab('task', '1', '--answers')).stdout).toContain(
    'a revision cannot be half',
  );
});

test('the way into a lab is read before its first step, and who has it not yet is told', async () => {
  await using learner = new Learner();
  const missing = await learner.lab('task', 'intro');
  expect(missing).toMatchObject({ code: 3 });
  expect(missing.stderr).toContain('Lab 01-tiny has no introduction yet');
  writeFileSync(
    learner.path('labs/01-tiny/steps/intro.md'),
    '# Tiny\n\nYou count, and then you double.\n',
  );
  expect((await learner.lab('start')).stdout).toContain('npx lab task intro');
  const { stdout, code } = await learner.lab('task', 'intro');
  expect(code).toBe(0);
  expect(stdout).toContain('You count, and then you double.');
});

test('report holds steps, attempts, hints and solutions, and no code', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  await learner.lab('check');
  await learner.lab('hint', 'add');
  await learner.lab('solution', 'double', '--show-me');
  expect((await learner.lab('report', '--out', 'report.json')).code).toBe(0);
  const text = readFileSync(learner.path('report.json'), 'utf8');
  const [first, second] = JSON.parse(text).labs[0].steps;
  expect(first).toMatchObject({
    step: '1-count',
    passed: false,
    minutesPlanned: 5,
    attempts: 1,
    failing: ['1-count/1'],
    hints: { 'src/counter.ts#Counter.add': 1 },
    solutions: [{ what: 'src/counter.ts#double', how: 'shown', early: true }],
  });
  expect(second).toMatchObject({ step: '2-history', attempts: 0, startedAt: null });
  expect(text).not.toContain('value * 2');
});

test('a green check says in a line when only the compiler is not content, and passes all the same', async () => {
  await using learner = new Learner();
  copyFileSync(join(repositoryRoot, 'tsconfig.json'), learner.path('tsconfig.json'));
  await learner.lab('start');
  learner.solve('src/counter.ts');
  expect((await learner.lab('check')).stdout).not.toContain('types');
  learner.edit('src/counter.ts', (text) => `${text}export const wrong: string = 1;\n`);
  const { code, stdout } = await learner.lab('check');
  expect(code).toBe(0);
  const line = learner.read('src/counter.ts').trimEnd().split('\n').length;
  expect(stdout.replace(/\s+/g, ' ')).toContain(
    `! The tests pass, the types do not: work/01-tiny/src/counter.ts:${line} TS2322: `,
  );
  expect(stdout.replace(/\s+/g, ' ')).toContain('(npx tsc -p work/01-tiny)');
  const [json] = (await learner.lab('check', '--json')).stdout.trim().split('\n');
  expect(JSON.parse(json ?? '')).toMatchObject({ exitCode: 0 });
});

test('what catch-up took is called so, before and after it is green', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  await learner.lab('catch-up', '3');
  expect((await learner.lab('status')).stdout).toMatch(/1 Counting {2}by catch-up$/m);
  await learner.lab('check', '2');
  const { stdout } = await learner.lab('status');
  expect(stdout).toContain('2 of 3 steps passed, 2 of them by catch-up');
  expect(stdout).toMatch(/1 Counting {2}passed [-\d: ]+, by catch-up$/m);
  expect(stdout).not.toContain('solution');
});

test('in Chinese too a lesson fits the terminal and keeps its answers back, and hints have names', async () => {
  await using learner = new Learner();
  const folder = 'labs/01-tiny/steps/1-count';
  const sentence = '总数是所有加数的和，而修订号不可能只有一半（没有小数）。'.repeat(4);
  writeFileSync(
    learner.path(folder, 'lesson.zh.md'),
    `# 计数\n\n## 为什么\n\n${sentence}\n\n## 思考题\n\n### 为什么？\n\n> 这是答案。\n`,
  );
  const { stdout } = await learner.lab('task', '1', '--language', 'zh');
  expect(stdout).toContain('为什么？');
  expect(stdout).not.toContain('这是答案');
  expect(stdout.split('\n').filter((line) => widthOf(line) > 80)).toEqual([]);
  const all = await learner.lab('task', '1', '--language', 'zh', '--answers');
  expect(all.stdout).toContain('这是答案');
  await learner.lab('start');
  const hint = await learner.lab('hint', 'Counter.add', '--language', 'zh');
  expect(hint.stdout).toContain('Hint 1 of 3 for Counter.add: 一个问题');
});
