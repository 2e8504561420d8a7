// EngineFacts: what the kubelet finds out about the machine before it starts anything on it.
//
// Where it runs in a node's container, pods of the node's network join that container; where it runs on the machine
// itself, they join the machine. Where the machine's first process may not have CAP_SYS_RESOURCE, no process can be
// protected from the out-of-memory killer, and asking for it makes containers fail to start.

import { readFile } from 'node:fs/promises';
import type { EngineFacts } from '../runtime/docker/docker-config.ts';
import { type ContainerLimits, readContainerLimits } from './container-limits.ts';

const CAP_SYS_RESOURCE = 24n;
const OOM_SCORE_ADJUST_MIN = -1000;

export async function readEngineFacts(nodeContainer: string | undefined): Promise<EngineFacts> {
  const mountInfo = await readFile('/proc/self/mountinfo', 'utf8');
  const container = nodeContainer ?? ownContainerId(mountInfo);
  const status = await readFile('/proc/1/status', 'utf8');
  return {
    hostNetworkMode: container === undefined ? 'host' : `container:${container}`,
    oomScoreAdjustMin: hasCapability(status, CAP_SYS_RESOURCE) ? OOM_SCORE_ADJUST_MIN : 0,
  };
}

/** Of the container that this kubelet runs in; none where it runs on the machine itself. */
export async function readNodeLimits(): Promise<ContainerLimits> {
  const container = ownContainerId(await readFile('/proc/self/mountinfo', 'utf8'));
  return container === undefined ? {} : readContainerLimits('/sys/fs/cgroup', container);
}

/** Docker binds a container's own files from a directory that is named after it. */
export function ownContainerId(mountInfo: string): string | undefined {
  const line = mountInfo.split('\n').find((one) => one.split(' ')[4] === '/etc/hostname');
  return /\/containers\/([0-9a-f]{64})\//.exec(line ?? '')?.[1];
}

export function hasCapability(processStatus: string, capability: bigint): boolean {
  const bounding = /^CapBnd:\s*([0-9a-f]+)$/m.exec(processStatus)?.[1];
  if (bounding === undefined) return true;
  return ((BigInt(`0x${bounding}`) >> capability) & 1n) === 1n;
}
