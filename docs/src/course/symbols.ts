// Symbols: finds a declaration in a source text by its dotted name, with the compiler's own parser.
//
//   decode                      a function, class, interface, type, enum or constant at the top level
//   KeyIndex.get                a method (static ones too), a field, the member of an interface
//   Store.#commit               a private one keeps its #
//   Mvcc.get revision           an accessor; `Mvcc.set revision` the other one
//   Wal.constructor             a constructor; `Wal.static {}` a static block
//   realDisk.open, a.b.c        what an object literal has, however deep
//   default                     what the file exports by default
// Where two declarations share a name, a word before it tells them apart: `Wal.static open` beside `Wal.open`, and
// `interface Disk`, `const Disk` at the top level. Overloads are one symbol: their signatures and the one body.
// Rule of use: a name that is not there, or that means two things, is a CourseError that says what there is instead.
import { extname } from 'node:path';
import { CourseError, type Place } from './course-error.ts';
import { type Declaration, declarationsOf } from './declarations.ts';
import type { SymbolRef } from './model.ts';

export type { Body, Declaration, Span } from './declarations.ts';

export interface Source {
  /** Absolute path, for messages only. */
  readonly file: string;
  readonly text: string;
  readonly declarations: readonly Declaration[];
  /** The first place that the parser could not read; the declarations are then what it made of the rest. */
  readonly syntaxError?: { readonly line: number; readonly message: string };
}

export interface ParsedRef {
  /** `src/mvcc.ts` */
  readonly file: string;
  /** `Mvcc.put` */
  readonly name: string;
}

const PARSED_MAX = 500;
const SIMILAR_MAX = 5;
const parsed = new Map<string, ReturnType<typeof declarationsOf>>();

export function parseRef(ref: SymbolRef, place?: Place): ParsedRef {
  const at = ref.indexOf('#');
  const file = ref.slice(0, at);
  const name = ref.slice(at + 1);
  if (at <= 0 || name === '' || !/^src\/\S+\.ts$/.test(file) || file.includes('..')) {
    throw new CourseError(`\`${ref}\` is no symbol; write src/file.ts#Name`, place);
  }
  return { file, name };
}

/** Parses a text once, wherever it stands: prefixes and blanks ask for the same ones again and again. */
export function parseSource(text: string, file: string): Source {
  const key = `${extname(file)}\0${text}`;
  const known = parsed.get(key) ?? declarationsOf(text, file);
  const oldest = parsed.keys().next();
  if (parsed.size >= PARSED_MAX && !oldest.done) parsed.delete(oldest.value);
  parsed.set(key, known);
  return { file, text, ...known };
}

export interface FindOptions {
  /** The symbol is to be written by somebody: only declarations with a body count. */
  readonly needsBody?: boolean;
  /** Where the name was read, for the message. */
  readonly place?: Place;
}

export function findSymbol(source: Source, name: string, options: FindOptions = {}): Declaration {
  const { needsBody = false } = options;
  const { file, declarations } = source;
  const place = options.place ?? { file };
  const named = declarations.filter((d) => d.name === name || d.aliases.includes(name));
  const found = needsBody ? named.filter((d) => d.body !== undefined) : named;
  const [first, second] = found;
  if (first !== undefined && second === undefined) return first;
  if (first !== undefined) {
    const choices = found.map((d) => `\`${d.aliases[0] ?? d.name}\` in line ${d.line}`);
    throw new CourseError(`${name} means several things: ${choices.join(', ')}`, place);
  }
  if (named.length > 0) {
    throw new CourseError(
      `${name} (line ${named[0]?.line}) has no body that could be written`,
      place,
    );
  }
  const similar = similarNames(name, declarations, needsBody);
  const hint = similar.length > 0 ? `; similar: ${similar.join(', ')}` : '';
  throw new CourseError(`there is no ${name} in ${fileName(file)}${hint}`, place);
}

/** Like findSymbol, without an exception: undefined when the name is not there or not clear. */
export function hasSymbol(source: Source, name: string, options: FindOptions = {}): boolean {
  try {
    findSymbol(source, name, options);
    return true;
  } catch (error) {
    if (CourseError.is(error)) return false;
    throw error;
  }
}

function fileName(file: string): string {
  const at = file.lastIndexOf('/src/');
  return at === -1 ? file : file.slice(at + 1);
}

/** First those whose last part is the same, then those that are spelt nearly so. */
function similarNames(
  name: string,
  declarations: readonly Declaration[],
  needsBody: boolean,
): readonly string[] {
  const last = lastPart(name);
  const wanted = plain(name);
  const scored = declarations
    .filter((d) => !needsBody || d.body !== undefined)
    .map((d) => {
      const sameLast = lastPart(d.name) === last;
      return { name: d.name, distance: sameLast ? 0 : distanceOf(plain(d.name), wanted) };
    })
    .filter(({ distance }) => distance <= Math.max(2, wanted.length / 2))
    .sort((a, b) => a.distance - b.distance);
  return [...new Set(scored.map((candidate) => candidate.name))].slice(0, SIMILAR_MAX);
}

/** The name alone: `revision` of `Mvcc.get revision`, `commit` of `Store.#commit`. */
function lastPart(name: string): string {
  return plain(name.slice(name.lastIndexOf('.') + 1));
}

/** Without the words and marks that are easily forgotten: `Mvcc.revision` of `Mvcc.get revision`. */
function plain(name: string): string {
  return name.replace(/(^|\.)(?:(?:get|set|static) |#)+/g, '$1');
}

/** How many letters must be put in, taken out or changed to turn one into the other (Levenshtein). */
function distanceOf(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (above[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(change, (above[j] as number) + 1, (row[j - 1] as number) + 1));
    }
    above = row;
  }
  return above[b.length] as number;
}
