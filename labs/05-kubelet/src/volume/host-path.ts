// HostPath: a directory or file of the machine itself, checked against the type that the pod asks for.
//
// The machine is the engine's host: where the kubelet runs in a node's container, it looks through
// /proc/1/root (the container shares the host's process ids).
//
// Same idea upstream: kubernetes, pkg/volume/hostpath.

import type { Stats } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import type { HostPathVolumeSource } from 'kubernetes-types/core/v1';

/** Where a volume lies: its path on the engine's host, and what is in front of it as this process sees the host. */
export interface VolumePlace {
  readonly hostPath: string;
  readonly root: string;
  readonly readOnly: boolean;
}

type HostPathCheck = { readonly description: string; matches(stats: Stats): boolean };

const CHECKS: Readonly<Record<string, HostPathCheck>> = {
  Directory: { description: 'a directory', matches: (stats) => stats.isDirectory() },
  DirectoryOrCreate: { description: 'a directory', matches: (stats) => stats.isDirectory() },
  File: { description: 'a file', matches: (stats) => stats.isFile() },
  FileOrCreate: { description: 'a file', matches: (stats) => stats.isFile() },
  Socket: { description: 'a socket file', matches: (stats) => stats.isSocket() },
  CharDevice: { description: 'a character device', matches: (stats) => stats.isCharacterDevice() },
  BlockDevice: { description: 'a block device', matches: (stats) => stats.isBlockDevice() },
};

/** @param root the engine's host as this process sees it. Resolves with the path on the host. */
export async function setUpHostPath(source: HostPathVolumeSource, root: string): Promise<string> {
  const { path, type = '' } = source;
  if (path.split('/').includes('..')) throw new Error(`path must not contain '..': ${path}`);
  const here = root + path;
  if (type === 'DirectoryOrCreate') await mkdir(here, { recursive: true, mode: 0o755 });
  // Without a type Docker made missing directories in the old days, and pods rely on it.
  if (type === '' && (await statOf(here)) === undefined) await mkdir(here, { recursive: true });
  if (type === 'FileOrCreate' && (await statOf(here)) === undefined) {
    await writeFile(here, '', { mode: 0o644 });
  }
  const check = CHECKS[type];
  const stats = await statOf(here);
  if (check !== undefined && (stats === undefined || !check.matches(stats))) {
    throw new Error(`hostPath type check failed: ${path} is not ${check.description}`);
  }
  return path;
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch {
    return undefined;
  }
}
