// Fixtures: the tiny lab, copies of it that a test may spoil, and the compiler over a folder.
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import type { Lab, Step } from '../../../src/course/model.ts';
import { cacheFolder, repositoryRoot } from '../../../src/course/repository.ts';

export const fixtures = join(import.meta.dirname, '../fixtures');
export const tinyLab = join(fixtures, 'tiny-lab');

/** A folder inside the repository, so that packages resolve; gone after the test. */
export function temporaryFolder(): string {
  mkdirSync(cacheFolder, { recursive: true });
  const folder = mkdtempSync(join(cacheFolder, 'test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of the tiny lab in which texts are replaced: `{ 'src/a.ts': ['old', 'new'] }`, or a whole file. */
export function spoiledLab(
  changes: Readonly<Record<string, readonly [string, string] | string>> = {},
): string {
  const folder = join(temporaryFolder(), 'tiny-lab');
  cpSync(tinyLab, folder, { recursive: true });
  for (const [path, change] of Object.entries(changes)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, typeof change === 'string' ? change : replaced(file, ...change));
  }
  return folder;
}

function replaced(file: string, old: string, text: string): string {
  const before = readFileSync(file, 'utf8');
  if (!before.includes(old)) throw new Error(`${file} has no text: ${old}`);
  return before.replace(old, () => text);
}

/** A lab of one step that owns these symbols, without any files of a course. */
export function labOf(folder: string, symbols: readonly string[], hide: Lab['hide'] = []): Lab {
  const step: Step = {
    id: '1-all',
    number: 1,
    title: 'All',
    titles: { en: 'All' },
    minutes: 20,
    owns: symbols.map((symbol) => ({ symbol })),
    tests: [],
  };
  return {
    id: 'made-up',
    folder,
    title: 'Made up',
    titles: { en: 'Made up' },
    contract: 1,
    changes: { 1: 'The first version.' },
    part: 'store',
    hide,
    steps: [step],
  };
}

/** What the compiler says about a folder that has a tsconfig.json; nothing when all is well. */
export async function typeErrors(folder: string): Promise<string> {
  const tsc = join(repositoryRoot, 'node_modules/typescript/bin/tsc');
  try {
    await promisify(execFile)(process.execPath, [tsc, '-p', folder], { cwd: folder });
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}
