// What runs of tests share: a translation is taken over where the text is the same, and never where it is not.
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { runTests } from '../../src/check/run-tests.ts';
import { loadLab } from '../../src/course/load-lab.ts';

const lab = loadLab(join(import.meta.dirname, '../lab/fixtures/repo/labs/01-tiny'));
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'kube-labs-translations-')));
const translations = join(folder, 'translations');
const { exitCode } = process;

afterEach(() => {
  process.exitCode = exitCode; // The vitest that we ran in ours has set it.
  rmSync(folder, { recursive: true, force: true });
});

/** A job on a copy of the lab's sources of its own. */
function jobOn(name: string, change = (text: string) => text) {
  const srcFolder = join(folder, name, 'src');
  cpSync(join(lab.folder, 'src'), srcFolder, { recursive: true });
  const file = join(srcFolder, 'counter.ts');
  writeFileSync(file, change(readFileSync(file, 'utf8')));
  return { name, lab, srcFolder, tests: lab.steps[0]?.tests ?? [] };
}

/** The first lines of what is kept: what vitest said of each file. */
const keptOf = (file: string): string[] =>
  readdirSync(translations)
    .map((name) => readFileSync(join(translations, name), 'utf8'))
    .filter((text) => text.split('\n', 1)[0]?.includes(`/${file}"`) === true);

test('a translation is made once for each text, and a change in one tree stays there', async () => {
  const broken = (text: string) =>
    text.replace(
      '=> value * 2',
      "=> {\n  console.log(new Error('seen').stack);\n  return value * 3;\n}",
    );
  const run = async (...jobs: ReturnType<typeof jobOn>[]) => {
    const results = await runTests(jobs, { translations, concurrency: 1 });
    return jobs.map(({ name }) => results.get(name)?.tests ?? []);
  };
  const statesOf = (tests: readonly { state: string }[] = []) => tests.map(({ state }) => state);
  const right = ['passed', 'passed', 'passed'];

  const [first, second, third] = await run(jobOn('one'), jobOn('two', broken), jobOn('three'));
  expect([first, second, third].map(statesOf)).toEqual([
    right,
    ['passed', 'passed', 'failed'],
    right,
  ]);
  expect(keptOf('counter.ts')).toHaveLength(2);
  expect(keptOf('history.ts')).toHaveLength(1);
  for (const text of keptOf('counter.ts')) expect(text).not.toContain(folder);

  // Another runner, another folder, a text that was seen before: it stands at its own place all the same.
  const [again] = await run(jobOn('four', broken));
  expect(keptOf('counter.ts')).toHaveLength(2);
  expect(statesOf(again)).toEqual(['passed', 'passed', 'failed']);
  const line = broken(readFileSync(join(lab.folder, 'src/counter.ts'), 'utf8'))
    .split('\n')
    .findIndex((each) => each.includes("'seen'"));
  const printed = again?.at(-1)?.failure?.output.join('\n');
  expect(printed).toContain(`${join(folder, 'four/src/counter.ts')}:${line + 1}:`);
  expect(printed).not.toContain(join(folder, 'two'));
});
