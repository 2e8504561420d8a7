// Workbench: a folder for the trees of one proof, inside the repository so that packages resolve; gone afterwards.
//
// Its name holds the process that made it, and its time says when that process was last seen. Folders of processes that were
// killed are cleared away by the next one.
//   - A process that cannot be seen may be alive all the same, in a container that shares the checkout. So a folder is left
//     alone until its time is LEFT_MS old as well.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Tree, writeTree } from '../derive.ts';
import type { Lab } from '../model.ts';
import { cacheFolder } from '../repository.ts';
import { skeletonFiles } from '../skeleton.ts';

const PREFIX = 'verify-';
const SEEN_EVERY_MS = 10_000;
/** A proof may keep its process from anything else for seconds, and a busy machine for a minute. */
const LEFT_MS = 10 * 60_000;

export class Workbench {
  readonly folder: string;
  /** For what runs of tests share: the trees lie under one tsconfig.json. */
  readonly translations: string;
  readonly #lab: Lab;
  readonly #placed = new Set<string>();
  readonly #seen: NodeJS.Timeout;

  constructor(lab: Lab) {
    mkdirSync(cacheFolder, { recursive: true });
    clearDead();
    this.#lab = lab;
    this.folder = mkdtempSync(join(cacheFolder, `${PREFIX}${process.pid}-`));
    this.#seen = setInterval(() => markSeen(this.folder), SEEN_EVERY_MS).unref();
    this.translations = join(this.folder, 'translations');
    const tsconfig = skeletonFiles(lab, this.folder).get('tsconfig.json') ?? '';
    writeFileSync(join(this.folder, 'tsconfig.json'), tsconfig.replace('"src"', '"*/src"'));
  }

  /** Writes a tree once, and returns its src folder. */
  place(name: string, tree: Tree): string {
    const folder = join(this.folder, name);
    if (!this.#placed.has(name)) {
      this.#placed.add(name);
      writeTree(tree, folder);
      // Without it `#src/…` would mean nothing to a process that a test starts.
      const packageJson = skeletonFiles(this.#lab, folder).get('package.json') ?? '';
      writeFileSync(join(folder, 'package.json'), packageJson);
    }
    return join(folder, 'src');
  }

  remove(): void {
    clearInterval(this.#seen);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function clearDead(): void {
  for (const name of readdirSync(cacheFolder)) {
    const folder = join(cacheFolder, name);
    if (name.startsWith(PREFIX) && isLeft(folder, Number.parseInt(name.slice(PREFIX.length), 10))) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

function isLeft(folder: string, pid: number): boolean {
  const seen = statSync(folder, { throwIfNoEntry: false });
  if (seen === undefined || Number.isNaN(pid)) return false;
  return Date.now() - seen.mtimeMs > LEFT_MS && !isAlive(pid);
}

function markSeen(folder: string): void {
  const now = new Date();
  try {
    utimesSync(folder, now, now);
  } catch {
    // Somebody has cleared the cache by hand; the proof will say what is missing.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
