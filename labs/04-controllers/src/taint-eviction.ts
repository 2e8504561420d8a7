// TaintEviction: removes Pods from nodes with a NoExecute taint, when their toleration of it has run out.
//
//   plan()        now, at some moment, or never
//   reconcile()   delete, look again at that moment, or forget about it
//
// The time counts from when the taint was added, which the taint itself says; so a restart of this process gives nobody more time.
// A taint that does not say counts from when we first saw it.
//
// Upstream: kubernetes, pkg/controller/tainteviction. Left out: the condition DisruptionTarget.

import { ApiError, keyOf, resources } from '@kube-labs/apiserver';
import type { Node, Pod, Taint } from 'kubernetes-types/core/v1';
import {
  type Controller,
  type ControllerContext,
  newQueue,
  queueController,
} from './controller.ts';
import { isBeingDeleted, meta, millisOf, refOf, sameData } from './meta.ts';
import { BY_NODE } from './shared-informers.ts';
import { matches, taintsOf, tolerationsOf } from './taints.ts';

export type EvictionPlan =
  | { readonly kind: 'stay' }
  | { readonly kind: 'evict'; readonly atMs: number };

/** `taints` are the NoExecute taints of the Pod's node, `seenAtMs` when the first of them was seen. */
export function plan(pod: Pod, taints: readonly Taint[], seenAtMs: number): EvictionPlan {
  if (isBeingDeleted(pod) || taints.length === 0) return { kind: 'stay' };
  const deadlines = taints.map((taint) => deadlineOf(pod, taint, seenAtMs));
  const atMs = Math.min(...deadlines);
  return Number.isFinite(atMs) ? { kind: 'evict', atMs } : { kind: 'stay' };
}

/** Of several tolerations for one taint the shortest counts; one without seconds lasts for ever, none at all is over at once. */
function deadlineOf(pod: Pod, taint: Taint, seenAtMs: number): number {
  const tolerations = tolerationsOf(pod).filter((toleration) => matches(toleration, taint));
  if (tolerations.length === 0) return 0;
  const seconds = tolerations.map(
    ({ tolerationSeconds }) => tolerationSeconds ?? Number.POSITIVE_INFINITY,
  );
  const since = taint.timeAdded === undefined ? seenAtMs : millisOf(taint.timeAdded);
  return since + Math.max(0, Math.min(...seconds)) * 1_000;
}

export function taintEvictionController(context: ControllerContext): Controller {
  const { client, clock, informers } = context;
  const name = 'taint-eviction-controller';
  const nodes = informers.of(resources.nodes);
  const pods = informers.of(resources.pods);
  const recorder = context.recorder(name);
  const queue = newQueue(context, name);
  /** Pods that are going to be evicted, and since when we know. */
  const pending = new Map<string, number>();
  const enqueuePodsOf = (node: Node): void => {
    for (const pod of pods.byIndex(BY_NODE, meta(node).name)) queue.add(keyOf(pod));
  };
  nodes.addHandler({
    onAdd: (node) => taintsOf(node, 'NoExecute').length > 0 && enqueuePodsOf(node),
    onUpdate(previous, node) {
      if (!sameData(taintsOf(previous, 'NoExecute'), taintsOf(node, 'NoExecute')))
        enqueuePodsOf(node);
    },
  });
  pods.addHandler({
    onAdd: (pod) => queue.add(keyOf(pod)),
    onUpdate(previous, pod) {
      const placed = (each: Pod) => [each.spec?.nodeName, each.spec?.tolerations];
      if (!sameData(placed(previous), placed(pod))) queue.add(keyOf(pod));
    },
    onDelete: (pod) => pending.delete(keyOf(pod)),
  });
  return queueController(context, {
    name,
    queue,
    informers: [nodes, pods],
    workers: 8,
    async reconcile(key, signal) {
      const pod = pods.get(key);
      if (pod === undefined) return;
      const node = nodes.get(pod.spec?.nodeName ?? '');
      const now = clock.now();
      const next = plan(pod, node ? taintsOf(node, 'NoExecute') : [], pending.get(key) ?? now);
      if (next.kind === 'stay') {
        const cancelled = pending.delete(key) && !isBeingDeleted(pod);
        if (cancelled)
          recorder.event(
            pod,
            'Normal',
            'TaintManagerEviction',
            `Cancelling deletion of Pod ${key}`,
          );
        return;
      }
      if (next.atMs > now) {
        if (!pending.has(key)) pending.set(key, now);
        queue.addAfter(key, next.atMs - now);
        return;
      }
      recorder.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${key}`);
      await client
        .delete(resources.pods, refOf(pod), { uid: meta(pod).uid }, signal)
        .catch((error: unknown) => {
          if (!ApiError.is(error, 'NotFound')) throw error;
        });
      pending.delete(key);
    },
  });
}
