import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { applyPatch, parsePatch } from 'diff';
import { describe, expect, test } from 'vitest';
import {
  blankSymbol,
  deriveTree,
  referenceTree,
  stepDiff,
  writeTree,
} from '../../src/course/derive.ts';
import { loadLab } from '../../src/course/load-lab.ts';
import type { Lab } from '../../src/course/model.ts';
import { pullCode } from '../../src/course/pull-code.ts';
import { repositoryRoot } from '../../src/course/repository.ts';
import { skeletonFiles } from '../../src/course/skeleton.ts';
import { isStub } from '../../src/course/stub.ts';
import { parseSource } from '../../src/course/symbols.ts';
import { symbolsWritten } from '../../src/course/symbols-written.ts';
import {
  fixtures,
  labOf,
  spoiledLab,
  temporaryFolder,
  tinyLab,
  typeErrors,
} from './support/fixtures.ts';

const lab = loadLab(tinyLab);
const THROW = 'throw Object.assign(new Error(';

/** Every symbol that can be a stub: what a lab would own whose learners write everything. */
function everySymbol(folder: string): readonly string[] {
  const all = [...referenceTree(labOf(folder, []))]
    .filter(([path]) => path.endsWith('.ts'))
    .flatMap(([path, text]) =>
      parseSource(text, join(folder, path))
        .declarations.filter(({ body, infersType }) => body !== undefined && !infersType)
        .map(({ name, aliases }) => `${path}#${aliases.at(-1) ?? name}`),
    );
  return all;
}

async function typeErrorsOf(made: Lab, solved: number): Promise<string> {
  const folder = temporaryFolder();
  writeTree(deriveTree(made, solved), folder);
  writeTree(skeletonFiles(made, folder), folder);
  return typeErrors(folder);
}

describe('deriveTree()', () => {
  test('changes bodies only: comments, signatures and everything else stay byte for byte', () => {
    const tree = deriveTree(lab, 1);
    expect(tree.get('src/counter.ts')).toBe(referenceTree(lab).get('src/counter.ts'));
    expect(tree.get('src/report.ts')).toBe(`// Report: counts as text.

export const formats = {
  /** \`3 things\` */
  short(count: number): string {
    throw Object.assign(new Error('Step 3: formats.short is not written yet'), { code: 'NOT_WRITTEN_YET' });
  },
};

export function* lines(counts: readonly number[]): Generator<string, void, void> {
  throw Object.assign(new Error('Step 3: lines is not written yet'), { code: 'NOT_WRITTEN_YET' });
}

export const heard: number[] = [];

/** Remembers what counters say. */
export function notify(total: number): void {
  // Step 3: notify is not written yet.
}
`);
  });

  test('the last prefix is the reference byte for byte', () => {
    expect(deriveTree(lab, 3)).toEqual(referenceTree(lab));
  });

  test('a hidden declaration goes with its comment and its lines, until its step', () => {
    expect(deriveTree(lab, 1).get('src/history.ts')).toMatch(
      /^\/\/ History: .*\n\nexport class History/,
    );
    expect(deriveTree(lab, 2).get('src/history.ts')).toContain('const newestFirst');
  });

  test.each([0, 1, 2, 3])('prefix %i passes the strict type check', async (solved) => {
    expect(await typeErrorsOf(lab, solved)).toBe('');
  });

  test('the call of super() and what it needs stay, as a class does not compile without', () => {
    const made = labOf(join(fixtures, 'forms'), ['src/forms.ts#Loud.constructor']);
    expect(deriveTree(made, 0).get('src/forms.ts')).toContain(`  constructor(name: string) {
    const options = { captureRejections: true };
    super(options);
    ${THROW}'Step 1: Loud.constructor`);
  });

  test('an arrow without braces gets them', () => {
    const made = labOf(join(fixtures, 'forms'), ['src/forms.ts#double', 'src/forms.ts#wrapped']);
    const text = deriveTree(made, 0).get('src/forms.ts');
    expect(text).toContain(`export const double = (n: number): number => {\n  ${THROW}`);
    expect(text).toMatch(
      /=> void|wrapped =\n {2}\(n: number\): .* =>\n {2}\{\n {4}throw .*\n {2}\};/,
    );
  });

  test('every form passes the strict type check with all bodies stubbed', async () => {
    const folder = join(fixtures, 'forms');
    const symbols = everySymbol(folder);
    expect(symbols.length).toBeGreaterThan(30);
    const made = labOf(folder, symbols);
    expect(deriveTree(made, 0).get('src/forms.ts')?.split(THROW).length).toBe(symbols.length + 1);
    expect(await typeErrorsOf(made, 0)).toBe('');
  });

  test('the whole reference of lab 01 passes the strict type check with all bodies stubbed', async () => {
    const folder = join(repositoryRoot, 'labs/01-store');
    const made = labOf(folder, everySymbol(folder));
    expect(made.steps[0]?.owns.length).toBeGreaterThan(200);
    expect(await typeErrorsOf(made, 0)).toBe('');
  });

  test('a symbol that was renamed in the reference is named in the error', () => {
    const folder = spoiledLab();
    const loaded = loadLab(folder);
    const file = join(folder, 'src/report.ts');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('lines', 'rows'));
    expect(() => deriveTree(loaded, 0)).toThrow(/there is no lines in src\/report\.ts/);
  });
});

