// PodLookup: from the names in a path to the container that the runtime has.
//
// Same idea upstream: getContainerInfo and friends in kubernetes, pkg/kubelet/kubelet_pods.go.

import type { Pod, PodStatus } from 'kubernetes-types/core/v1';
import type { PodManager } from '../config/pod-manager.ts';
import { containersOf } from '../pod/pod-view.ts';
import { identityOf } from '../pod/pod-worker.ts';
import type { Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import { chooseContainer } from './container-logs.ts';
import { HttpError } from './http-error.ts';

export interface PodLookup {
  readonly runtime: Runtime;
  readonly pods: Pick<PodManager, 'pods' | 'byName'>;
  /** The newest status, which the API may not have yet. */
  statusOf(podUid: string): PodStatus | undefined;
}

function findPod(options: PodLookup, path: readonly string[]): { pod: Pod; name: string } {
  const [namespace = '', podName = '', name = ''] = path.map(decodeURIComponent);
  const pod = options.pods.byName(namespace, podName);
  if (pod === undefined) throw new HttpError(404, `pod "${podName}" not found`);
  if (!containersOf(pod).some((spec) => spec.name === name)) {
    throw new HttpError(404, `container "${name}" not found in pod "${podName}"`);
  }
  return { pod, name };
}

async function recordsOf(
  options: PodLookup,
  { pod, name }: { pod: Pod; name: string },
): Promise<readonly RuntimeContainer[]> {
  const runtime = await options.runtime.podStatus(identityOf(pod));
  return runtime.containers.filter((container) => container.name === name);
}

/** @param path namespace, pod, container */
export async function findRunningContainer(
  options: PodLookup,
  path: readonly string[],
): Promise<RuntimeContainer> {
  const target = findPod(options, path);
  const [newest] = await recordsOf(options, target);
  if (newest?.status.state === 'running') return newest;
  throw new HttpError(500, `container not found ("${target.name}")`);
}

export async function findLogContainer(
  options: PodLookup,
  path: readonly string[],
  previous: boolean,
): Promise<RuntimeContainer> {
  const target = findPod(options, path);
  const told = options.statusOf(target.pod.metadata?.uid ?? '') ?? target.pod.status;
  const status = [
    ...(told?.containerStatuses ?? []),
    ...(told?.initContainerStatuses ?? []),
    ...(told?.ephemeralContainerStatuses ?? []),
  ].find(({ name }) => name === target.name);
  return chooseContainer(await recordsOf(options, target), { ...target, status }, previous);
}
