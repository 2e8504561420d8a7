// Overlay: a wrong implementation that people really write, and what `lab check` says about it.
//
//   wrong/<name>/overlay.yaml    step, title, about: what people think when they write this
//                                replace: [{ symbol, body }]: other statements for these symbols
//   wrong/<name>/src/…           or whole files that are laid over the reference
//   wrong/<name>/expected.txt    the output, written by `course verify --update`, read by people, compared ever after
// A replaced body follows the reference wherever it goes; whole files are for mistakes that are more than one body, and must
// be mended when the reference moves on.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { diffLines } from 'diff';
import { CourseError, type Place } from '../course-error.ts';
import { referenceTree, type Tree } from '../derive.ts';
import type { Lab, Step, SymbolRef } from '../model.ts';
import { bodyEdit, type Edit, splice } from '../stub.ts';
import { findSymbol, parseRef, parseSource } from '../symbols.ts';
import { readYaml, type YamlValue } from '../yaml-reader.ts';

export interface Overlay {
  readonly name: string;
  readonly step: Step;
  readonly title: string;
  readonly about: string;
  /** `src/mvcc.ts` → text. */
  readonly files: Tree;
  /** Lines that are not the reference's. They grow when the reference moves on and the overlay does not. */
  readonly ownLines: number;
  readonly expectedFile: string;
  /** Undefined when nobody has written it yet. */
  readonly expected: string | undefined;
}

/** All overlays of a lab, by name. A folder that does not fit the lab is a CourseError. */
export function overlaysOf(lab: Lab): readonly Overlay[] {
  const folder = join(lab.folder, 'wrong');
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => overlayOf(lab, name))
    .sort((a, b) => a.step.number - b.step.number || (a.name < b.name ? -1 : 1));
}

function overlayOf(lab: Lab, name: string): Overlay {
  const folder = join(lab.folder, 'wrong', name);
  const file = join(folder, 'overlay.yaml');
  if (!existsSync(file)) throw new CourseError('there is no overlay.yaml here', { file: folder });
  const map = readYaml(file, 'the overlay').map();
  const number = map.take('step');
  const step = lab.steps[number.count(1) - 1] ?? number.fail(`there are ${lab.steps.length} steps`);
  const title = map.take('title').text();
  const about = map.take('about').text();
  const replaced = (map.find('replace')?.list() ?? []).map((value) => readReplaced(value));
  map.done();
  const files = new Map([...replacedFiles(lab, replaced), ...filesOf(lab, folder)]);
  if (files.size === 0) throw new CourseError('the overlay lays nothing over', { file: folder });
  const ownLines = countOwnLines(files, referenceTree(lab));
  const expectedFile = join(folder, 'expected.txt');
  const expected = existsSync(expectedFile) ? readFileSync(expectedFile, 'utf8') : undefined;
  return { name, step, title, about, files, ownLines, expectedFile, expected };
}

function filesOf(lab: Lab, folder: string): Tree {
  const reference = referenceTree(lab);
  const src = join(folder, 'src');
  const files = existsSync(src) ? readdirSync(src, { recursive: true, withFileTypes: true }) : [];
  const tree = new Map<string, string>();
  for (const entry of files.filter((each) => each.isFile())) {
    const file = join(entry.parentPath, entry.name);
    const path = relative(folder, file).split(sep).join('/');
    const text = readFileSync(file, 'utf8');
    if (!reference.has(path)) throw new CourseError('the reference has no such file', { file });
    if (reference.get(path) === text) {
      throw new CourseError('this file is the same as in the reference', { file });
    }
    tree.set(path, text);
  }
  return tree;
}

interface Replaced {
  readonly symbol: SymbolRef;
  readonly body: string;
  readonly place: Place;
}

function readReplaced(value: YamlValue): Replaced {
  const map = value.map();
  const symbol = map.take('symbol').text();
  const body = map.take('body').text();
  map.done();
  return { symbol, body, place: value.place };
}

function replacedFiles(lab: Lab, replaced: readonly Replaced[]): Tree {
  const reference = referenceTree(lab);
  const edits = new Map<string, Edit[]>();
  for (const { symbol, body, place } of replaced) {
    const { file, name } = parseRef(symbol, place);
    const text = reference.get(file);
    if (text === undefined) throw new CourseError(`there is no file ${file}`, place);
    const found = findSymbol(parseSource(text, join(lab.folder, file)), name, {
      needsBody: true,
      place,
    });
    edits.set(file, [...(edits.get(file) ?? []), bodyEdit(text, found, body)]);
  }
  return new Map(
    [...edits].map(([file, ofFile]) => [file, splice(reference.get(file) ?? '', ofFile)]),
  );
}

function countOwnLines(files: Tree, reference: Tree): number {
  return [...files]
    .flatMap(([path, text]) => diffLines(reference.get(path) ?? '', text))
    .reduce((sum, { added, count }) => sum + (added ? count : 0), 0);
}
