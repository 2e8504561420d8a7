// Write: the built site into a folder, so that it can be opened from the disk or copied to a server.
//
// Rule of use: only a folder that is empty, or that an earlier build made (it left a list of its files), is written to; of the latter
// files that the site no longer has are removed, and nothing else.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { BuiltSite } from './build.ts';

const LIST = '.site-files.json';

/** Throws where the folder is not ours to write to; a build asks before it begins. */
export function checkFolder(folder: string): void {
  if (!existsSync(folder) || existsSync(join(folder, LIST))) return;
  if (readdirSync(folder).length === 0) return;
  throw new Error(
    `Cannot write the site to ${folder}: it holds files that no build of the site has made; name an empty folder with --out`,
  );
}

export function writeSite({ files }: BuiltSite, folder: string): void {
  checkFolder(folder);
  mkdirSync(folder, { recursive: true });
  const list = join(folder, LIST);
  for (const old of readList(list)) if (!files.has(old)) rmSync(join(folder, old), { force: true });
  for (const [path, content] of files) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
  writeFileSync(list, JSON.stringify([...files.keys()]));
}

function readList(file: string): string[] {
  if (!existsSync(file)) return [];
  const list: unknown = JSON.parse(readFileSync(file, 'utf8'));
  const names = Array.isArray(list) ? list.filter((name) => typeof name === 'string') : [];
  return names.filter((name) => !name.split('/').includes('..'));
}
