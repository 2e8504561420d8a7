// PodGarbageCollector: removes Pods that no kubelet will ever remove.
//
//   plan()   which Pods, and why: their node is gone; they ended and there are too many of such; they were deleted before
//            they had a node
//
// A node must have been gone for a while, and be gone live as well, before its Pods follow: a kubelet may be registering again.
// These deletions have no grace, as nobody is there to confirm them.
//
// Upstream: kubernetes, pkg/controller/podgc. Left out: the out-of-service taint, the condition DisruptionTarget.

import { ApiError, resources } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { allSynced, type Controller, type ControllerContext, every } from './controller.ts';
import { isBeingDeleted, meta, millisOf, refOf } from './meta.ts';
import { isPodFinished } from './pod-state.ts';

export interface PodGarbage {
  readonly pod: Pod;
  readonly reason: 'orphaned' | 'terminated' | 'unscheduled';
}

/** `goneNodes` are names that Pods are bound to and that have been without a node for long enough. */
export function plan(
  pods: readonly Pod[],
  goneNodes: ReadonlySet<string>,
  terminatedMax: number,
): readonly PodGarbage[] {
  const finished = pods.filter((pod) => isPodFinished(pod) && !isBeingDeleted(pod));
  const created = (pod: Pod) => millisOf(pod.metadata?.creationTimestamp);
  const oldestFirst = finished.sort((a, b) => created(a) - created(b));
  const surplus = terminatedMax > 0 ? Math.max(0, finished.length - terminatedMax) : 0;
  const tooMany = new Set(oldestFirst.slice(0, surplus));
  return pods.flatMap((pod): PodGarbage[] => {
    const node = nodeOf(pod);
    if (tooMany.has(pod)) return [{ pod, reason: 'terminated' }];
    if (node !== '' && goneNodes.has(node)) return [{ pod, reason: 'orphaned' }];
    return node === '' && isBeingDeleted(pod) ? [{ pod, reason: 'unscheduled' }] : [];
  });
}

function nodeOf(pod: Pod): string {
  return pod.spec?.nodeName ?? '';
}

export function podGarbageCollectorController(context: ControllerContext): Controller {
  const { client, clock, informers, options } = context;
  const log = context.log.child({ controller: 'pod-garbage-collector-controller' });
  const pods = informers.of(resources.pods);
  const nodes = informers.of(resources.nodes);
  /** Names of nodes that are missing, and since when. */
  const missing = new Map<string, number>();

  const goneNodes = async (signal: AbortSignal): Promise<ReadonlySet<string>> => {
    const now = clock.now();
    const named = new Set(pods.list().map(nodeOf));
    named.delete('');
    for (const name of missing.keys()) {
      if (!named.has(name) || nodes.get(name) !== undefined) missing.delete(name);
    }
    const gone = new Set<string>();
    for (const name of named) {
      if (nodes.get(name) !== undefined) continue;
      const since = missing.get(name) ?? now;
      missing.set(name, since);
      const ripe = now - since >= options.podGcQuarantineMs;
      if (ripe && !(await exists(context, name, signal))) gone.add(name);
    }
    return gone;
  };

  const collect = async (signal: AbortSignal): Promise<void> => {
    const gone = await goneNodes(signal);
    for (const { pod, reason } of plan(pods.list(), gone, options.terminatedPodGcThreshold)) {
      log.info('Removing a pod that no kubelet will remove', { pod: meta(pod).name, reason });
      try {
        const force = { gracePeriodSeconds: 0, uid: meta(pod).uid };
        await client.delete(resources.pods, refOf(pod), force, signal);
      } catch (error) {
        if (!ApiError.is(error, 'NotFound') && !ApiError.is(error, 'Conflict')) throw error;
      }
    }
  };

  return {
    async run(signal) {
      if (!(await allSynced([pods, nodes], signal))) return;
      await every(context, options.podGcPeriodMs, collect, signal);
    },
  };
}

async function exists(
  { client }: ControllerContext,
  name: string,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await client.get(resources.nodes, { name }, signal);
    return true;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return false;
    throw error;
  }
}
