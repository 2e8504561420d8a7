// Load lab: reads lab.yaml into the types of model.ts, and refuses everything that does not fit what lies around it.
//
// Rules of use
//   - loadLab() throws a CourseError with line and column for an unknown key, a missing file, a symbol that two steps own or
//     that the reference does not have, and a step without tests or lesson. What it returns can be relied upon.
//   - Symbols are looked up with the compiler's parser, which takes half a second to load and read. A command that a learner
//     waits for and that derives nothing passes `{ symbols: false }`.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { CourseError, type Place } from './course-error.ts';
import type { Lab, OwnedSymbol, Step, SymbolRef } from './model.ts';
import { findSymbol, parseRef, parseSource, type Span } from './symbols.ts';
import { readYaml, type YamlMap, type YamlValue } from './yaml-reader.ts';

export interface LoadOptions {
  /** Whether to look up every symbol in the reference. Default true. */
  readonly symbols?: boolean;
  /** Whether every step must have its tests and its lesson. Default true; the proof says it for each step by itself. */
  readonly files?: boolean;
}

type Hidden = Lab['hide'][number];

/** Where each thing was said, for messages about it. */
type Places = Map<object, Place>;

/** The lab in a folder such as labs/01-store. */
export function loadLab(folder: string, { symbols = true, files = true }: LoadOptions = {}): Lab {
  const file = join(folder, 'lab.yaml');
  if (!existsSync(file)) throw new CourseError('there is no lab.yaml here', { file: folder });
  const places: Places = new Map();
  const lab = readLab(folder, readYaml(file, 'the lab').map(), places);
  assertOneOwner(lab, places);
  if (files) assertFilesExist(lab, places);
  if (symbols) assertSymbolsExist(lab, places);
  return lab;
}

/** All labs of a repository that have a lab.yaml, in order. */
export function findLabs(root: string, options: LoadOptions = {}): readonly Lab[] {
  const labs = join(root, 'labs');
  return readdirSync(labs)
    .sort()
    .map((name) => join(labs, name))
    .filter((folder) => existsSync(join(folder, 'lab.yaml')))
    .map((folder) => loadLab(folder, options));
}

function readLab(folder: string, map: YamlMap, places: Places): Lab {
  const name = map.take('lab');
  const id = name.text();
  if (id !== basename(folder))
    name.fail(`the lab is called ${id}, but its folder ${basename(folder)}`);
  const titles = readTitles(map.take('title'));
  const contract = map.take('contract').count(1);
  const changes = readChanges(map.take('changes'), contract);
  const part = map.take('part').text();
  const steps = map
    .take('steps')
    .list()
    .map((value, i) => readStep(value, i + 1, places));
  if (steps.length === 0) map.take('steps').fail('a lab has at least one step');
  const hide = (map.find('hide')?.list() ?? []).map((value) => readHidden(value, steps, places));
  map.done();
  return { id, folder, title: titles.en ?? id, titles, contract, changes, part, hide, steps };
}

function readStep(value: YamlValue, number: number, places: Places): Step {
  const map = value.map();
  const idValue = map.take('id');
  const id = idValue.text();
  if (!new RegExp(`^${number}-[a-z0-9-]+$`).test(id)) {
    idValue.fail(`step ${number} is called ${number}-some-name, not ${id}`);
  }
  const titles = readTitles(map.take('title'));
  const minutes = map.take('minutes').count(1);
  const owns = map
    .take('owns')
    .list()
    .map((item) => readOwned(item, places));
  const listed = map
    .find('tests')
    ?.list()
    .map((item) => item.text());
  const tests = listed ?? [`test/steps/${id}.test.ts`];
  map.done();
  if (tests.length === 0) value.fail(`step ${id} has no tests`);
  const step = { id, number, title: titles.en ?? id, titles, minutes, owns, tests };
  places.set(step, idValue.place);
  return step;
}

/** `src/a.ts#B.c`, or the same with another stub. */
function readOwned(value: YamlValue, places: Places): OwnedSymbol {
  const owned = value.isText ? { symbol: readRef(value) } : readOwnedMap(value.map());
  places.set(owned, value.place);
  return owned;
}

