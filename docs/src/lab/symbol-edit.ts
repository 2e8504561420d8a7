// Symbol edit: puts a body into the learner's file, the skeleton's stub or the reference's, and touches nothing else there.
//
//   - Only the text between the braces of that symbol changes. Comments, order, helpers and formatting of the learner's stay.
//   - What the reference's body needs beside it comes along when it is not there: a declaration that the skeleton hid, and
//     an import that somebody took out.
//   - A file that is gone is made anew from the skeleton. One that does not parse, or has lost the symbol, is a LabError
//     that says the place and offers the whole file (`lab reset src/file.ts`, which saves first).
// Pure as to the disk: it reads, and gives back texts; the verbs save first and write then.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CourseError } from '../course/course-error.ts';
import type { Tree } from '../course/derive.ts';
import type { SymbolRef } from '../course/model.ts';
import { splice } from '../course/stub.ts';
import { findSymbol, hasSymbol, parseRef, parseSource, type Source } from '../course/symbols.ts';
import { typescript } from '../course/typescript.ts';
import type { Work } from './context.ts';
import { LabError } from './lab-error.ts';
import { missingImports } from './missing-imports.ts';

export interface BodyEdit {
  /** Takes the bodies of these symbols from `tree`. */
  readonly symbols: readonly SymbolRef[];
  readonly tree: Tree;
  /** What a file that is gone is made from. */
  readonly skeleton: Tree;
  /** Declarations that must be there for these bodies. */
  readonly needed?: readonly SymbolRef[];
}

/** Path in the lab → the learner's new text, only where it changes. */
export function withBodies(
  work: Work,
  { symbols, tree, skeleton, needed = [] }: BodyEdit,
): Map<string, string> {
  const texts = new Map<string, string>();
  const current = (file: string): string =>
    texts.get(file) ?? learnersText(work, file) ?? textIn(skeleton, file);
  for (const ref of needed) {
    const { file } = parseRef(ref);
    texts.set(file, withDeclaration(work, current(file), { ref, tree }));
  }
  for (const ref of symbols) {
    const { file } = parseRef(ref);
    texts.set(file, withBody(work, current(file), { ref, tree }));
  }
  for (const [file, text] of texts) if (learnersText(work, file) === text) texts.delete(file);
  return texts;
}

export function learnersText({ folder }: Work, file: string): string | undefined {
  const path = join(folder, file);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

function withBody(work: Work, text: string, { ref, tree }: { ref: SymbolRef; tree: Tree }): string {
  const { file, name } = parseRef(ref);
  const target = findOrExplain(work, parsed(work, text, file), ref).body;
  const from = textIn(tree, file);
  const source = findSymbol(parseSource(from, file), name, { needsBody: true }).body;
  if (target === undefined || source === undefined) throw new CourseError(`${ref} has no body`);
  const body = from.slice(source.start, source.end);
  const edited = splice(text, [{ start: target.start, end: target.end, text: body }]);
  return splice(edited, missingImports(edited, from, body));
}

/** A declaration that the skeleton hid stands where the reference has it: after the nearest one before it. */
function withDeclaration(
  work: Work,
  text: string,
  { ref, tree }: { ref: SymbolRef; tree: Tree },
): string {
  const { file, name } = parseRef(ref);
  const own = parsed(work, text, file);
  if (hasSymbol(own, name)) return text;
  const from = textIn(tree, file);
  const reference = parseSource(from, file);
  const { whole } = findSymbol(reference, name);
  const lineStart = from.lastIndexOf('\n', whole.start - 1) + 1;
  const declaration = from.slice(lineStart, whole.end);
  const parent = name.includes('.') ? name.slice(0, name.lastIndexOf('.')) : undefined;
  const siblings = reference.declarations.filter((d) =>
    parent === undefined ? !d.name.includes('.') : d.name.startsWith(`${parent}.`),
  );
  const before = siblings
    .filter((d) => d.whole.end <= whole.start && hasSymbol(own, d.name))
    .at(-1);
  if (before !== undefined) {
    const { whole: place } = findSymbol(own, before.name);
    const end = lineEnd(text, place.end);
    const inserted = `\n${gapBefore(from, lineStart)}${declaration}`;
    // At the end of a file the empty line before what was hidden is still there.
    if (text.slice(end).trim() === '') return `${text.slice(0, end)}${inserted}\n`;
    return splice(text, [{ start: end, end, text: inserted }]);
  }
  const after = siblings.find((d) => d.whole.start >= whole.end && hasSymbol(own, d.name));
  if (after === undefined)
    throw new LabError(
      `Cannot put ${name} back into ${file} as nothing around it is left: npx lab reset ${file}`,
    );
  const { whole: place } = findSymbol(own, after.name);
  const start = text.lastIndexOf('\n', place.start - 1) + 1;
  return splice(text, [
    { start, end: start, text: `${declaration}\n${gapAfter(from, whole.end)}` },
  ]);
}

/** The empty line above a declaration, where the reference has one. */
const gapBefore = (text: string, lineStart: number): string =>
  /\n[ \t]*\n$/.test(text.slice(0, lineStart)) ? '\n' : '';

const gapAfter = (text: string, end: number): string =>
  /^[^\n]*\n[ \t]*\n/.test(text.slice(end)) ? '\n' : '';

function lineEnd(text: string, offset: number): number {
  const end = text.indexOf('\n', offset);
  return end === -1 ? text.length : end;
}

function parsed({ lab }: Work, text: string, file: string): Source {
  const source = parseSource(text, file);
  if (source.syntaxError === undefined) return source;
  const { line, message } = source.syntaxError;
  throw new LabError(
    `Cannot change one symbol in work/${lab.id}/${file}:${line}:${columnOfSyntaxError(text)} as the file does not parse there: ${message.replace(/\.$/, '')}. Mend it, or take the whole file back to the skeleton (your text is saved first): npx lab reset ${file}`,
  );
}

/** Of the first syntax error; from 1. */
function columnOfSyntaxError(text: string): number {
  const t = typescript();
  const source = t.createSourceFile('one.ts', text, t.ScriptTarget.ES2023, true);
  // The parser keeps its complaints on the file; asking by the public way would set up a whole program.
  const [error] = (source as unknown as { parseDiagnostics: readonly { start: number }[] })
    .parseDiagnostics;
  return source.getLineAndCharacterOfPosition(error?.start ?? 0).character + 1;
}

function findOrExplain({ lab }: Work, source: Source, ref: SymbolRef) {
  const { file, name } = parseRef(ref);
  try {
    return findSymbol(source, name, { needsBody: true });
  } catch (error) {
    if (!CourseError.is(error)) throw error;
    throw new LabError(
      `Cannot find ${name} in work/${lab.id}/${file} any more: give it its name back, or take the whole file back to the skeleton (your text is saved first): npx lab reset ${file}`,
    );
  }
}

function textIn(tree: Tree, file: string): string {
  const text = tree.get(file);
  if (text === undefined) throw new CourseError(`the course has no file ${file}`);
  return text;
}
