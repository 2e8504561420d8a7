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

export function codeHash(folder: string): string {
  return hashOf(filesBelow(folder).map(({ path, file }) => [path, readFileSync(file)]));
}

export function hashOf(entries: readonly (readonly [string, string | Uint8Array])[]): string {
  const hash = createHash('sha256');
  for (const [path, content] of entries)
    hash.update(`${path}\0${content.length}\0`).update(content);
  return hash.digest('hex').slice(0, 16);
}
