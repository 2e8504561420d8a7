// DaemonSet: keeps one Pod on every node that should have one.
//
// The loop around daemon-plan.ts: claim Pods → plan → create and delete → write the status. A change of a node's labels,
// taints or existence concerns every daemon set.
//
// Upstream: kubernetes, pkg/controller/daemon. Left out: ControllerRevisions, and with them the roll-back to an older template.

import {
  type Informer,
  keyOf,
  matchesSelector,
  resources,
  type WorkQueue,
} from '@kube-labs/apiserver';
import type { DaemonSet } from 'kubernetes-types/apps/v1';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import {
  type Controller,
  type ControllerContext,
  newQueue,
  queueController,
} from './controller.ts';
import { claimObjects } from './controller-ref.ts';
import { minReady, plan, statusOf } from './daemon-plan.ts';
import { daemonPodFor } from './daemon-pod.ts';
import { isBeingDeleted, meta, sameData } from './meta.ts';
import { type Failure, PodChanges } from './pod-changes.ts';
import { PodControl } from './pod-control.ts';
import { nextAvailableInMs } from './pod-state.ts';
import { hashOfTemplate } from './pod-template.ts';
import { claimable } from './shared-informers.ts';

const COMPONENT = 'daemonset-controller';

interface Deps {
  readonly context: ControllerContext;
  readonly sets: Informer<DaemonSet>;
  readonly nodes: Informer<Node>;
  readonly pods: Informer<Pod>;
  readonly queue: WorkQueue;
  readonly changes: PodChanges;
}

export function daemonSetController(context: ControllerContext): Controller {
  const { clock, client, informers, options } = context;
  const control = new PodControl(client, context.recorder(COMPONENT));
  const deps: Deps = {
    context,
    sets: informers.of(resources.daemonSets),
    nodes: informers.of(resources.nodes),
    pods: informers.of(resources.pods),
    queue: newQueue(context, COMPONENT),
    changes: new PodChanges(control, clock),
  };
  watch(deps);
  return queueController(context, {
    name: COMPONENT,
    queue: deps.queue,
    informers: [deps.sets, deps.nodes, deps.pods],
    workers: options.concurrentSyncs.daemonset,
    reconcile: (key, signal) => reconcile(deps, key, signal),
  });
}

function watch({ changes, nodes, pods, queue, sets }: Deps): void {
  const enqueue = (set: DaemonSet) => queue.add(keyOf(set));
  const enqueueAll = () => sets.list().forEach(enqueue);
  sets.addHandler({
    onAdd: enqueue,
    onUpdate: (_previous, set) => enqueue(set),
    onDelete: enqueue,
  });
  nodes.addHandler({
    onAdd: enqueueAll,
    onUpdate(previous, node) {
      const aspects = ({ metadata, spec }: Node) => [metadata?.labels, spec?.taints];
      if (!sameData(aspects(previous), aspects(node))) enqueueAll();
    },
    onDelete: enqueueAll,
  });
  changes.watch(pods, { kind: 'DaemonSet', informer: sets, queue }, (orphan) => {
    const { namespace, labels } = meta(orphan);
    for (const set of sets.list(namespace)) {
      if (matchesSelector(set.spec?.selector, labels)) enqueue(set);
    }
  });
}

/** Safe to run at any time, any number of times. */
async function reconcile(deps: Deps, key: string, signal: AbortSignal): Promise<void> {
  const { changes, context, nodes, queue, sets } = deps;
  const set = sets.get(key);
  if (set?.spec === undefined) return; // Deleted after it was queued: the garbage collector owns its Pods now.
  const mayManage = changes.mayManage(key);
  const owner = { object: set, type: resources.daemonSets, selector: set.spec.selector };
  const children = { type: resources.pods, objects: claimable(deps.pods, set) };
  const pods = await claimObjects(context.client, owner, children, signal);
  const facts = { hash: hashOfTemplate(set.spec.template), nowMs: context.clock.now() };
  const failure =
    mayManage && !isBeingDeleted(set) ? await manage(deps, set, pods, signal) : undefined;
  const status = { ...set.status, ...statusOf(set, nodes.list(), pods, facts) };
  if (!sameData(withoutZeros(set.status), withoutZeros(status))) {
    await context.client.updateStatus(resources.daemonSets, { ...set, status }, signal);
  }
  const wait = nextAvailableInMs(pods, minReady(set), facts.nowMs);
  if (wait !== undefined) queue.addAfter(key, wait);
  if (failure !== undefined) throw failure.error;
}

/** Obeys plan(). */
async function manage(
  { changes, context, nodes }: Deps,
  set: DaemonSet,
  pods: readonly Pod[],
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const hash = hashOfTemplate(set.spec?.template);
  const next = plan(set, nodes.list(), pods, { hash, nowMs: context.clock.now() });
  for (const pod of next.ended) {
    const failed = pod.status?.phase === 'Failed';
    const message = `Found ${failed ? 'failed' : 'succeeded'} daemon pod ${keyOf(pod)} on node ${pod.spec?.nodeName}, will try to ${failed ? 'kill' : 'delete'} it`;
    const [type, reason] = failed
      ? (['Warning', 'FailedDaemonPod'] as const)
      : (['Normal', 'SucceededDaemonPod'] as const);
    context.recorder(COMPONENT).event(set, type, reason, message);
  }
  const create = next.create.map((nodeName) => daemonPodFor(set, nodeName, hash));
  return changes.apply({ key: keyOf(set), object: set }, { create, delete: next.delete }, signal);
}

/** On the wire some counts of zero are left out. */
function withoutZeros(status: object | undefined): object {
  return Object.fromEntries(Object.entries(status ?? {}).filter(([, value]) => value !== 0));
}
