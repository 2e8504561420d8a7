// Derive: the trees that a lab is made of, all cut from the one reference.
//
//   deriveTree(lab, k)      what somebody has who solved steps 1 … k: the other steps' symbols are stubs, hidden ones are gone
//   blankSymbol(lab, ref)   the whole reference but for one symbol, to show that its step's tests miss it
// A tree is a map from path (`src/mvcc.ts`) to text. Only bodies change, so deriveTree(lab, number of steps) is the
// reference byte for byte. Trees are never kept: they are made when they are needed.
// Beside it: pull-code.ts (a symbol for a lesson), symbols-written.ts (what is still a stub in a learner's folder).
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { CourseError } from './course-error.ts';
import type { Lab, OwnedSymbol, Step, SymbolRef } from './model.ts';
import { type Edit, splice, stubEdit } from './stub.ts';
import { type Declaration, findSymbol, parseRef, parseSource } from './symbols.ts';

export type Tree = ReadonlyMap<string, string>;

/** Every file below src/ as it stands in the reference. */
export function referenceTree({ folder }: Lab): Tree {
  const files = readdirSync(join(folder, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  return new Map(
    files.map((file) => [relative(folder, file).split(sep).join('/'), readFileSync(file, 'utf8')]),
  );
}

/** The tree in which steps 1 … `solved` are written; 0 is the skeleton that a learner starts with. */
export function deriveTree(lab: Lab, solved: number, reference = referenceTree(lab)): Tree {
  const edits = new Map<string, Edit[]>();
  const add = (ref: SymbolRef, needsBody: boolean, edit: EditOf) =>
    addEdit(edits, lab, reference, ref, needsBody, edit);
  for (const step of lab.steps.slice(solved)) {
    for (const owned of step.owns) {
      add(owned.symbol, true, (text, found) => stubEdit(text, found, owned, step.number));
    }
  }
  for (const { symbol, until } of lab.hide) if (until > solved) add(symbol, false, removal);
  return edited(reference, edits);
}

/** The reference with one symbol as the skeleton has it. */
export function blankSymbol(lab: Lab, symbol: SymbolRef, reference = referenceTree(lab)): Tree {
  const { step, owned } = ownerOf(lab, symbol);
  const edits = new Map<string, Edit[]>();
  addEdit(edits, lab, reference, symbol, true, (text, found) =>
    stubEdit(text, found, owned, step.number),
  );
  return edited(reference, edits);
}

/** The step that has a symbol written, and what lab.yaml says about it. */
export function ownerOf(lab: Lab, symbol: SymbolRef): { step: Step; owned: OwnedSymbol } {
  for (const step of lab.steps) {
    const owned = step.owns.find((candidate) => candidate.symbol === symbol);
    if (owned !== undefined) return { step, owned };
  }
  throw new CourseError(`no step owns ${symbol}`, { file: join(lab.folder, 'lab.yaml') });
}

export function writeTree(tree: Tree, folder: string): void {
  for (const [path, text] of tree) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

/** What a learner who solved steps 1 … `from` still writes until `to` is solved, as a unified diff. */
export function stepDiff(lab: Lab, from: number, to: number): string {
  const before = deriveTree(lab, from);
  const after = deriveTree(lab, to);
  return [...after]
    .filter(([path, text]) => before.get(path) !== text)
    .map(([path, text]) => {
      const old = before.get(path) ?? '';
      const options = { context: 3, headerOptions: FILE_HEADERS_ONLY };
      return createTwoFilesPatch(
        `a/${path}`,
        `b/${path}`,
        old,
        text,
        undefined,
        undefined,
        options,
      );
    })
    .join('');
}

type EditOf = (text: string, found: Declaration) => Edit;

function addEdit(
  edits: Map<string, Edit[]>,
  { folder }: Lab,
  tree: Tree,
  ref: SymbolRef,
  needsBody: boolean,
  edit: EditOf,
): void {
  const { file, name } = parseRef(ref);
  const path = join(folder, file);
  const text = tree.get(file);
  if (text === undefined) throw new CourseError(`there is no file ${file}`, { file: path });
  const found = findSymbol(parseSource(text, path), name, { needsBody });
  const ofFile = edits.get(file) ?? [];
  edits.set(file, [...ofFile, edit(text, found)]);
}

function edited(tree: Tree, edits: ReadonlyMap<string, readonly Edit[]>): Tree {
  return new Map([...tree].map(([path, text]) => [path, splice(text, edits.get(path) ?? [])]));
}

/** Takes a declaration out with its lines, and one of the empty lines around it. */
function removal(text: string, { whole }: Declaration): Edit {
  const lineStart = text.lastIndexOf('\n', whole.start - 1) + 1;
  const comma = /^[ \t]*,/.exec(text.slice(whole.end))?.[0] ?? '';
  const end = whole.end + comma.length;
  const rest = /^[ \t]*(?:\/\/.*)?(?:\n|$)/.exec(text.slice(end));
  const alone = text.slice(lineStart, whole.start).trim() === '' && rest !== null;
  // Something else stands on its line: only the words go.
  if (!alone) return { start: whole.start, end, text: '' };
  const next = end + rest[0].length;
  const gap = /\n[ \t]*\n$/.test(text.slice(0, lineStart)) && text[next] === '\n' ? 1 : 0;
  return { start: lineStart, end: next + gap, text: '' };
}
