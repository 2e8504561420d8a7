// EmptyDir: a directory that begins empty, and is the pod's own: on disk, or in memory with a bound.
//
// Same idea upstream: kubernetes, pkg/volume/emptydir.
// Left out here: size limits on disk.

import { chmod } from 'node:fs/promises';
import { parseQuantity } from '@kube-labs/apiserver';
import type { EmptyDirVolumeSource } from 'kubernetes-types/core/v1';
import type { HostCommand } from '../host-command.ts';
import { mountTmpfs } from './mounts.ts';

export async function setUpEmptyDir(
  source: EmptyDirVolumeSource,
  directory: string,
  run: HostCommand,
): Promise<void> {
  if (source.medium === 'Memory') {
    const size =
      source.sizeLimit === undefined ? {} : { sizeBytes: parseQuantity(source.sizeLimit) };
    await mountTmpfs(directory, { ...size, mode: '0777' }, run);
  }
  // Containers of any user write here.
  await chmod(directory, 0o777);
}
