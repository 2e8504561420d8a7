// Code hash: says whether code is exactly the same as another time. A pass counts for the code that was tested, for no other.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

export interface FileIn {
  /** With slashes, relative to the folder. */
  readonly path: string;
  readonly file: string;
}

/** Every file below a folder, sorted; nothing when it is not there. */
export function filesBelow(folder: string): readonly FileIn[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: relative(folder, file).split(sep).join('/'), file }))
    .filter(({ path }) => !/(^|\/)(node_modules|\.git)\//.test(path))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Of the code alone: what an editor keeps beside it (swap files, backups) comes and goes. */
export function codeHash(folder: string): string {
  return hashOfFiles(filesBelow(folder).filter(({ path }) => !/(^|\/)(\.|4913$)|~$/.test(path)));
}

/** Of everything in a folder. */
export function wholeHash(folder: string): string {
  return hashOfFiles(filesBelow(folder));
}

/** A file may go away between the look and the read: then it is not there. */
function hashOfFiles(files: readonly FileIn[]): string {
  return hashOf(
    files.flatMap(({ path, file }): [string, Uint8Array][] => {
      try {
        return [[path, readFileSync(file)]];
      } catch {
        return [];
      }
    }),
  );
}

export function hashOf(entries: readonly (readonly [string, string | Uint8Array])[]): string {
  const hash = createHash('sha256');
  for (const [path, content] of entries)
    hash.update(`${path}\0${content.length}\0`).update(content);
  return hash.digest('hex').slice(0, 16);
}
