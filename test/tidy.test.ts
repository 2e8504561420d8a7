// Tidy: the rules of the house, held by a test that names the file and says what to do instead.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { architectureList } from '../scripts/architecture.mjs';

const root = join(import.meta.dirname, '..');
const labs = readdirSync(join(root, 'labs')).sort();
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

function filesBelow(folder: string): string[] {
  const absolute = join(root, folder);
  if (!existsSync(absolute)) return [];
  return readdirSync(absolute, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules'))
    .sort();
}

const sources = labs.flatMap((lab) => filesBelow(`labs/${lab}/src`));
const course = filesBelow('docs/src');
const tests = [
  ...labs.flatMap((lab) => filesBelow(`labs/${lab}/test`)),
  ...filesBelow('test'),
  ...filesBelow('docs/test'),
].filter((file) => !file.includes('/fixtures/'));
const packageOf = new Map(
  labs.map((lab) => [JSON.parse(read(`labs/${lab}/package.json`)).name as string, lab]),
);

/** Everything that a file imports or re-exports, as written. */
function importsOf(file: string): string[] {
  const pattern = /^(?:import|export)\b[^;'"]*?['"]([^'"]+)['"]/gm;
  return [...read(file).matchAll(pattern)].map((match) => match[1] ?? '');
}

/** Complaints, one a file; the test fails with all of them. */
function complaints(
  files: readonly string[],
  check: (file: string) => string | undefined,
): string[] {
  return files.flatMap((file) => {
    const complaint = check(file);
    return complaint === undefined ? [] : [`${file}: ${complaint}`];
  });
}

test('a lab imports only labs with a lower number', () => {
  const found = complaints(sources, (file) => {
    const own = file.split('/')[1] ?? '';
    const higher = importsOf(file).find(
      (name) => (packageOf.get(name) ?? '') >= own && packageOf.has(name),
    );
    return higher && `imports ${higher}; let lab 08 hand it in through an interface`;
  });
  expect(found).toEqual([]);
});

test('a lab is imported by its package name only, and everything goes through src/index.ts', () => {
  const found = complaints(sources, (file) => {
    const deep = importsOf(file).find(
      (name) => /^@kube-labs\/[^/]+\//.test(name) || /(^|\/)labs\//.test(name),
    );
    if (deep) return `imports ${deep}; export the name from that lab's src/index.ts`;
    const barrel = importsOf(file).find((name) => /^\.\.?\/(.*\/)?index\.ts$/.test(name));
    return barrel && `imports ${barrel}; import the file that has the name`;
  });
  expect(found).toEqual([]);
});

test('only the API server talks to the store', () => {
  const others = sources.filter((file) => !/^labs\/0[12]-/.test(file));
  const found = complaints(others, (file) =>
    importsOf(file).includes('@kube-labs/store')
      ? 'imports the store; ask the API server'
      : undefined,
  );
  expect(found).toEqual([]);
});

test('src/index.ts lists the public names one by one', () => {
  const found = complaints(sources, (file) =>
    /^export \*/m.test(read(file)) ? 'has `export *`; list the names' : undefined,
  );
  expect(found).toEqual([]);
});

test('every source file opens with a header: `// Name: what it is.`', () => {
  const support = tests.filter(
    (file) => !(/^(labs|docs)\//.test(file) && file.endsWith('.test.ts')),
  );
  const found = complaints([...sources, ...course, ...support], (file) =>
    /^(#!.*\n)?\/\/ \S/.test(read(file))
      ? undefined
      : 'has no header; say what the file is for in its first line',
  );
  expect(found).toEqual([]);
});

test('docs/architecture.md has the line of every source file', () => {
  const text = read('docs/architecture.md');
  const missing = architectureList(root).filter((line: string) => !text.includes(line));
  expect(missing, 'run `node scripts/architecture.mjs`').toEqual([]);
});

test('every lab has a README with its sections', () => {
  const found = complaints(
    labs.map((lab) => `labs/${lab}/README.md`),
    (file) => {
      if (!existsSync(join(root, file))) return 'does not exist';
      const missing = ['Keep true', 'Left out'].filter(
        (section) => !read(file).includes(`## ${section}`),
      );
      return missing.length > 0 ? `lacks ${missing.join(', ')}` : undefined;
    },
  );
  expect(found).toEqual([]);
});

test('nothing is left for later in the code', () => {
  const marker = new RegExp(
    [
      'FIX' + 'ME',
      'TO' + 'DO',
      '@ts-' + 'ignore',
      '\\b(describe|it|lesson|test)\\.on' + 'ly\\(',
    ].join('|'),
  );
  const found = complaints(
    [...sources, ...course, ...tests],
    (file) => marker.exec(read(file))?.[0],
  );
  expect(found).toEqual([]);
});

/** Lines of code, without blank lines and comments, that a lab's sources may have. Raising one is a decision: docs/decisions/004. */
const CODE_LINES_MAX: Readonly<Record<string, number>> = {
  '01-store': 7_150,
  '02-apiserver': 44_000,
  '03-scheduler': 1_600,
  '04-controllers': 4_700,
  '05-kubelet': 14_500,
  '06-proxy': 1_900,
  '07-cadvisor': 1_500,
  '08-full-cluster': 4_300,
};
const CORE_LINES_MAX: Readonly<Record<string, number>> = { '01-store': 1_730 };
const CORE_LINES_MAX_ELSE = 1_500;

const codeLines = (file: string): number =>
  read(file)
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\/?\*|$)/.test(line)).length;

test('a source file stays short enough to read', () => {
  const found = complaints([...sources, ...course], (file) => {
    const count = read(file).split('\n').length;
    return count > 400 ? `${count} lines; split it by idea` : undefined;
  });
  expect(found).toEqual([]);
});

test('a lab keeps to its budget of code', () => {
  const found = complaints(labs, (lab) => {
    const count = sources
      .filter((file) => file.startsWith(`labs/${lab}/`))
      .reduce((sum, file) => sum + codeLines(file), 0);
    const most = CODE_LINES_MAX[lab] ?? 0;
    return count > most
      ? `${count} lines of code, at most ${most}; look for what could go`
      : undefined;
  });
  expect(found).toEqual([]);
});

/** The files with symbols that a learner writes; before a lab has lessons, those that its package.json says will have some. */
function coreOf(lab: string): readonly string[] {
  const file = `labs/${lab}/lab.yaml`;
  if (!existsSync(join(root, file))) return JSON.parse(read(`labs/${lab}/package.json`)).core;
  return [...new Set([...read(file).matchAll(/(src\/[\w./-]+\.ts)#/g)].map((m) => m[1] ?? ''))];
}

test('the core of a lab, the files that its lessons walk through, is read in a weekend', () => {
  const found = complaints(labs, (lab) => {
    const core = coreOf(lab);
    const count = core.reduce((sum, file) => sum + codeLines(`labs/${lab}/${file}`), 0);
    const most = CORE_LINES_MAX[lab] ?? CORE_LINES_MAX_ELSE;
    return count > most
      ? `${count} lines of code, at most ${most}, in ${core.join(', ')}`
      : undefined;
  });
  expect(found).toEqual([]);
});

test('every dependency of a lab, and of the course, has its line in docs/decisions', () => {
  const decisions = readdirSync(join(root, 'docs/decisions'))
    .map((file) => read(`docs/decisions/${file}`))
    .join('\n');
  const names = [...labs.map((lab) => `labs/${lab}`), 'docs'].flatMap((folder) =>
    Object.keys(JSON.parse(read(`${folder}/package.json`)).dependencies ?? {}),
  );
  const missing = [...new Set(names)].filter(
    (name) => !name.startsWith('@kube-labs/') && !decisions.includes(`\`${name}\``),
  );
  expect(missing, 'say in docs/decisions why it was chosen').toEqual([]);
});
