// Nothing that a person wrote is ever lost: every verb that changes files, and the way back, compared byte for byte.
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Learner } from './support/learner.ts';

/** Path → bytes of everything in work/01-tiny/src. */
function bytesOf(learner: Learner): Record<string, string> {
  const src = learner.path('work/01-tiny/src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) =>
    statSync(join(src, file)).isFile(),
  );
  return Object.fromEntries(
    files.sort().map((file) => [file, readFileSync(join(src, file)).toString('base64')]),
  );
}

/** A learner in the middle of step 1, with things in the folder that no parser reads. */
async function inTheMiddle(): Promise<Learner> {
  const learner = new Learner();
  await learner.lab('start');
  learner.edit('src/counter.ts', (text) =>
    text
      .replace(
        /throw Object\.assign\(new Error\('Step 1: Counter\.add[^;]*;/,
        'return this.#bump(amount); // my own way',
      )
      .replace(
        '  get total',
        '  #bump(amount: number): number {\n    this.#total += amount;\n    return this.#total;\n  }\n\n  get total',
      ),
  );
  mkdirSync(learner.path('work/01-tiny/src/notes'));
  writeFileSync(
    learner.path('work/01-tiny/src/notes/thoughts.txt'),
    'no newline at the end, \r\n and ünïcode',
  );
  writeFileSync(
    learner.path('work/01-tiny/src/notes/image.bin'),
    Buffer.from([0, 255, 254, 10, 13, 0, 128]),
  );
  return learner;
}

test('reset of a symbol changes its body alone; undo brings everything back, and an undo can be undone', async () => {
  await using learner = await inTheMiddle();
  const mine = bytesOf(learner);
  const reset = await learner.lab('reset', 'Counter.add');
  expect(reset.code).toBe(0);
  expect(reset.stdout).toMatch(/work\/\.lab\/saved\/01-tiny\/1-[\dT-]+-reset/);
  const text = learner.read('src/counter.ts');
  expect(text).toContain("new Error('Step 1: Counter.add is not written yet')");
  expect(text).toContain('#bump(amount: number): number {\n    this.#total += amount;');
  const afterReset = bytesOf(learner);
  expect(Object.keys(afterReset)).toEqual(Object.keys(mine));
  expect(await learner.lab('undo')).toMatchObject({ code: 0 });
  expect(bytesOf(learner)).toEqual(mine);
  expect(await learner.lab('undo')).toMatchObject({ code: 0 });
  expect(bytesOf(learner)).toEqual(afterReset);
  expect(await learner.lab('undo', '1')).toMatchObject({ code: 0 });
  expect(bytesOf(learner)).toEqual(mine);
  const list = await learner.lab('undo', '--list');
  expect(list.stdout.trim().split('\n').length).toBeGreaterThanOrEqual(2);
  expect(list.stdout).toMatch(/^ +1 .*before reset/);
});

test('undo brings back the files that its command changed, and leaves what was written elsewhere since', async () => {
  await using learner = await inTheMiddle();
  await learner.lab('reset', 'Counter.add');
  await learner.lab('undo');
  await learner.lab('undo'); // Not written yet again.
  learner.solve('src/history.ts', 'src/gate.ts');
  learner.write('src/notes/thoughts.txt', 'other ones');
  const since = bytesOf(learner);
  const undone = await learner.lab('undo');
  expect(undone.code).toBe(0);
  expect(undone.stdout.replace(/\s+/g, ' ')).toContain('1 file (counter.ts)');
  expect(undone.stdout.replace(/\s+/g, ' ')).toContain(
    'Left as it is, for that undo had no part in it: gate.ts, history.ts, notes/thoughts.txt',
  );
  const after = bytesOf(learner);
  expect(learner.read('src/counter.ts')).toContain('my own way');
  expect({ ...after, 'counter.ts': since['counter.ts'] }).toEqual(since);

  // What was written by hand in the command's own file is said, and can be had again.
  await learner.lab('reset', 'Counter.add');
  learner.edit('src/counter.ts', (text) => `${text}// by hand\n`);
  const byHand = bytesOf(learner);
  const said = await learner.lab('undo');
  expect(said.stdout).toContain('You had gone on writing in counter.ts since');
  expect(bytesOf(learner)).toEqual(after);
  await learner.lab('undo');
  expect(bytesOf(learner)).toEqual(byHand);

  // The whole folder, as it was before the first command, on demand.
  await learner.lab('undo', '1', '--all');
  expect(learner.read('src/history.ts')).toContain('is not written yet');
  await learner.lab('undo');
  expect(bytesOf(learner)).toEqual(byHand);
});

test("reset of the lab keeps files of the learner's own, and undo brings back the others", async () => {
  await using learner = await inTheMiddle();
  rmSync(learner.path('work/01-tiny/src/gate.ts'));
  const mine = bytesOf(learner);
  expect((await learner.lab('reset', 'lab')).code).toBe(0);
  const after = bytesOf(learner);
  expect(Object.keys(after)).toEqual(
    expect.arrayContaining(['gate.ts', 'notes/image.bin', 'notes/thoughts.txt']),
  );
  expect(learner.read('src/counter.ts')).not.toContain('#bump');
  expect((await learner.lab('undo')).code).toBe(0);
  expect(bytesOf(learner)).toEqual(mine);
});

test('solution waits for the pass or a plain "show me"; --apply writes that symbol alone', async () => {
  await using learner = await inTheMiddle();
  const mine = bytesOf(learner);
  const refused = await learner.lab('solution', 'double');
  expect(refused.code).toBe(1);
  expect(refused.stdout).toContain('npx lab solution double --show-me');
  expect(refused.stdout).not.toContain('value * 2');
  expect((await learner.lab('solution', 'double', '--show-me')).stdout).toContain('value * 2');
  expect(bytesOf(learner)).toEqual(mine);

  expect((await learner.lab('solution', 'double', '--show-me', '--apply')).code).toBe(0);
  expect(learner.read('src/counter.ts')).toContain(
    'export const double = (value: number): number => value * 2;',
  );
  expect(learner.read('src/counter.ts')).toContain('return this.#bump(amount); // my own way');
  expect((await learner.lab('undo')).code).toBe(0);
  expect(bytesOf(learner)).toEqual(mine);
  const { stdout } = await learner.lab('status');
  expect(stdout).toContain('2 solutions (2 before the pass)');
});

test('a skeleton with the solutions of all steps applied is the reference, byte for byte', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  // What would give the answer away is not in the skeleton, and comes along with the solution.
  expect(learner.read('src/gate.ts')).not.toContain('passAll');
  for (const step of ['1', '2', '3']) {
    expect((await learner.lab('solution', step, '--show-me', '--apply')).code).toBe(0);
  }
  for (const file of ['src/counter.ts', 'src/history.ts', 'src/gate.ts']) {
    expect(learner.read(file)).toBe(readFileSync(learner.path('labs/01-tiny', file), 'utf8'));
  }
  expect((await learner.lab('reset', 'lab')).code).toBe(0);
  expect((await learner.lab('reset', 'lab')).stdout).toContain('Nothing to do');
});

test('catch-up takes the reference for what has not passed, and leaves all else', async () => {
  await using learner = await inTheMiddle();
  learner.edit('src/history.ts', (text) => `${text}\n// a thought about history\n`);
  const mine = bytesOf(learner);
  const caught = await learner.lab('catch-up', '3');
  expect(caught.code).toBe(0);
  expect(caught.stdout).toContain('step 1, 2');
  expect(learner.read('src/history.ts')).toContain('// a thought about history');
  expect(learner.read('src/counter.ts')).toContain('#bump(amount: number)');
  expect(learner.read('src/gate.ts')).toContain('is not written yet');
  expect((await learner.lab('check', '2')).code).toBe(0);
  expect((await learner.lab('status')).stdout).toMatch(/→ · 3 Waiting/);
  expect((await learner.lab('undo')).code).toBe(0);
  expect(bytesOf(learner)).toEqual(mine);
});

test('catch-up leaves a step that has passed as the learner wrote it', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  learner.solve('src/counter.ts');
  learner.edit('src/counter.ts', (text) => text.replace('value * 2', 'value + value'));
  expect((await learner.lab('check')).code).toBe(0);
  expect((await learner.lab('catch-up', '3')).stdout).toContain('step 2 (');
  expect(learner.read('src/counter.ts')).toContain('value + value');
});

