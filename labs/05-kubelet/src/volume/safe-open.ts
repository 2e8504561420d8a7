// SafeOpen: a path inside a volume, opened so that it cannot lead out of it, whatever is done to the volume meanwhile.
//
// A subPath comes from the pod's author, and what lies in a volume from its containers: both may be hostile, and a
// container may swap a directory for a link between a look and the next. So nothing is looked up twice: each part is
// opened in the directory that is held already, and never followed; a link's text becomes more parts to walk. What
// is missing is made, as open to others as the volume itself is. Of what was opened only its descriptor is used.
//
// Same idea upstream: kubernetes, pkg/volume/util/subpath/subpath_linux.go (doSafeOpen, doSafeMakeDir).

import { constants } from 'node:fs';
import { chmod, type FileHandle, mkdir, open, readlink } from 'node:fs/promises';

const LINKS_MAX = 40;
/** Permissions, and the bit that hands a directory's group on. */
const MODE_MASK = 0o2777;
/** Node has no name for it: the file itself, without the right to read it. */
export const O_PATH = 0o10000000;

/** Says nothing but what the pod's author may know. */
export class SubPathError extends Error {
  override readonly name = 'SubPathError';
}

/**
 * @param base the volume's own directory, absolute and trusted.
 * @param options.root in front of every path that the kernel is asked about: the engine's host as seen from here.
 * The caller closes what it gets.
 */
export async function openInside(
  base: string,
  subPath: string,
  options: { readonly root: string },
): Promise<FileHandle> {
  const rest = partsOf(subPath);
  if (subPath.startsWith('/') || rest.includes('..')) {
    throw new SubPathError(`subPath must be relative and not contain '..': ${subPath}`);
  }
  const volume = await open(options.root + base, O_PATH | constants.O_DIRECTORY);
  /** From the volume down to where the walk is. */
  const held: FileHandle[] = [volume];
  try {
    const { mode } = await volume.stat();
    let links = 0;
    for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
      if (part === '..') {
        if (held.length === 1) throw outside(subPath);
        await held.pop()?.close();
        continue;
      }
      const path = `${pathOf(held.at(-1) ?? volume)}/${part}`;
      const next = await openOrMake(path, mode & MODE_MASK);
      held.push(next);
      if (!(await next.stat()).isSymbolicLink()) continue;
      if (++links > LINKS_MAX) throw new SubPathError(`too many symbolic links in ${subPath}`);
      await held.pop()?.close();
      const target = await readlink(path);
      if (target.startsWith('/')) await closeAll(held.splice(1));
      rest.unshift(...partsOf(inVolume(base, target, subPath)));
    }
    const [found = volume] = held.splice(-1);
    return found;
  } finally {
    await closeAll(held);
  }
}

/** By which the kernel reaches what was opened, and nothing else. */
export function pathOf(handle: FileHandle): string {
  return `/proc/self/fd/${handle.fd}`;
}

async function openOrMake(path: string, mode: number): Promise<FileHandle> {
  const flags = O_PATH | constants.O_NOFOLLOW;
  try {
    return await open(path, flags);
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  }
  const isMade = await mkdir(path).then(
    () => true,
    (error: unknown) => {
      if (isCode(error, 'EEXIST')) return false;
      throw error;
    },
  );
  const made = await open(path, flags);
  // The process's umask took bits away. Somebody else may have been faster, and put a link there.
  if (isMade && (await made.stat()).isDirectory()) await chmod(pathOf(made), mode);
  return made;
}

/** An absolute link is followed from the volume, if it means a place there. */
function inVolume(base: string, target: string, subPath: string): string {
  if (!target.startsWith('/')) return target;
  if (target !== base && !target.startsWith(`${base}/`)) throw outside(subPath);
  return target.slice(base.length);
}

function outside(subPath: string): SubPathError {
  return new SubPathError(`subPath ${subPath} is outside of its volume`);
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}

async function closeAll(handles: readonly FileHandle[]): Promise<void> {
  for (const handle of handles) await handle.close();
}

function isCode(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}
