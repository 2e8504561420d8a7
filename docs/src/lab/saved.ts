// Saved copies: nothing that a person wrote is ever lost. Before a command changes work/<lab>/src it copies all of it.
//
//   work/.lab/saved/01-store/7-2026-03-01T10-20-30-reset/      the seventh copy, made before a reset
// Rules of use
//   - save() before the first write, always. A copy is of bytes: files that do not parse, and files of no use, too.
//   - restore() saves what it replaces, so an undo can be undone. Copies are never changed and never deleted.
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
import { filesBelow, wholeHash } from './code-hash.ts';
import type { Context, Work } from './context.ts';

export interface SavedCopy {
  readonly number: number;
  /** `2026-03-01T10-20-30` */
  readonly time: string;
  /** The command before which it was made. */
  readonly verb: string;
  readonly folder: string;
}

const savedFolder = ({ root }: Context, { lab }: Work): string =>
  join(root, 'work', '.lab', 'saved', lab.id);

/** All copies, the oldest first. */
export function savedCopies(context: Context, work: Work): readonly SavedCopy[] {
  const folder = savedFolder(context, work);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name): SavedCopy[] => {
      const match = /^(\d+)-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)-(.+)$/.exec(name);
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

/** Makes work/<lab>/src what the copy has, file by file, so that an editor keeps its place. */
export function restore(work: Work, copy: SavedCopy): readonly string[] {
  const wanted = new Map(
    filesBelow(copy.folder).map(({ path, file }) => [path, readFileSync(file)]),
  );
  const changed: string[] = [];
  for (const { path, file } of filesBelow(work.srcFolder)) {
    if (wanted.has(path)) continue;
    rmSync(file);
    changed.push(path);
  }
  for (const [path, content] of wanted) {
    const file = join(work.srcFolder, path);
    if (existsSync(file) && lstatSync(file).isFile() && readFileSync(file).equals(content))
      continue;
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    changed.push(path);
  }
  return changed.sort();
}
