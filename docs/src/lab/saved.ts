// Saved copies: nothing that a person wrote is ever lost. Before a command changes work/<lab>/src it copies all of it.
//
//   work/.lab/saved/01-store/7-2026-03-01T10-20-30-reset/      the seventh copy, made before a reset
//   work/.lab/saved/01-store/7-2026-03-01T10-20-30-reset.json  which files that reset changed, and a hash of what it wrote
// Rules of use
//   - noteWritten() after the write: an undo is then of that command alone, and leaves what was written in other files since.
//   - save() before the first write, always. A copy is of bytes: files that do not parse, and files of no use, too.
//   - save() before restore() too, so an undo can be undone. Copies are never changed and never deleted.
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow, hashOf, wholeHash } from './code-hash.ts';
import type { Context, Work } from './context.ts';

export interface SavedCopy {
  readonly number: number;
  /** `2026-03-01T10-20-30` */
  readonly time: string;
  /** The command before which it was made. */
  readonly verb: string;
  readonly folder: string;
}

/** Path below src → a hash of what the command wrote there; null where it took the file away. */
export type Written = Readonly<Record<string, string | null>>;

const savedFolder = ({ root }: Context, { lab }: Work): string =>
  join(root, 'work', '.lab', 'saved', lab.id);

/** All copies, the oldest first. */
export function savedCopies(context: Context, work: Work): readonly SavedCopy[] {
  const folder = savedFolder(context, work);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name): SavedCopy[] => {
      const match = /^(\d+)-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)-([a-z-]+)$/.exec(name);
      if (match === null) return [];
      const [, number, time = '', verb = ''] = match;
      return [{ number: Number(number), time, verb, folder: join(folder, name) }];
    })
    .sort((a, b) => a.number - b.number);
}

/** Copies work/<lab>/src and tells where. The very same code is not copied twice in a row. */
export function save(context: Context, work: Work, verb: string): SavedCopy {
  const last = savedCopies(context, work).at(-1);
  if (last !== undefined && wholeHash(last.folder) === wholeHash(work.srcFolder)) return last;
  const number = (last?.number ?? 0) + 1;
  const time = context.now().slice(0, 19).replaceAll(':', '-');
  const folder = join(savedFolder(context, work), `${number}-${time}-${verb}`);
  const half = join(dirname(folder), `.half-${process.pid}`);
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  if (existsSync(work.srcFolder))
    cpSync(work.srcFolder, half, { recursive: true, verbatimSymlinks: true });
  renameSync(half, folder); // A copy that was cut off in the middle never looks like one.
  return { number, time, verb, folder };
}

const noteFile = ({ folder }: SavedCopy): string => `${folder}.json`;

/** Remembers what the command that follows a copy made of these files. */
export function noteWritten(work: Work, copy: SavedCopy, paths: readonly string[]): void {
  const written = Object.fromEntries(paths.map((path) => [path, hashAt(work.srcFolder, path)]));
  writeFileSync(noteFile(copy), `${JSON.stringify(written, null, 2)}\n`);
}

/** Undefined for a copy of which nobody knows: then all files are meant. */
export function writtenAfter(copy: SavedCopy): Written | undefined {
  try {
    return JSON.parse(readFileSync(noteFile(copy), 'utf8')) as Written;
  } catch {
    return undefined;
  }
}

/** Of one file; null where there is none. */
export function hashAt(folder: string, path: string): string | null {
  const file = join(folder, path);
  if (!existsSync(file) || !lstatSync(file).isFile()) return null;
  return hashOf([[path, readFileSync(file)]]);
}

/** Paths that differ between a copy and work/<lab>/src. */
export function differingFrom(work: Work, copy: SavedCopy): readonly string[] {
  const paths = [copy.folder, work.srcFolder].flatMap((folder) =>
    filesBelow(folder).map(({ path }) => path),
  );
  return [...new Set(paths)]
    .filter((path) => hashAt(copy.folder, path) !== hashAt(work.srcFolder, path))
    .sort();
}

/** Makes these files of work/<lab>/src what the copy has, one by one, so that an editor keeps its place. */
export function restore(work: Work, copy: SavedCopy, paths: readonly string[]): void {
  for (const path of paths) {
    const [from, to] = [join(copy.folder, path), join(work.srcFolder, path)];
    if (existsSync(from)) {
      mkdirSync(dirname(to), { recursive: true });
      writeFileSync(to, readFileSync(from));
    } else rmSync(to, { force: true });
  }
}
