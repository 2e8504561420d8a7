// Trouble: what a learner, a machine or the course can do wrong, and the exit code and words that follow. Never a stack.
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Learner, repositoryRoot, type Said } from './support/learner.ts';

const STACK = /^\s+at .+:\d+:\d+\)?$/m;
const ADD = 'add(amount: number): number {\n';

function assertNoStack({ stdout, stderr }: Said): void {
  expect(stdout).not.toMatch(STACK);
  expect(stderr).not.toMatch(STACK);
}

describe("the learner's code (exit code 1)", () => {
  test.each([
    {
      name: 'a syntax error',
      change: (text: string) => text.replace(ADD, `${ADD}    const = 3;\n`),
      says: [/this is no TypeScript/, /it broke at +work\/01-tiny\/src\/counter\.ts:17/],
    },
    {
      name: 'an endless loop',
      change: (text: string) => text.replace(ADD, `${ADD}    for (;;);\n`),
      says: [/✗ adding tells .* failed/, /an endless\s+loop/, /it was doing +add 2/],
    },
    {
      name: 'an endless loop while another function is not written',
      change: (text: string) =>
        text
          .replace(ADD, `${ADD}    for (;;);\n`)
          .replace(
            '=> value * 2',
            "=> {\n  throw Object.assign(new Error('Step 1: double is not written yet'), { code: 'NOT_WRITTEN_YET' });\n}",
          ),
      says: [/✗ adding tells .* failed/, /it was doing +add 2/, /look at .* Counter\.add/],
    },
    { name: 'an empty file', change: () => '', says: [/(Counter|double) is imported/] },
  ])('$name', async ({ change, says }) => {
    await using learner = new Learner();
    await learner.lab('start');
    learner.solve('src/counter.ts', 'src/history.ts');
    learner.edit('src/counter.ts', change);
    // As a learner has it: an endless loop is ended after a few seconds.
    const said = await learner.start(['check'], { env: { KUBE_LABS_PATIENCE: '1' } }).ended;
    expect(said.code).toBe(1);
    for (const pattern of says) expect(said.stdout).toMatch(pattern);
    assertNoStack(said);
  });

  test('a src folder that is gone', async () => {
    await using learner = new Learner();
    await learner.lab('start');
    rmSync(learner.path('work/01-tiny/src'), { recursive: true });
    const said = await learner.lab('check');
    expect(said.code).toBe(1);
    expect(said.stderr).toContain('npx lab reset lab');
    expect((await learner.lab('reset', 'lab')).code).toBe(0);
    expect(learner.read('src/counter.ts')).toContain('not written yet');
  });
});

