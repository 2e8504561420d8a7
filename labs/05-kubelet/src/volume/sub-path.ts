// SubPath: a path inside a volume that cannot lead out of it.
//
// A subPath comes from the pod's author, and what lies in a volume from its containers: both may be hostile. Every part
// is looked at in turn; a symbolic link is followed only as far as it stays inside. What is missing is made, as open to
// others as the volume itself is: who may write into the one may write into the other.
//
// `root` is in front of every path the kernel is asked about: the engine's host as seen from the node's
// container (/proc/1/root), or nothing. Links are resolved here rather than by the kernel for the same reason.
//
// Same idea upstream: kubernetes, pkg/volume/util/subpath. There the file is opened and bind-mounted by its
// descriptor, which closes the moment between check and use; left out here.

import { chmod, lstat, mkdir, readlink, stat } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';

const LINKS_MAX = 40;
/** Permissions, and the bit that hands a directory's group on. */
const MODE_MASK = 0o2777;

/** @param base the volume's own directory, absolute and trusted. */
export async function resolveSubPath(
  base: string,
  subPath: string,
  options: { readonly root: string },
): Promise<string> {
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw new Error(`subPath must be relative and not contain '..': ${subPath}`);
  }
  let path = base;
  let links = 0;
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  while (parts.length > 0) {
    const next = normalize(join(path, parts.shift() ?? ''));
    assertInside(base, next, subPath);
    const kind = await kindOf(options.root + next);
    if (kind === 'missing') {
      await mkdir(options.root + next);
      await chmod(options.root + next, (await stat(options.root + base)).mode & MODE_MASK);
    }
    if (kind === 'link') {
      if (++links > LINKS_MAX) throw new Error(`too many symbolic links in subPath ${subPath}`);
      const target = await readlink(options.root + next);
      const resolved = normalize(target.startsWith('/') ? target : join(dirname(next), target));
      assertInside(base, resolved, subPath);
      parts.unshift(...resolved.slice(base.length).split('/').filter(Boolean));
      path = base;
    } else {
      path = next;
    }
  }
  return path;
}

function assertInside(base: string, path: string, subPath: string): void {
  if (path === base || path.startsWith(`${base}/`)) return;
  throw new Error(`subPath ${subPath} is outside of its volume`);
}

async function kindOf(path: string): Promise<'missing' | 'link' | 'other'> {
  try {
    return (await lstat(path)).isSymbolicLink() ? 'link' : 'other';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    throw error;
  }
}
