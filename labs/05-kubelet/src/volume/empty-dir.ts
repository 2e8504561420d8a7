// EmptyDir: a directory that begins empty, and is the pod's own: on disk, or in memory with a bound.
//
// It is made once and then belongs to the containers: one that has closed its directory to others finds it closed. In
// memory it takes what the node or the pod may have of it, unless the volume says less.
//
// Same idea upstream: kubernetes, pkg/volume/emptydir.
// Left out here: huge pages. A bound on disk is watched, and the pod evicted; see volume-usage.ts.

import { chmod, chown, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { parseQuantity } from '@kube-labs/apiserver';
import type { EmptyDirVolumeSource, Pod } from 'kubernetes-types/core/v1';
import type { HostCommand } from '../host-command.ts';
import { mountTmpfs } from './mounts.ts';

export interface EmptyDirOptions {
  readonly fsGroup: number | undefined;
  /** Of a volume in memory; undefined is half of the machine's. */
  readonly memoryBytes: number | undefined;
}

export async function setUpEmptyDir(
  source: EmptyDirVolumeSource,
  directory: string,
  options: EmptyDirOptions & { readonly run: HostCommand },
): Promise<void> {
  const { fsGroup = 0, memoryBytes: sizeBytes, run } = options;
  // Containers of any user write here; what they make belongs to the group of the volume.
  const mode = options.fsGroup === undefined ? 0o777 : 0o2777;
  if (source.medium === 'Memory') {
    await mkdir(directory, { recursive: true });
    const size = sizeBytes === undefined ? {} : { sizeBytes };
    await mountTmpfs(directory, { ...size, mode: `0${mode.toString(8)}`, gid: fsGroup }, run);
    return;
  }
  if (source.medium) throw new Error(`emptyDir medium ${source.medium} is not on this node`);
  if ((await lstat(directory).catch(() => undefined)) !== undefined) return;
  const fresh = `${directory}.new`;
  await rm(fresh, { recursive: true, force: true });
  await mkdir(dirname(directory), { recursive: true });
  await mkdir(fresh);
  await chown(fresh, 0, fsGroup);
  await chmod(fresh, mode);
  await rename(fresh, directory);
}

/** The least of what the volume, the pod and the node allow. */
export function memoryBytesOf(
  pod: Pod,
  source: EmptyDirVolumeSource,
  allocatable: string | undefined,
): number | undefined {
  const limits = (pod.spec?.containers ?? []).map(({ resources }) => resources?.limits?.memory);
  const bounds = [allocatable, source.sizeLimit].map(bytesOf);
  // A pod with one container that has no limit has none.
  if (limits.every((limit) => limit !== undefined)) {
    bounds.push(limits.reduce((sum, limit) => sum + bytesOf(limit), 0));
  }
  const set = bounds.filter((bound) => bound > 0);
  return set.length === 0 ? undefined : Math.min(...set);
}

/** 0 is without bound. */
function bytesOf(quantity: string | undefined): number {
  return quantity === undefined ? 0 : Math.floor(parseQuantity(quantity));
}