describe('what was asked for (exit code 1)', () => {
  test('names that do not exist lead to those that are near', async () => {
    await using learner = new Learner();
    await learner.lab('start');
    const cases: [string[], RegExp][] = [
      [['check', '7'], /no step 7; there is 1-count, 2-history, 3-wait/],
      [['hint', 'Counter.ad'], /near it: .*Counter\.add/],
      [['check', 'histry'], /no step histry; there is 2-history/],
      [['reset', 'Counter.ad'], /near it: .*Counter\.add/],
      [['start', '2-tiny'], /no lab 2-tiny; there is 01-tiny/],
      [['reset', 'src/counte.ts'], /near it: src\/counter\.ts/],
      [['undo', '9'], /nothing to undo/],
      [['chek'], /Did you mean check\?/],
      [['check', '--wach'], /Did you mean --watch\?/],
    ];
    for (const [args, pattern] of cases) {
      const said = await learner.lab(...args);
      expect(said.code, args.join(' ')).toBe(1);
      expect(said.stderr).toMatch(pattern);
      assertNoStack(said);
    }
  });

  test('every verb explains itself', async () => {
    await using learner = new Learner();
    const help = await learner.lab('--help');
    expect(help.code).toBe(0);
    expect(help.stdout).toContain('fresh clone begin with `npm run lab -- start 01-store`');
    expect(help.stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    const verbs = [
      'doctor',
      'start',
      'task',
      'check',
      'hint',
      'next',
      'status',
      'diff',
      'solution',
      'reset',
      'undo',
      'catch-up',
      'report',
      'ask',
      'join',
      'leave',
    ];
    const said = await Promise.all(verbs.map((verb) => learner.lab(verb, '--help')));
    for (const [index, { code, stdout }] of said.entries()) {
      expect(code).toBe(0);
      expect(stdout).toContain(`npx lab ${verbs[index]}`);
    }
  });
});

describe('the machine (exit code 2)', () => {
  test('doctor names what is missing, and only what is needed ends with 2', async () => {
    await using learner = new Learner();
    const bare = learner.path('bin');
    mkdirSync(bare);
    const without = await learner.start(['doctor'], { env: { PATH: bare } }).ended;
    expect(without.stdout).toMatch(/! git +not found/);
    expect(without.stdout).toMatch(/! etcdctl +not found\n[^!✓✗]*etcd-client/);
    expect(without.stdout).toMatch(/! kubectl +not found\n[^!✓✗]*docs\/tasks\/tools/);
    expect(without.stdout).toMatch(/! curl +not found\n[^!✓✗]*package curl/);
    expect(without.code).toBe(0);
    unlinkSync(learner.path('node_modules'));
    const needed = await learner.lab('doctor');
    expect(needed.stdout).toMatch(/✗ packages +vitest/);
    expect(needed.stdout).toContain('npm ci');
    expect(needed.code).toBe(2);
  });

  test('start works without git, and says so', async () => {
    await using learner = new Learner();
    const said = await learner.start(['start'], { env: { PATH: learner.path('nowhere') } }).ended;
    expect(said.code).toBe(0);
    expect(said.stderr).toContain('without a git repository');
    expect(readdirSync(learner.path('work/01-tiny'))).not.toContain('.git');
  });

  test("a command that a test needs and that is not here is no fault of the learner's", async () => {
    await using learner = new Learner();
    await learner.lab('start');
    learner.solve('src/counter.ts');
    const file = learner.path('labs/01-tiny/test/steps/1-count.test.ts');
    writeFileSync(
      file,
      readFileSync(file, 'utf8').replace(
        "byHand: 'npx tsx labs/01-tiny/src/main.ts add 2',",
        "$& needs: ['no-such-command'],",
      ),
    );
    const said = await learner.lab('check');
    expect(said.code).toBe(2);
    expect(said.stdout).toContain('fault of the machine');
    expect(said.stdout).toContain('no-such-command');
    expect((await learner.lab('status', '--json')).stdout).toMatch(/"attempts": 0/);
  });
});

describe('the course (exit code 3)', () => {
  test.each([
    {
      name: 'lab.yaml that does not read',
      file: 'lab.yaml',
      change: (text: string) => text.replace('steps:', 'stebs:'),
      says: /lab\.yaml/,
    },
    {
      name: 'a test that cannot be loaded',
      file: 'test/steps/1-count.test.ts',
      change: (text: string) => `${text}\nthrow new Error('broken test');\n`,
      says: /broken test/,
    },
    {
      name: 'a test without lesson()',
      file: 'test/steps/1-count.test.ts',
      change: () => "import { test } from 'vitest';\ntest('nothing', () => {});\n",
      says: /lesson\(\)/,
    },
    {
      name: 'a test file that is gone',
      file: 'test/steps/1-count.test.ts',
      change: undefined,
      says: /no test file/,
    },
  ])('$name', async ({ file, change, says }) => {
    await using learner = new Learner();
    await learner.lab('start');
    learner.solve('src/counter.ts');
    const path = learner.path('labs/01-tiny', file);
    if (change === undefined) rmSync(path);
    else writeFileSync(path, change(readFileSync(path, 'utf8')));
    const said = await learner.lab('check');
    expect(said.code).toBe(3);
    expect(said.stdout + said.stderr).toContain('fault of the course, not of your code');
    expect((said.stdout + said.stderr).replace(/\s+/g, ' ')).toMatch(says);
    assertNoStack(said);
  });

  test("a test that fails to load with the learner's code alone is the learner's", async () => {
    await using learner = new Learner();
    await learner.lab('start');
    learner.solve('src/counter.ts');
    const path = learner.path('labs/01-tiny/test/steps/1-count.test.ts');
    writeFileSync(
      path,
      `${readFileSync(path, 'utf8')}\nif (double(1) !== 2) throw new Error('double is wrong');\n`,
    );
    learner.edit('src/counter.ts', (text) => text.replace('value * 2', 'value * 3'));
    const said = await learner.lab('check');
    expect(said.code).toBe(1);
    expect(said.stdout).toContain('double is wrong');
  });
});

test('a state that cannot be read is moved aside and said; the code stays', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  learner.write('src/counter.ts', 'mine\n');
  writeFileSync(learner.path('work/.lab/state.json'), '{"version": 1, "labs": {"01-');
  const said = await learner.lab('status');
  expect(said.code).toBe(0);
  expect(said.stderr).toContain('state.json could not be read');
  const aside = readdirSync(learner.path('work/.lab')).filter((name) =>
    name.startsWith('state.json.broken'),
  );
  expect(aside).toHaveLength(1);
  expect((await learner.lab('start')).code).toBe(0);
  expect(learner.read('src/counter.ts')).toBe('mine\n');
});

