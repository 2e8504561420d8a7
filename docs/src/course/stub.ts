// Stub: the text that stands in the skeleton where the learner will write.
//
//   get(revision: number): KeyValue | undefined {
//     throw Object.assign(new Error('Step 1: KeyIndex.get is not written yet'), { code: 'NOT_WRITTEN_YET' });
//   }
// One statement that needs no import, so that a file changes in its bodies only; it fits every return type, generators,
// assertions and `never` too. lab.yaml may give another body, where an earlier step must be able to call it; a comment above
// it says the same as the error would.
// Rule of use: what is spliced lies inside the braces. A call of super() stays, for without it a class does not compile.
import type { OwnedSymbol } from './model.ts';
import { type Declaration, findSymbol, parseRef, parseSource } from './symbols.ts';

const CODE = 'NOT_WRITTEN_YET';

export interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

export function stubStatement(name: string, step: number): string {
  const quoted = name.replaceAll('\\', '\\\\').replaceAll("'", "\\'");
  return `throw Object.assign(new Error('Step ${step}: ${quoted} is not written yet'), { code: '${CODE}' });`;
}

/** The change that turns a symbol of the reference into its stub. */
export function stubEdit(text: string, found: Declaration, owned: OwnedSymbol, step: number): Edit {
  const { stub } = owned;
  if (stub === undefined) return bodyEdit(text, found, stubStatement(found.name, step));
  return bodyEdit(text, found, `// Step ${step}: ${found.name} is not written yet.\n${stub}`);
}

/** The change that gives a symbol other statements, each line of them indented as its body is. */
export function bodyEdit(text: string, { name, body }: Declaration, statements: string): Edit {
  if (body === undefined) throw new TypeError(`${name} has no body`);
  const indent = indentAt(text, body.kind === 'block' ? body.end - 1 : body.start, body.start);
  const kept = body.keep === undefined ? [] : [text.slice(body.keep.start, body.keep.end)];
  const lines = [...kept, ...statements.trim().split('\n')]
    .filter((line) => line.trim() !== '')
    .map((line) => `\n${indent}  ${line.trimEnd()}`);
  return { start: body.start, end: body.end, text: `{${lines.join('')}\n${indent}}` };
}

/** Puts all edits into a text, from the end to the beginning so that positions hold. */
export function splice(text: string, edits: readonly Edit[]): string {
  return edits
    .toSorted((a, b) => b.start - a.start)
    .reduce((rest, edit) => rest.slice(0, edit.start) + edit.text + rest.slice(edit.end), text);
}

/** Whether a symbol in somebody's text is still what the skeleton had there. Throws a CourseError when it is not there at all. */
export function isStub(
  text: string,
  owned: OwnedSymbol,
  file = parseRef(owned.symbol).file,
): boolean {
  const { name } = parseRef(owned.symbol);
  const { body } = findSymbol(parseSource(text, file), name, { needsBody: true });
  if (body === undefined) return false;
  if (owned.stub === undefined) return text.slice(body.start, body.end).includes(CODE);
  const own = text.slice(body.keep?.end ?? body.start + 1, body.end - 1);
  return body.kind === 'block' && essence(own) === essence(owned.stub);
}

/** Without what a formatter or a comment changes. */
function essence(code: string): string {
  return code
    .replace(/\/\/.*|\/\*[\s\S]*?\*\//g, '')
    .replace(/[\s;]/g, '')
    .replaceAll('"', "'");
}

/** The indentation of the line where a brace closes, if it is the first thing there, or else of the line where it opens. */
function indentAt(text: string, closing: number, opening: number): string {
  const ofLine = (offset: number) => text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset);
  const before = ofLine(closing);
  return before.trim() === '' ? before : (/^[ \t]*/.exec(ofLine(opening))?.[0] ?? '');
}
