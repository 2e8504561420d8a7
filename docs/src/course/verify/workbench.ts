// Workbench: a folder for the trees of one proof, inside the repository so that packages resolve; gone afterwards.
//
// Its name holds the process that made it. Folders of processes that were killed are cleared away by the next one.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Tree, writeTree } from '../derive.ts';
import type { Lab } from '../model.ts';
import { cacheFolder } from '../repository.ts';
import { skeletonFiles } from '../skeleton.ts';

const PREFIX = 'verify-';

export class Workbench {
  readonly folder: string;
  /** For what runs of tests share: the trees lie under one tsconfig.json. */
  readonly translations: string;
  readonly #lab: Lab;
  readonly #placed = new Set<string>();

  constructor(lab: Lab) {
    mkdirSync(cacheFolder, { recursive: true });
    clearDead();
    this.#lab = lab;
    this.folder = mkdtempSync(join(cacheFolder, `${PREFIX}${process.pid}-`));
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
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function clearDead(): void {
  for (const name of readdirSync(cacheFolder)) {
    const pid = name.startsWith(PREFIX)
      ? Number.parseInt(name.slice(PREFIX.length), 10)
      : Number.NaN;
    if (Number.isInteger(pid) && !isAlive(pid)) {
      rmSync(join(cacheFolder, name), { recursive: true, force: true });
    }
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