function readOwnedMap(map: YamlMap): OwnedSymbol {
  const symbol = readRef(map.take('symbol'));
  const stub = map.take('stub').text();
  map.done();
  return { symbol, stub };
}

function readHidden(value: YamlValue, steps: readonly Step[], places: Places): Hidden {
  const map = value.map();
  const symbol = readRef(map.take('symbol'));
  const until = map.take('until').count(1);
  if (until > steps.length) map.take('until').fail(`there are only ${steps.length} steps`);
  map.done();
  const hidden = { symbol, until };
  places.set(hidden, value.place);
  return hidden;
}

function readRef(value: YamlValue): SymbolRef {
  const ref = value.text();
  parseRef(ref, value.place);
  return ref;
}

/** One title for all languages, or one for each; English is always there. */
function readTitles(value: YamlValue): Readonly<Record<string, string>> {
  if (value.isText) return { en: value.text() };
  const map = value.map();
  const titles = Object.fromEntries(map.keys.map((key) => [key, map.take(key).text()]));
  if (titles.en === undefined) value.fail('a title needs its English form, `en`');
  return titles;
}

/** A line for every contract number up to the current one. */
function readChanges(value: YamlValue, contract: number): Readonly<Record<string, string>> {
  const map = value.map();
  const numbers = Array.from({ length: contract }, (_, i) => String(i + 1));
  const changes = Object.fromEntries(numbers.map((number) => [number, map.take(number).text()]));
  map.done();
  return changes;
}

function assertFilesExist(lab: Lab, places: Places): void {
  for (const step of lab.steps) {
    const [missing] = missingFiles(lab, step);
    if (missing === undefined) continue;
    throw new CourseError(`step ${step.id} lacks its file ${missing}`, places.get(step));
  }
}

/** What every step has, and this one does not: relative to the lab's folder. */
export function missingFiles({ folder }: Lab, step: Step): readonly string[] {
  const files = [...step.tests, `steps/${step.id}/lesson.md`];
  return files.filter((file) => !existsSync(join(folder, file)));
}

function assertOneOwner({ steps, hide }: Lab, places: Places): void {
  const owners = new Map<SymbolRef, string>();
  const claims = [
    ...steps.flatMap((step) => step.owns.map((owned) => ({ owned, owner: `step ${step.id}` }))),
    ...hide.map((owned) => ({ owned, owner: '`hide`' })),
  ];
  for (const { owned, owner } of claims) {
    const other = owners.get(owned.symbol);
    if (other !== undefined) {
      throw new CourseError(
        `${owned.symbol} has two owners: ${other} and ${owner}`,
        places.get(owned),
      );
    }
    owners.set(owned.symbol, owner);
  }
}

/** The reference may have moved on since lab.yaml was written; and what is cut out of it must not lie inside each other. */
function assertSymbolsExist({ folder, steps, hide }: Lab, places: Places): void {
  const taken: { path: string; span: Span; symbol: SymbolRef }[] = [];
  const assertExists = (claim: OwnedSymbol | Hidden, needsBody: boolean) => {
    const place = places.get(claim) ?? { file: folder };
    const { file, name } = parseRef(claim.symbol, place);
    const path = join(folder, file);
    if (!existsSync(path)) throw new CourseError(`there is no file ${file}`, place);
    const source = parseSource(readFileSync(path, 'utf8'), path);
    const found = findSymbol(source, name, { needsBody, place });
    if (needsBody && found.infersType && (claim as OwnedSymbol).stub === undefined) {
      const why = 'the stub, which only throws, would have another';
      throw new CourseError(`${name} does not state its return type, and ${why}: state it`, place);
    }
    const span = needsBody ? (found.body ?? found.whole) : found.whole;
    const other = taken.find((t) => t.path === path && overlap(t.span, span));
    if (other !== undefined) {
      throw new CourseError(`${claim.symbol} and ${other.symbol} have text in common`, place);
    }
    taken.push({ path, span, symbol: claim.symbol });
  };
  for (const step of steps) for (const owned of step.owns) assertExists(owned, true);
  for (const hidden of hide) assertExists(hidden, false);
}

function overlap(a: Span, b: Span): boolean {
  return a.start < b.end && b.start < a.end;
}