test("a file that does not parse is never touched by a symbol's reset; the whole file can be taken back", async () => {
  await using learner = await inTheMiddle();
  learner.edit('src/counter.ts', (text) =>
    text.replace('this.#total += amount;', 'this.#total += = amount;'),
  );
  const mine = bytesOf(learner);
  for (const args of [
    ['reset', 'double'],
    ['solution', 'double', '--show-me', '--apply'],
    ['catch-up', '2'],
  ]) {
    const { code, stderr } = await learner.lab(...args);
    expect(code, args.join(' ')).toBe(1);
    expect(stderr).toMatch(/work\/01-tiny\/src\/counter\.ts:\d+:\d+/);
    expect(stderr).toContain('npx lab reset src/counter.ts');
    expect(bytesOf(learner)).toEqual(mine);
  }
  expect((await learner.lab('reset', 'src/counter.ts')).code).toBe(0);
  expect(learner.read('src/counter.ts')).toContain('is not written yet');
  expect((await learner.lab('undo')).code).toBe(0);
  expect(bytesOf(learner)).toEqual(mine);
});

test('a symbol that lost its name is named, and nothing is written', async () => {
  await using learner = await inTheMiddle();
  learner.edit('src/counter.ts', (text) =>
    text.replace('export const double', 'export const twice'),
  );
  const mine = bytesOf(learner);
  const { code, stderr } = await learner.lab('reset', 'double');
  expect(code).toBe(1);
  expect(stderr).toContain('Cannot find double in work/01-tiny/src/counter.ts');
  expect(bytesOf(learner)).toEqual(mine);
});

test("a deleted file comes back from the skeleton with a symbol's reset", async () => {
  await using learner = await inTheMiddle();
  rmSync(learner.path('work/01-tiny/src/history.ts'));
  const check = await learner.lab('check');
  expect(check.code).toBe(1);
  expect(check.stdout).toMatch(/there is no .*history\.ts to import/);
  expect((await learner.lab('reset', 'History.at')).code).toBe(0);
  expect(learner.read('src/history.ts')).toContain('is not written yet');
});

test('diff compares with the reference, after the pass or on --show', async () => {
  await using learner = await inTheMiddle();
  const refused = await learner.lab('diff', 'mine');
  expect(refused.code).toBe(1);
  expect(refused.stdout).not.toContain('RangeError');
  const shown = await learner.lab('diff', 'mine', '--show');
  expect(shown.code).toBe(0);
  expect(shown.stdout).toMatch(/^--- yours\/src\/counter\.ts\n\+\+\+ reference\/src\/counter\.ts/);
  expect(shown.stdout).toMatch(/^- +return this\.#bump/m);
  const steps = await learner.lab('diff', 'step', '1', '2', '--show');
  expect(steps.stdout).toMatch(/^\+ +return this\.#values\[index - 1\];/m);
  expect(steps.stdout).not.toContain('gate.ts');
  expect((await learner.lab('diff', '2', '1')).code).toBe(1);
});
