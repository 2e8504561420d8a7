// NodeLifecycle: notices that a node has fallen silent, says so in its conditions, and taints it.
//
// Each node is looked at when it changes and every --node-monitor-period. A node whose last heartbeat is older than
// --node-monitor-grace-period becomes Unknown; its Pods stop being ready at that moment, so that services drop them; its
// NoExecute taint then lets taint-eviction.ts remove them. Everything is taken back when the kubelet speaks again.
//
// Careful with bad news:
//   1. before a node is declared silent its lease is read live: our watch may be what is silent;
//   2. while the API server does not answer nobody can be heard, so that time does not count;
//   3. NoExecute taints come one by one at --node-eviction-rate, not at all when more than half of many nodes are gone,
//      and go again when all nodes are: then the fault is more likely on our side.
//
// Upstream: kubernetes, pkg/controller/nodelifecycle. Point 2 is ours.

import {
  ApiError,
  type EventRecorder,
  type Informer,
  keyOf,
  resources,
  type WorkQueue,
} from '@kube-labs/apiserver';
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Node, Pod } from 'kubernetes-types/core/v1';
import {
  type Controller,
  type ControllerContext,
  every,
  newQueue,
  queueController,
} from './controller.ts';
import { EvictionLimiter } from './eviction-limiter.ts';
import { meta, timestamp } from './meta.ts';
import {
  conditionOf,
  disruptionOf,
  heartbeatOf,
  isBeingEmptied,
  planConditions,
  planTaints,
  readyStatus,
} from './node-health.ts';
import { isPodReady } from './pod-state.ts';
import { BY_NODE } from './shared-informers.ts';

const LEASE_NAMESPACE = 'kube-node-lease';

/** What we know of a node from watching it. */
interface Watched {
  heartbeat: string;
  /** When the heartbeat last changed, by our clock. */
  heardAtMs: number;
  ready: string | undefined;
}

interface Deps {
  readonly context: ControllerContext;
  readonly nodes: Informer<Node>;
  readonly leases: Informer<Lease>;
  readonly pods: Informer<Pod>;
  readonly queue: WorkQueue;
  readonly recorder: EventRecorder;
  readonly watched: Map<string, Watched>;
  readonly limiter: EvictionLimiter;
}

export function nodeLifecycleController(context: ControllerContext): Controller {
  const name = 'node-lifecycle-controller';
  const deps: Deps = {
    context,
    nodes: context.informers.of(resources.nodes),
    leases: context.informers.of(resources.leases),
    pods: context.informers.of(resources.pods),
    queue: newQueue(context, name),
    recorder: context.recorder('node-controller'),
    watched: new Map(),
    limiter: new EvictionLimiter(context.options),
  };
  watch(deps);
  const controller = queueController(context, {
    name,
    queue: deps.queue,
    informers: [deps.nodes, deps.leases, deps.pods],
    reconcile: (key, signal) => reconcile(deps, key, signal),
  });
  const lookAtAll = async () => {
    for (const node of deps.nodes.list()) deps.queue.add(keyOf(node));
  };
  return {
    async run(signal) {
      const period = context.options.nodeMonitorPeriodMs;
      await Promise.all([controller.run(signal), every(context, period, lookAtAll, signal)]);
    },
  };
}

function watch(deps: Deps): void {
  const { nodes, leases, queue, watched } = deps;
  const heard = (node: Node): void => {
    hear(deps, node, leases.get(`${LEASE_NAMESPACE}/${meta(node).name}`));
    queue.add(keyOf(node));
  };
  nodes.addHandler({
    onAdd: heard,
    onUpdate: (_previous, node) => heard(node),
    onDelete: (node) => watched.delete(meta(node).name),
  });
  const renewed = (lease: Lease): void => {
    const node = nodes.get(meta(lease).name);
    if (meta(lease).namespace === LEASE_NAMESPACE && node !== undefined) hear(deps, node, lease);
  };
  leases.addHandler({ onAdd: renewed, onUpdate: (_previous, lease) => renewed(lease) });
}

/** Notes a sign of life, if it is a new one. */
function hear({ context, watched }: Deps, node: Node, lease: Lease | undefined): Watched {
  const { name } = meta(node);
  const heartbeat = heartbeatOf(node, lease);
  const known = watched.get(name);
  if (known?.heartbeat === heartbeat) return known;
  const heardAtMs = context.clock.now();
  const noted = { heartbeat, heardAtMs, ready: known?.ready ?? readyStatus(node) };
  watched.set(name, noted);
  return noted;
}

