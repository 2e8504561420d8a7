// FsGroup: whose the files of a pod's volumes are.
//
// A pod's fsGroup may read all of its volumes, and write those that can be written: the files get that group and its
// bits, directories hand it on to what is made in them. The volume's own directory comes last, so that one
// that has it is known to have been done to the end.
//
// Rule: as with sub-paths, nothing is looked up twice. Another pod may use the same volume, and swap a file for a link.
//
// Same idea upstream: FsUserFrom in kubernetes, pkg/volume/util, and pkg/volume/volume_linux.go.

import { constants, type Stats } from 'node:fs';
import { chmod, chown, type FileHandle, lchown, open, readdir } from 'node:fs/promises';
import type { Pod } from 'kubernetes-types/core/v1';
import type { Payload } from './atomic-writer.ts';
import { O_PATH, pathOf } from './safe-open.ts';

const SET_GID = 0o2000;
const FILE_READ = 0o440;
const FILE_WRITE = 0o660;
const DIRECTORY_ENTER = 0o110;

export interface Ownership {
  readonly fsGroup: number;
  readonly readOnly: boolean;
  /** The volume's own directory tells for all of it. */
  readonly onRootMismatch: boolean;
}

/** The one user that all containers of the pod run as; undefined when they differ, or one does not say. */
export function fsUserOf(pod: Pod): number | undefined {
  const { containers = [], initContainers = [], securityContext } = pod.spec ?? {};
  const users = [...initContainers, ...containers].map(
    (container) => container.securityContext?.runAsUser ?? securityContext?.runAsUser,
  );
  return users.every((user) => user === users[0]) ? users[0] : undefined;
}

/** Files that a volume is made of, as the pod's fsGroup is to have them. */
export function withFsGroup(payload: Payload, fsGroup: number | undefined): Payload {
  if (fsGroup === undefined) return payload;
  return new Map(
    [...payload].map(([path, file]) => [
      path,
      { ...file, mode: file.mode | FILE_READ, gid: fsGroup },
    ]),
  );
}

export async function setVolumeOwnership(path: string, ownership: Ownership): Promise<void> {
  const volume = await open(path, O_PATH);
  try {
    const stats = await volume.stat();
    if (ownership.onRootMismatch && isOwned(stats, ownership)) return;
    await own(volume, ownership);
  } finally {
    await volume.close();
  }
}

async function own(opened: FileHandle, ownership: Ownership): Promise<void> {
  const stats = await opened.stat();
  if (stats.isDirectory()) {
    for (const name of await readdir(pathOf(opened))) {
      await ownEntry(`${pathOf(opened)}/${name}`, ownership);
    }
  }
  if (isOwned(stats, ownership)) return;
  // First the group: changing it takes bits away.
  await chown(pathOf(opened), stats.uid, ownership.fsGroup);
  await chmod(pathOf(opened), (stats.mode & 0o7777) | maskOf(stats, ownership));
}

async function ownEntry(path: string, ownership: Ownership): Promise<void> {
  const opened = await open(path, O_PATH | constants.O_NOFOLLOW);
  try {
    const stats = await opened.stat();
    // A link has no bits of its own, and what it leads to may be anybody's.
    if (stats.isSymbolicLink()) await lchown(path, stats.uid, ownership.fsGroup);
    else await own(opened, ownership);
  } finally {
    await opened.close();
  }
}

function isOwned(stats: Stats, ownership: Ownership): boolean {
  const mask = maskOf(stats, ownership);
  return stats.gid === ownership.fsGroup && (stats.mode & mask) === mask;
}

function maskOf(stats: Stats, { readOnly }: Ownership): number {
  const mask = readOnly ? FILE_READ : FILE_WRITE;
  return stats.isDirectory() ? mask | DIRECTORY_ENTER | SET_GID : mask;
}
