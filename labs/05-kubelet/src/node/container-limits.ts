// ContainerLimits: what a node that is a container may use at most, by the kernel's own files, cgroup v1 and v2.
//
// Such a node is as large as its limits say (`docker run --memory --cpus`), however large the machine is. Its pods are containers
// beside it, so the limits do not hold for them by themselves: they become the node's capacity, and the scheduler keeps to it.
//
// Same question upstream: machine info of cAdvisor, which kubelets in containers get wrong; kind and k3d document it.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface ContainerLimits {
  readonly memoryBytes?: number;
  /** May be a part of one. */
  readonly cpus?: number;
}

/** Where Docker puts a container's cgroup, as seen from its host, and from a container with a view of its own. */
const placesOf = (id: string) => [`docker/${id}`, `system.slice/docker-${id}.scope`, ''];
/** What v1 says for no limit: the largest number of pages. */
const UNLIMITED_BYTES = 2 ** 60;

/** @param cgroupRoot /sys/fs/cgroup, of the machine or of the container */
export async function readContainerLimits(
  cgroupRoot: string,
  containerId: string,
): Promise<ContainerLimits> {
  const read = async (...names: string[]): Promise<string | undefined> => {
    for (const place of placesOf(containerId)) {
      for (const name of names) {
        const path = join(cgroupRoot, name.replace('%', place));
        const text = await readFile(path, 'utf8').catch(() => undefined);
        if (text !== undefined) return text.trim();
      }
    }
    return undefined;
  };
  const memory = await read('memory/%/memory.limit_in_bytes', '%/memory.max');
  const quota = await read('cpu/%/cpu.cfs_quota_us', '%/cpu.max');
  const period = await read('cpu/%/cpu.cfs_period_us');
  const memoryBytes = Number(memory ?? Number.NaN);
  const cpus = cpusOf(quota ?? '', period);
  return {
    ...(memoryBytes > 0 && memoryBytes < UNLIMITED_BYTES ? { memoryBytes } : {}),
    ...(cpus === undefined ? {} : { cpus }),
  };
}

/** v2 has both in one line: `150000 100000`, or `max 100000`. */
function cpusOf(quota: string, periodV1: string | undefined): number | undefined {
  const [micros = '', period = periodV1] = quota.split(' ');
  const cpus = Number(micros) / Number(period);
  return Number.isFinite(cpus) && cpus > 0 ? cpus : undefined;
}