async function reconcile(deps: Deps, key: string, signal: AbortSignal): Promise<void> {
  const { context, limiter, nodes } = deps;
  const cached = nodes.get(key);
  if (cached === undefined) return; // Deleted: the Pod garbage collector removes its Pods.
  const node = await withConditions(deps, cached, signal);
  await follow(deps, node, signal);
  const all = nodes.list().map((each) => (keyOf(each) === key ? node : each));
  const now = context.clock.now();
  const disruption = disruptionOf(all, context.options.unhealthyZoneThreshold);
  if (limiter.leftFullDisruption(disruption)) restartTime(deps);
  const isNew = isUnready(node) && !isBeingEmptied(node);
  const empties = isNew && limiter.mayEmpty(now, all.length, disruption);
  const execution = disruption === 'full' ? 'cancel' : empties ? 'evict' : 'hold';
  const taints = planTaints(node, execution, now);
  if (taints === undefined) return;
  const change = { ...node, spec: { ...node.spec, taints: [...taints] } };
  await context.client.update(resources.nodes, change, signal);
  if (empties) limiter.emptied(now);
}

/** What others must hear when a node becomes ready, or stops being it. */
async function follow(deps: Deps, node: Node, signal: AbortSignal): Promise<void> {
  const { recorder, watched } = deps;
  const { name } = meta(node);
  const noted = watched.get(name);
  const ready = readyStatus(node);
  const changed = noted !== undefined && noted.ready !== ready;
  // A kubelet that still speaks answers for its Pods itself, after this once.
  if (ready === 'Unknown' || (ready === 'False' && changed))
    await markPodsNotReady(deps, name, signal);
  if (!changed) return;
  noted.ready = ready;
  const reason = ready === 'True' ? 'NodeReady' : 'NodeNotReady';
  recorder.event(node, 'Normal', reason, `Node ${name} status is now: ${reason}`);
}

function isUnready(node: Node): boolean {
  const ready = readyStatus(node);
  return ready === 'False' || ready === 'Unknown';
}

/** As if everybody had just been heard. */
function restartTime({ context, watched }: Deps): void {
  const now = context.clock.now();
  for (const each of watched.values()) each.heardAtMs = now;
}

/** The node, with its conditions set to Unknown when it has been silent for too long. */
async function withConditions(deps: Deps, node: Node, signal: AbortSignal): Promise<Node> {
  const { context, watched } = deps;
  const { name } = meta(node);
  // Asking in good time shows whether it is the API server that is silent.
  if (planConditions(node, 0) === undefined || patienceUsed(deps, node) <= 0.5) return node;
  const live = await readLive(deps, node, signal);
  hear(deps, live.node, live.lease);
  const conditions = planConditions(live.node, context.clock.now());
  if (conditions === undefined || patienceUsed(deps, live.node) <= 1) return live.node;
  const status = { ...live.node.status, conditions: [...conditions] };
  const silent = { ...live.node, status };
  const written = await context.client.updateStatus(resources.nodes, silent, signal);
  context.log.info('Node stopped sending heartbeats', { node: name });
  // Our own word is no sign of life.
  const noted = watched.get(name);
  if (noted !== undefined) noted.heartbeat = heartbeatOf(written, live.lease);
  return written;
}

/** How much of its grace period the node has been silent: above 1 is too long. */
function patienceUsed({ context, watched }: Deps, node: Node): number {
  const { nodeMonitorGracePeriodMs, nodeStartupGracePeriodMs } = context.options;
  const never = conditionOf(node, 'Ready') === undefined;
  const graceMs = never ? nodeStartupGracePeriodMs : nodeMonitorGracePeriodMs;
  const now = context.clock.now();
  return (now - (watched.get(meta(node).name)?.heardAtMs ?? now)) / graceMs;
}

/** When the API server does not answer, no node could be heard: everybody's time starts again. */
async function readLive(deps: Deps, node: Node, signal: AbortSignal) {
  const { context } = deps;
  const { name } = meta(node);
  try {
    const fresh = await context.client.get(resources.nodes, { name }, signal);
    const ref = { namespace: LEASE_NAMESPACE, name };
    const lease = await context.client
      .get(resources.leases, ref, signal)
      .catch((error: unknown) => {
        if (ApiError.is(error, 'NotFound')) return undefined;
        throw error;
      });
    return { node: fresh, lease };
  } catch (error) {
    restartTime(deps);
    throw error;
  }
}

/** Nobody can say any more that these Pods work, so services must not send anybody there. */
async function markPodsNotReady(deps: Deps, nodeName: string, signal: AbortSignal): Promise<void> {
  const { context, pods, recorder } = deps;
  const now = timestamp(context.clock.now());
  for (const pod of pods.byIndex(BY_NODE, nodeName)) {
    if (!isPodReady(pod)) continue;
    const conditions = (pod.status?.conditions ?? []).map((condition) =>
      condition.type === 'Ready'
        ? { ...condition, status: 'False', lastTransitionTime: now }
        : condition,
    );
    recorder.event(pod, 'Warning', 'NodeNotReady', 'Node is not ready');
    try {
      const marked = { ...pod, status: { ...pod.status, conditions } };
      await context.client.updateStatus(resources.pods, marked, signal);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error;
    }
  }
}
