import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { expect, test, vi } from 'vitest';
import { courseCommand } from '../../src/course/command.ts';
import { deriveTree } from '../../src/course/derive.ts';
import { loadLab } from '../../src/course/load-lab.ts';
import { repositoryRoot } from '../../src/course/repository.ts';
import { temporaryFolder } from './support/fixtures.ts';

/** Runs `lab course …`, and returns what it printed. */
async function course(...args: readonly string[]): Promise<string> {
  const program = new Command('lab').exitOverride().configureOutput({ writeErr: () => {} });
  courseCommand(program);
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await program.parseAsync(['course', ...args], { from: 'user' });
    return write.mock.calls.map(([text]) => String(text)).join('');
  } finally {
    write.mockRestore();
  }
}

test('course derive writes a prefix with the files around it, as a project of its own', async () => {
  const folder = join(temporaryFolder(), 'two');
  const said = await course('derive', '01-store', '2', folder);
  expect(said).toMatch(/^01-store with 2 of \d+ steps solved: .*two\n$/);
  const lab = loadLab(join(repositoryRoot, 'labs/01-store'), { files: false });
  for (const [path, text] of deriveTree(lab, 2)) {
    expect(readFileSync(join(folder, path), 'utf8'), path).toBe(text);
  }
  const tsconfig = JSON.parse(readFileSync(join(folder, 'tsconfig.json'), 'utf8'));
  expect(join(folder, tsconfig.extends)).toBe(join(repositoryRoot, 'tsconfig.json'));
});

test.each([
  [
    'a folder that is not empty',
    ['derive', '01-store', '0', 'src'],
    'cannot write to src: it is not empty',
  ],
  ['a lab that is not there', ['derive', '99-none', '0', 'x'], 'there is no lab 99-none in labs/'],
  ['a step that is not there', ['derive', '01-store', '99', 'x'], /01-store has \d+ steps/],
  ['a step that is no number', ['derive', '01-store', 'two', 'x'], 'a number of steps'],
  ['to prove a lab that is not there', ['verify', '99-none'], 'there is no lab 99-none in labs/'],
])('refuses %s', async (_name, args, message) => {
  await expect(course(...args)).rejects.toThrow(message);
});
