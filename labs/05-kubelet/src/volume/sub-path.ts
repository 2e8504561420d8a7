// SubPath: shows a container one place inside a volume, and no other.
//
// The place is opened with care, and what was opened is bound by its descriptor to a directory of the pod that no
// container can reach: POD/volume-subpaths/VOLUME/CONTAINER/INDEX. The engine is told that directory. Whatever
// becomes of the path meanwhile, it is the opened file that the container gets.
//
// A host path of a node that is itself a container lies in the engine's mount namespace, so the mount is made there; it
// comes back here, and goes from both, because the pod's directory is shared between the two.
//
// Same idea upstream: doBindSubPath in kubernetes, pkg/volume/util/subpath/subpath_linux.go.

import { type FileHandle, mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { HostCommand } from '../host-command.ts';
import { mountsBelow } from './mounts.ts';
import { openInside } from './safe-open.ts';

export interface SubPathMount {
  /** The volume's own directory, and what is in front of it as this process sees it. */
  readonly base: string;
  readonly root: string;
  readonly subPath: string;
  /** Where it is bound to. */
  readonly target: string;
}

export function subPathTarget(
  podDirectory: string,
  place: { readonly volume: string; readonly container: string; readonly index: number },
): string {
  const { volume, container, index } = place;
  return join(podDirectory, 'volume-subpaths', volume, container, String(index));
}

/** Safe to repeat: what is bound already stays, what has become another file is bound anew. */
export async function bindSubPath(mount: SubPathMount, run: HostCommand): Promise<void> {
  const { base, root, subPath, target } = mount;
  const opened = await openInside(base, subPath, { root });
  try {
    if ((await mountsBelow(target)).includes(target)) {
      if (await isSame(opened, target)) return;
      await run('umount', [target]);
    }
    await makeTarget(target, (await opened.stat()).isDirectory());
    const source = `/proc/${process.pid}/fd/${opened.fd}`;
    const [command, ...args] = [...enter(root), 'mount', '-c', '--bind', source, target];
    await run(command ?? '', args);
  } finally {
    await opened.close();
  }
}

/** Where the root is another process's, its mount namespace is what has the files. */
function enter(root: string): readonly string[] {
  const pid = /^\/proc\/(\d+)\/root$/.exec(root)?.[1];
  return pid === undefined ? [] : ['nsenter', '--target', pid, '--mount'];
}

async function isSame(opened: FileHandle, target: string): Promise<boolean> {
  const [a, b] = await Promise.all([opened.stat({ bigint: true }), stat(target, { bigint: true })]);
  return a.dev === b.dev && a.ino === b.ino;
}

/** A directory is bound to a directory, a file to a file. */
async function makeTarget(target: string, isDirectory: boolean): Promise<void> {
  await mkdir(isDirectory ? target : dirname(target), { recursive: true, mode: 0o750 });
  if (!isDirectory) await writeFile(target, '', { mode: 0o640 });
}
