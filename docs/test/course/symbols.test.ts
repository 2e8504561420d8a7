import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findSymbol, parseRef, parseSource } from '../../src/course/symbols.ts';
import { fixtures } from './support/fixtures.ts';

const file = join(fixtures, 'forms/src/forms.ts');
const text = readFileSync(file, 'utf8');
const source = parseSource(text, file);

/** The first line of a declaration without its comment, and the first and last line of its body. */
function shape(name: string): string {
  const { signature, body } = findSymbol(source, name);
  const lines = text.slice(body?.start, body?.end).split('\n');
  const [head] = text.slice(signature.start).split('\n');
  return body === undefined ? `${head}` : `${head} | ${lines[0]} … ${lines.at(-1)?.trim()}`;
}

describe('findSymbol()', () => {
  test.each([
    ['add', 'export function add(a: number, b: number): number { | { … }'],
    ['parse', 'export function parse(text: string): number; | { … }'],
    ['countTo', 'export function* countTo(end: number): Generator<number, string, void> { | { … }'],
    ['double', 'export const double = (n: number): number => n * 2; | n * 2 … n * 2'],
    ['named', 'export const named = function inner(n: number): number { | { … }'],
    ['second', 'second = (): number => 2; | 2 … 2'],
    ['Disk.open', undefined],
    ['const Disk.open', 'async open(path: string): Promise<string> { | { … }'],
    ['interface Disk.open', 'open(path: string): Promise<string>;'],
    ['Disk.get size', 'get size(): number { | { … }'],
    [
      'Disk.deep.er.read',
      'read: (offset: number): number => offset + 1 }, | offset + 1 … offset + 1',
    ],
    ['Disk.deep.quoted-name', "'quoted-name': (n: number): number => n, | n … n"],
    ['Disk.plain', 'plain: 7,'],
    ['Shape', "export type Shape = { readonly kind: 'circle'; readonly radius: number };"],
    ['Shape.radius', 'readonly radius: number };'],
    ['Counter', 'export class Counter {'],
    ['Counter.#count', '#count: number;'],
    ['Counter.constructor', 'constructor(limit: number) { | { … }'],
    ['Counter.static {}', 'static { | static { … }'],
    ['Counter.get total', 'get total(): number { | { … }'],
    ['Counter.set total', 'set total(value: number) { | { … }'],
    ['Counter.static open', 'static open(limit: number): Counter { | { … }'],
    ['Counter.open', 'open(): void { | { … }'],
    ['class Counter.static open', 'static open(limit: number): Counter { | { … }'],
    ['Counter.#add', '#add(n: number): void { | { … }'],
    ['Counter.reset', 'readonly reset = (): void => { | { … }'],
    ['Counter.[Symbol.dispose]', '[Symbol.dispose](): void { | { … }'],
    ['Counter.add', 'add(n: number): this; | { … }'],
    ['Local.greet', 'greet(): string { | { … }'],
  ])('finds %s', (name, want) => {
    if (want === undefined) expect(() => shape(name)).toThrow('means several things');
    else expect(shape(name)).toBe(want.replace('| static {', '| {'));
  });

  test.each([
    ['export default function main(): void {}', 'main'],
    ['export default function main(): void {}', 'default'],
    ['export default function (): void {}', 'default'],
    ['export default class { run(): void {} }', 'default.run'],
    ['export default { fetch(): void {} };', 'default.fetch'],
    ['const run = (): void => {};\nexport { run as go };', 'run'],
  ])('finds in `%s` the symbol %s', (code, name) => {
    const { body } = findSymbol(parseSource(code, '/lab/src/a.ts'), name, { needsBody: true });
    expect(code.slice(body?.start, body?.end)).toBe('{}');
  });

  test('takes the comment right above with it, not one that an empty line parts from it', () => {
    const whole = (name: string) => {
      const found = findSymbol(source, name).whole;
      return text.slice(found.start, found.end);
    };
    expect(whole('add')).toMatch(/^\/\*\* Adds: .* \*\/\nexport function add\(/);
    expect(whole('parse')).toMatch(/^export function parse\(text: string\): number;\n/);
    expect(whole('parse')).toMatch(/\/\/ The implementation serves both\.\n[\s\S]*Number\);\n\}$/);
    expect(whole('Counter.#count')).toBe('/** How many there are. */\n  #count: number;');
  });

  test('says the line of the first word', () => {
    const lines = text.split('\n');
    for (const { name, line, signature } of source.declarations) {
      expect(lines[line - 1], name).toContain(text.slice(signature.start).split('\n')[0]);
    }
  });

  test.each([
    ['Counter.totl', /there is no Counter\.totl in src\/forms\.ts; similar: .*Counter\.get total/],
    ['Counter.revision', /there is no Counter\.revision/],
    ['reader.#add', /similar: .*Counter\.#add/],
    ['Disk.open', /`interface Disk\.open` in line \d+, `const Disk\.open` in line \d+/],
  ])('refuses %s', (name, message) => {
    expect(() => findSymbol(source, name)).toThrow(message);
  });

  test('a symbol that somebody writes must have a body', () => {
    const find = (name: string) => () => findSymbol(source, name, { needsBody: true });
    expect(find('Disk.open')).not.toThrow(); // The interface's has none.
    expect(find('Counter.#count')).toThrow(/Counter\.#count \(line \d+\) has no body/);
    expect(find('Shape')).toThrow('has no body that could be written');
  });
});

describe('parseSource()', () => {
  test('says where a text stops being TypeScript, and still finds the rest', () => {
    const broken = parseSource(
      'const a = 1;\nfunction b( { return 1; }\nfunction c() {}',
      '/x/b.ts',
    );
    expect(broken.syntaxError).toEqual({ line: 2, message: expect.stringContaining('expected') });
    expect(broken.declarations.map(({ name }) => name)).toContain('a');
  });
});

describe('parseRef()', () => {
  test('parts path and name at the first #, for private names have another', () => {
    const parsed = parseRef('src/a/store.ts#Store.#commit');
    expect(parsed).toEqual({ file: 'src/a/store.ts', name: 'Store.#commit' });
  });

  test.each([
    'store.ts#Store',
    'src/store.ts',
    'src/store.ts#',
    '#Store',
    'src/../x.ts#a',
    'src/a.js#b',
  ])('refuses %s', (ref) => {
    expect(() => parseRef(ref)).toThrow(`\`${ref}\` is no symbol; write src/file.ts#Name`);
  });
});