test('it works from any folder inside, and its paths are those that one can click there', async () => {
  await using learner = new Learner();
  await learner.lab('start');
  const cwd = learner.path('work/01-tiny/src');
  const { stdout } = await learner.start(['check'], { cwd }).ended;
  expect(stdout).toMatch(/to write +counter\.ts:\d+/);
  expect((await learner.start(['reset', 'counter.ts'], { cwd }).ended).stdout).toContain(
    'Nothing to do',
  );
});

test('status says what changed in the course since the start', async () => {
  await using learner = new Learner();
  const yaml = learner.path('labs/01-tiny/lab.yaml');
  const today = readFileSync(yaml, 'utf8');
  writeFileSync(
    yaml,
    today.replace('contract: 2', 'contract: 1').replace(/ {2}2: Counter.*\n/, ''),
  );
  await learner.lab('start');
  expect((await learner.lab('status')).stdout).not.toContain('!');
  writeFileSync(yaml, today);
  const gate = learner.path('labs/01-tiny/src/gate.ts');
  writeFileSync(
    gate,
    readFileSync(gate, 'utf8').replace(
      'export class Gate {',
      'export class Gate {\n  readonly name = "gate";\n',
    ),
  );
  const mine = learner.read('src/gate.ts');
  const { stdout } = await learner.lab('status');
  const text = stdout.replace(/\s+!?\s*/g, ' ');
  expect(text).toContain(
    'The contract of this lab is 2 now; you started with 1: 2: Counter.add refuses what is not a whole number',
  );
  expect(text).toContain('another skeleton (src/gate.ts)');
  expect((await learner.lab('diff', 'course')).stdout).toMatch(/^\+ +readonly name = "gate";/m);
  expect(learner.read('src/gate.ts')).toBe(mine);
});

test('status names files of the course that were changed outside work/', async () => {
  await using learner = new Learner();
  const { execFileSync } = await import('node:child_process');
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@example.invalid', ...args], {
      cwd: learner.root,
    });
  writeFileSync(learner.path('.gitignore'), 'work/\nnode_modules\n');
  git('init', '--quiet');
  git('add', '--all');
  git('commit', '--quiet', '-m', 'course');
  await learner.lab('start');
  expect((await learner.lab('status')).stdout).not.toContain('outside work/');
  const file = learner.path('labs/01-tiny/test/steps/2-history.test.ts');
  writeFileSync(file, `${readFileSync(file, 'utf8')}// changed\n`);
  expect((await learner.lab('status')).stdout.replace(/\s+/g, ' ')).toContain(
    'outside work/: labs/01-tiny/test/steps/2-history.test.ts',
  );
});

test('without packages the command says what to do, with exit code 2', async () => {
  await using learner = new Learner();
  // A checkout without node_modules: the command's own files alone.
  mkdirSync(learner.path('docs/bin'), { recursive: true });
  symlinkSync(join(repositoryRoot, 'docs/package.json'), learner.path('docs/package.json'));
  writeFileSync(
    learner.path('docs/bin/lab.mjs'),
    readFileSync(join(repositoryRoot, 'docs/bin/lab.mjs')),
  );
  unlinkSync(learner.path('node_modules'));
  const { execFile } = await import('node:child_process');
  const said = await new Promise<Said>((resolve) => {
    const child = execFile(
      process.execPath,
      [learner.path('docs/bin/lab.mjs'), 'status'],
      (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
    );
  });
  expect(said.code).toBe(2);
  expect(said.stderr).toContain('npm ci');
  assertNoStack(said);
});
