// CodeLinks: a place in the code that a text names in backticks becomes a link to the line.
//
//   `src/txn.ts#evaluate`       in a lesson or README of a lab: the file in that lab. Where the lab is a course, the learner's skeleton,
//                               so that a click on a task does not show its solution
//   `labs/01-store/src/kv.ts`   anywhere: the file in the repository
// A lesson that names a file or a symbol that is not there fails the build.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CourseError } from '../course/course-error.ts';
import { deriveTree, type Tree } from '../course/derive.ts';
import type { Lab } from '../course/model.ts';
import { findSymbol, parseSource } from '../course/symbols.ts';
import type { LabInfo } from './catalog.ts';
import type { Site } from './site.ts';

/** Names of files with an extension; `src/plugins/` and `src/…` are prose. */
const IN_LAB = /^((?:src|test|wrong|steps)\/[\w./-]+\.\w+)(?:#(.+))?$/;
const IN_REPOSITORY = /^(?:labs|docs|test|scripts)\/[\w./-]+\.\w+$/;

export function repositoryLink(site: Site): (reference: string) => string | undefined {
  return (reference) =>
    IN_REPOSITORY.test(reference) && site.has(reference) ? site.pageOf(reference) : undefined;
}

/** For texts of a lab. `file` is the text, named in complaints. */
export function labLink(
  site: Site,
  { folder, course }: Pick<LabInfo, 'folder' | 'course'>,
  file: string,
): (reference: string) => string | undefined {
  const elsewhere = repositoryLink(site);
  return (reference) => {
    const [, path, symbol] = IN_LAB.exec(reference) ?? [];
    if (path === undefined) return elsewhere(reference);
    if (!site.has(`${folder}/${path}`)) {
      site.complain(file, `names ${reference}, and there is no ${folder}/${path}`);
      return undefined;
    }
    try {
      return course === undefined || !path.startsWith('src/')
        ? referencePath(site, `${folder}/${path}`, symbol)
        : skeletonPath(site, course, path, symbol);
    } catch (error) {
      if (!CourseError.is(error)) throw error;
      site.complain(file, `names ${reference}: ${error.message}`);
      return undefined;
    }
  };
}

/** The reference's page, at the line of a symbol. Throws a CourseError if there is no such symbol. */
export function referencePath(site: Site, file: string, symbol?: string): string {
  const page = site.pageOf(file);
  if (symbol === undefined) return page;
  const path = join(site.root, file);
  return `${page}#L${findSymbol(parseSource(readFileSync(path, 'utf8'), path), symbol).line}`;
}

/** The skeleton's page; a file that is not changed for the learner is the reference's own. */
function skeletonPath(site: Site, course: Lab, path: string, symbol: string | undefined): string {
  const text = skeletonOf(course).get(path);
  const file = `labs/${course.id}/${path}`;
  if (text === undefined || text === readFileSync(join(course.folder, path), 'utf8')) {
    return referencePath(site, file, symbol);
  }
  const page = site.skeletonOf(file);
  if (symbol === undefined) return page;
  return `${page}#L${findSymbol(parseSource(text, join(course.folder, path)), symbol).line}`;
}

const skeletons = new WeakMap<Lab, Tree>();

/** What the learner starts with. */
export function skeletonOf(course: Lab): Tree {
  const known = skeletons.get(course);
  if (known !== undefined) return known;
  const tree = deriveTree(course, 0);
  skeletons.set(course, tree);
  return tree;
}
