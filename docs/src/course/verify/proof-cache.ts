// Proof cache: what was proven on exactly these files need not be proven again on a developer's machine.
//
// A proof's key is a hash of everything that it depends on: the tree, the tests with what they share, the engine, the
// packages, the versions. Only proofs that held are remembered, so that a failure is always looked at anew.
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Tree } from '../derive.ts';
import type { Lab } from '../model.ts';
import { cacheFolder, repositoryRoot } from '../repository.ts';

/** A proof's result and what later proofs need to know of it. */
export interface Remembered {
  readonly says: string;
  readonly data?: unknown;
}

const ENGINE = ['docs/src/course', 'docs/src/check', 'docs/src/lesson'];

export class ProofCache {
  readonly #file: string;
  readonly #known: Readonly<Record<string, Remembered>>;
  readonly #used: Record<string, Remembered> = {};

  constructor(lab: Lab, { read }: { readonly read: boolean }) {
    const name = createHash('sha256').update(lab.folder).digest('hex').slice(0, 12);
    this.#file = join(cacheFolder, 'proofs', `${lab.id}-${name}.json`);
    this.#known = read ? readJson(this.#file) : {};
  }

  find(key: string): Remembered | undefined {
    const found = this.#known[key];
    if (found !== undefined) this.#used[key] = found;
    return found;
  }

  remember(key: string, remembered: Remembered): void {
    this.#used[key] = remembered;
  }

  /** `all`: every proof was asked for, so what nobody asked for is out of date. */
  save(all: boolean): void {
    mkdirSync(dirname(this.#file), { recursive: true });
    const entries = all ? this.#used : { ...this.#known, ...this.#used };
    // At once: another run may read it.
    const unfinished = `${this.#file}.${process.pid}`;
    writeFileSync(unfinished, `${JSON.stringify(entries, null, 1)}\n`);
    renameSync(unfinished, this.#file);
  }
}

function readJson(file: string): Readonly<Record<string, Remembered>> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {}; // Not there yet, or cut off: then everything is proven again.
  }
}

export function hashOf(...parts: readonly (string | Tree)[]): string {
  const hash = createHash('sha256');
  for (const part of parts) {
    const texts = typeof part === 'string' ? [part] : [...part].flat();
    for (const text of texts) hash.update(`${text.length}:`).update(text);
  }
  return hash.digest('hex');
}

/** What every proof of a lab depends on: the engine, the versions, the packages and the lower labs. */
export function hashOfSurroundings(lab: Lab): string {
  const folders = [
    ...ENGINE.map((folder) => join(repositoryRoot, folder)),
    ...workspacesOf(lab.folder).map((folder) => join(folder, 'src')),
  ];
  const files = ['package-lock.json', 'tsconfig.json'].map((name) => join(repositoryRoot, name));
  return hashOf(
    process.version,
    ...[...folders.flatMap(filesBelow), ...files].map((file) =>
      hashOf(file, readFileSync(file, 'utf8')),
    ),
  );
}

/** A test file, and all that lies around it and is no test of another step. */
export function hashOfTests(lab: Lab, tests: readonly string[]): string {
  const shared = filesBelow(join(lab.folder, 'test')).filter((file) => !file.endsWith('.test.ts'));
  const own = tests.map((test) => join(lab.folder, test));
  return hashOf(
    ...[...shared, ...own, join(lab.folder, 'package.json')]
      .filter((file) => existsSync(file))
      .map((file) => hashOf(file, readFileSync(file, 'latin1'))),
  );
}

function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.includes('/node_modules/'))
    .sort();
}

/** The folders of the lower labs that a lab imports, also by way of each other. */
function workspacesOf(folder: string): readonly string[] {
  const folders = new Map(
    readdirSync(join(repositoryRoot, 'labs')).map((name) => {
      const lab = join(repositoryRoot, 'labs', name);
      return [packageOf(lab).name, lab];
    }),
  );
  const found = new Set<string>();
  const visit = (from: string): void => {
    for (const name of Object.keys(packageOf(from).dependencies ?? {})) {
      const lower = folders.get(name);
      if (lower === undefined || found.has(lower)) continue;
      found.add(lower);
      visit(lower);
    }
  };
  visit(folder);
  return [...found].sort();
}

function packageOf(folder: string): { name: string; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
}
