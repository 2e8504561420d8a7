// Skeleton: what `start` gave the learner, and whether today's course would give something else.
//
// A copy stays in work/.lab/skeleton/<lab>. Deriving takes half a second, so it is only done when what it is derived from
// (lab.yaml and the reference) has changed since; a hash of that is in the state.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { deriveTree, type Tree, writeTree } from '../course/derive.ts';
import type { Lab } from '../course/model.ts';
import { skeletonFiles } from '../course/skeleton.ts';
import { filesBelow, hashOf } from './code-hash.ts';
import type { Context, Work } from './context.ts';

export interface SkeletonChanges {
  readonly changed: readonly string[];
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** All that lies in work/<lab> at the start. */
export function wholeSkeleton({ lab, folder }: Work): Tree {
  return new Map([...deriveTree(lab, 0), ...skeletonFiles(lab, folder)]);
}

/** A hash of all that a skeleton is derived from. */
export function courseHash({ folder }: Lab): string {
  const files = [
    { path: 'lab.yaml', file: join(folder, 'lab.yaml') },
    ...filesBelow(join(folder, 'src')),
  ];
  return hashOf(files.map(({ path, file }) => [path, readFileSync(file)]));
}

const keptFolder = ({ root }: Context, { id }: Lab): string =>
  join(root, 'work', '.lab', 'skeleton', id);

/** Keeps what the learner started with. */
export function keepSkeleton(context: Context, lab: Lab, tree: Tree): void {
  const folder = keptFolder(context, lab);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeTree(tree, folder);
}

/** What the learner started with; empty when nobody knows any more. */
export function keptSkeleton(context: Context, lab: Lab): Tree {
  const files = filesBelow(keptFolder(context, lab));
  return new Map(files.map(({ path, file }) => [path, readFileSync(file, 'utf8')]));
}

/** Sources only: what the course says around them (README, tsconfig) breaks nobody's code. */
export function skeletonChanges(context: Context, lab: Lab): SkeletonChanges {
  const sources = (tree: Tree) => new Map([...tree].filter(([path]) => path.startsWith('src/')));
  const then = sources(keptSkeleton(context, lab));
  const now = sources(deriveTree(lab, 0));
  if (then.size === 0) return { changed: [], added: [], removed: [] };
  return {
    changed: [...now]
      .filter(([path, text]) => then.has(path) && then.get(path) !== text)
      .map(([path]) => path),
    added: [...now.keys()].filter((path) => !then.has(path)),
    removed: [...then.keys()].filter((path) => !now.has(path)),
  };
}