describe('blankSymbol()', () => {
  test('takes one body out of the whole reference', () => {
    const tree = blankSymbol(lab, 'src/report.ts#notify');
    const changed = [...tree].filter(([path, text]) => referenceTree(lab).get(path) !== text);
    expect(changed.map(([path]) => path)).toEqual(['src/report.ts']);
    expect(tree.get('src/report.ts')).toContain('yield formats.short(count)');
    expect(tree.get('src/report.ts')).not.toContain('heard.push');
  });

  test('refuses what no step owns', () => {
    expect(() => blankSymbol(lab, 'src/report.ts#heard')).toThrow(
      'no step owns src/report.ts#heard',
    );
  });
});

describe('stepDiff()', () => {
  test('leads from one prefix to the next', () => {
    const before = deriveTree(lab, 1);
    const patched = new Map(before);
    for (const patch of parsePatch(stepDiff(lab, 1, 2))) {
      const path = patch.newFileName?.slice(2) ?? '';
      patched.set(path, applyPatch(before.get(path) ?? '', patch) || 'does not apply');
    }
    expect(patched).toEqual(deriveTree(lab, 2));
  });

  test('is empty between equal prefixes', () => {
    expect(stepDiff(lab, 2, 2)).toBe('');
  });
});

describe('pullCode()', () => {
  test('stands at the left margin, with its comment', () => {
    expect(pullCode(lab, 'src/counter.ts#Counter.get total')).toBe(
      '/** The sum of all that was added. */\nget total(): number {\n  return this.#total;\n}',
    );
  });

  test('as the learner finds it', () => {
    const ref = 'src/history.ts#latest';
    expect(pullCode(lab, ref, { form: 'stub' })).toContain('Step 2: latest is not written yet');
  });

  test('without any comment', () => {
    const made = labOf(join(fixtures, 'forms'), []);
    const code = pullCode(made, 'src/forms.ts#parse', { comments: false });
    expect(code).not.toContain('//');
    expect(code.split('\n')).toHaveLength(5);
    expect(pullCode(lab, 'src/counter.ts#Counter', { comments: false })).not.toContain('/**');
  });

  test('a symbol that is not there is an error that names it', () => {
    expect(() => pullCode(lab, 'src/report.ts#format')).toThrow(
      'there is no format in src/report.ts',
    );
    expect(() => pullCode(lab, 'src/reports.ts#format')).toThrow('there is no such file');
  });
});

describe('isStub()', () => {
  const owned = { symbol: 'src/report.ts#lines' };
  const noOp = { symbol: 'src/report.ts#notify', stub: '' };
  const skeleton = deriveTree(lab, 0).get('src/report.ts') ?? '';
  const reference = referenceTree(lab).get('src/report.ts') ?? '';

  test('knows the thrown stub, however a formatter breaks it, and the declared one', () => {
    expect(isStub(skeleton, owned)).toBe(true);
    expect(isStub(skeleton.replaceAll("'", '"').replaceAll('), {', '),\n{'), owned)).toBe(true);
    expect(isStub(skeleton, noOp)).toBe(true);
    expect(isStub(skeleton.replace('// Step 3: notify is not written yet.', ''), noOp)).toBe(true);
  });

  test('knows what is written, even if it is wrong', () => {
    expect(isStub(reference, owned)).toBe(false);
    expect(isStub(reference, noOp)).toBe(false);
    expect(isStub(reference.replace('heard.push(total);', 'total;'), noOp)).toBe(false);
  });
});

describe('symbolsWritten()', () => {
  test('tells written, stub, missing and unreadable apart, and never throws', () => {
    const work = temporaryFolder();
    const states = () => symbolsWritten(lab, work, 3).map(({ state }) => state);
    writeTree(deriveTree(lab, 2), work);
    expect(states()).toEqual(['stub', 'stub', 'stub']);
    const file = join(work, 'src/report.ts');
    const [, text = ''] = [...deriveTree(lab, 3)].find(([path]) => path === 'src/report.ts') ?? [];
    writeFileSync(file, text.replace('function* lines', 'function* rows'));
    expect(states()).toEqual(['written', 'missing', 'written']);
    writeFileSync(file, text.replace('{', '{ ('));
    expect(symbolsWritten(lab, work, 3)[0]).toMatchObject({ state: 'unreadable', file, line: 3 });
  });

  test('a file that is gone is missing', () => {
    const [first] = symbolsWritten(lab, temporaryFolder(), 1);
    expect(first).toMatchObject({ state: 'missing', problem: 'src/counter.ts is gone' });
  });
});

describe('skeletonFiles()', () => {
  test('makes a project of its own around src', () => {
    const folder = temporaryFolder();
    writeTree(skeletonFiles(lab, folder), folder);
    expect(readdirSync(folder).sort()).toEqual([
      '.gitignore',
      'AGENTS.md',
      'README.md',
      'package.json',
      'tsconfig.json',
    ]);
    const { imports, type } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    expect({ imports, type }).toEqual({ imports: { '#src/*': './src/*' }, type: 'module' });
  });

  test('its type check is as strict as the repository, and finds what a learner gets wrong', async () => {
    const folder = temporaryFolder();
    writeTree(skeletonFiles(lab, folder), folder);
    writeTree(new Map([['src/a.ts', 'export const a: number = [1][0];\n']]), folder);
    expect(await typeErrors(folder)).toContain("'number | undefined' is not assignable");
  });
});
