// setNotScheduled: writes the condition PodScheduled=False, which says why a pod waits.
//
// The condition is what machines read (the cluster autoscaler waits for Unschedulable); people read the event. Nothing is written
// when it says so already. Same idea upstream: kubernetes, pkg/scheduler/schedule_one.go (updatePod).

import { type Client, resources } from '@kube-labs/apiserver';
import type { Pod, PodCondition } from 'kubernetes-types/core/v1';

export interface NotScheduled {
  readonly reason: 'Unschedulable' | 'SchedulerError';
  readonly message: string;
}

export async function setNotScheduled(
  client: Client,
  pod: Pod,
  why: NotScheduled,
  signal: AbortSignal,
): Promise<void> {
  const condition = nextCondition(pod, why, new Date());
  if (condition === undefined) return;
  const { namespace = '', name = '' } = pod.metadata ?? {};
  const patch = { status: { conditions: [condition] } };
  const options = { type: 'strategic', subresource: 'status' } as const;
  await client.patch(resources.pods, { namespace, name }, patch, options, signal);
}

/** Undefined when the pod says so already. */
export function nextCondition(
  pod: Pod,
  { reason, message }: NotScheduled,
  now: Date,
): PodCondition | undefined {
  const old = pod.status?.conditions?.find(({ type }) => type === 'PodScheduled');
  const stays = old?.status === 'False';
  if (stays && old.reason === reason && old.message === message) return undefined;
  const lastTransitionTime =
    stays && old.lastTransitionTime ? old.lastTransitionTime : `${now.toISOString().slice(0, 19)}Z`;
  return { type: 'PodScheduled', status: 'False', reason, message, lastTransitionTime };
}
