// Deployment: moves Pods from one template to the next through replica sets, one small safe step at a time.
//
// The loop around deployment-plan.ts: claim sets → plan → take one step → write the status.
//
// A Deployment never touches Pods: it makes, resizes and removes replica sets, and each change of one of them brings
// it back here for the step after. So nothing is remembered between steps, and a restart in the middle of a
// rollout loses nothing. The arithmetic is in deployment-scaling.ts, revisions are in deployment-revision.ts, the
// conditions in deployment-status.ts.
//
// Upstream: kubernetes, pkg/controller/deployment.

import type { EventRecorder, WorkQueue } from '@kube-labs/apiserver';
import { ApiError, type Informer, keyOf, matchesSelector, resources } from '@kube-labs/apiserver';
import type { Deployment, DeploymentStatus, ReplicaSet } from 'kubernetes-types/apps/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import {
  type Controller,
  type ControllerContext,
  newQueue,
  queueController,
} from './controller.ts';
import { claimObjects, controllerOf } from './controller-ref.ts';
import { plan } from './deployment-plan.ts';
import { REVISION, resized, revisionOf, splitSets, withoutHash } from './deployment-revision.ts';
import { type ReplicaSets, type Scaling, wanted } from './deployment-scaling.ts';
import { deadlineInMs, deploymentStatus, rolloutStarted } from './deployment-status.ts';
import { isBeingDeleted, joinKey, meta, refOf, sameData } from './meta.ts';
import { isNamespaceTerminating, textOf } from './pod-control.ts';
import { isPodFinished } from './pod-state.ts';
import { BY_CONTROLLER, claimable } from './shared-informers.ts';

interface Deps {
  readonly context: ControllerContext;
  readonly deployments: Informer<Deployment>;
  readonly sets: Informer<ReplicaSet>;
  readonly pods: Informer<Pod>;
  readonly recorder: EventRecorder;
  readonly queue: WorkQueue;
}

export function deploymentController(context: ControllerContext): Controller {
  const name = 'deployment-controller';
  const deps: Deps = {
    context,
    deployments: context.informers.of(resources.deployments),
    sets: context.informers.of(resources.replicaSets),
    pods: context.informers.of(resources.pods),
    recorder: context.recorder(name),
    queue: newQueue(context, name),
  };
  watch(deps);
  return queueController(context, {
    name,
    queue: deps.queue,
    informers: [deps.deployments, deps.sets, deps.pods],
    workers: context.options.concurrentSyncs.deployment,
    reconcile: (key, signal) => reconcile(deps, key, signal),
  });
}

function watch({ deployments, sets, pods, queue }: Deps): void {
  const enqueue = (deployment: Deployment) => queue.add(keyOf(deployment));
  const ownerKey = (set: ReplicaSet): string | undefined => {
    const owner = controllerOf(set);
    return owner?.kind === 'Deployment' ? joinKey(meta(set).namespace, owner.name) : undefined;
  };
  const setChanged = (set: ReplicaSet): void => {
    const key = ownerKey(set);
    if (key !== undefined) queue.add(key);
    else deployments.list(meta(set).namespace).filter(wouldAdopt(set)).forEach(enqueue);
  };
  deployments.addHandler({ onAdd: enqueue, onUpdate: (_previous, next) => enqueue(next) });
  sets.addHandler({
    onAdd: setChanged,
    onUpdate(previous, set) {
      if (ownerKey(previous) !== ownerKey(set)) setChanged(previous);
      setChanged(set);
    },
    onDelete: setChanged,
  });
  // Recreate waits for the last Pod to go: no replica set changes at that moment.
  const podGone = (pod: Pod): void => {
    const owner = controllerOf(pod);
    const set = owner && sets.get(joinKey(meta(pod).namespace, owner.name));
    if (set !== undefined && ownerKey(set) !== undefined) setChanged(set);
  };
  pods.addHandler({
    onUpdate: (previous, pod) => {
      if (!isPodFinished(previous) && isPodFinished(pod)) podGone(pod);
    },
    onDelete: podGone,
  });
}

function wouldAdopt(set: ReplicaSet): (deployment: Deployment) => boolean {
  return ({ spec }) => matchesSelector(spec?.selector, set.metadata?.labels);
}

/** Safe to run at any time, any number of times. */
async function reconcile(deps: Deps, key: string, signal: AbortSignal): Promise<void> {
  const { context, pods } = deps;
  const cached = deps.deployments.get(key);
  if (cached?.spec === undefined) return; // Deleted after it was queued: the garbage collector owns its sets now.
  const owner = { object: cached, type: resources.deployments, selector: cached.spec.selector };
  const children = { type: resources.replicaSets, objects: claimable(deps.sets, cached) };
  const claimed = await claimObjects(context.client, owner, children, signal);
  const sets = splitSets(cached, claimed);
  if (isBeingDeleted(cached)) return writeStatus(deps, cached, sets, signal);
  const deployment = await withRevision(deps, cached, sets.newSet, signal);
  const oldPodsRunning = sets.oldSets.some((set) =>
    pods.byIndex(BY_CONTROLLER, meta(set).uid).some((pod) => !isPodFinished(pod)),
  );
  const next = plan(deployment, sets, oldPodsRunning);
  switch (next.kind) {
    case 'wait':
      return writeStatus(deps, deployment, sets, signal);
    case 'create':
      return create(deps, deployment, next.replicaSet, signal);
    case 'refresh':
      await context.client.update(resources.replicaSets, next.replicaSet, signal);
      return writeStatus(deps, deployment, sets, signal);
    case 'scale':
      for (const scaling of next.scalings) await scale(deps, deployment, scaling, signal);
      return writeStatus(deps, deployment, sets, signal);
    case 'clean':
      for (const set of next.replicaSets) await remove(deps, set, signal);
      return writeStatus(deps, deployment, sets, signal);
    default:
      next satisfies never;
  }
}

/** The Deployment carries the revision of its current set, which `kubectl rollout history` shows. */
async function withRevision(
  { context }: Deps,
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  signal: AbortSignal,
): Promise<Deployment> {
  if (newSet === undefined || revisionOf(newSet) === revisionOf(deployment)) return deployment;
  const patch = { metadata: { annotations: { [REVISION]: String(revisionOf(newSet)) } } };
  const ref = refOf(deployment);
  return context.client.patch(resources.deployments, ref, patch, { type: 'merge' }, signal);
}

async function scale(
  { context, recorder }: Deps,
  deployment: Deployment,
  { replicaSet, replicas }: Scaling,
  signal: AbortSignal,
): Promise<void> {
  const before = wanted(replicaSet);
  // A stale replica set makes this a conflict, so no step is ever taken twice.
  const changed = resized(deployment, replicaSet, replicas);
  await context.client.update(resources.replicaSets, changed, signal);
  if (before !== replicas) announce(recorder, deployment, replicaSet, [before, replicas]);
}

function announce(
  recorder: EventRecorder,
  deployment: Deployment,
  replicaSet: ReplicaSet,
  [before, after]: readonly [number, number],
): void {
  const direction = after > before ? 'up' : 'down';
  const message = `Scaled ${direction} replica set ${meta(replicaSet).name} from ${before} to ${after}`;
  recorder.event(deployment, 'Normal', 'ScalingReplicaSet', message);
}

async function create(
  deps: Deps,
  deployment: Deployment,
  replicaSet: ReplicaSet,
  signal: AbortSignal,
): Promise<void> {
  const { context, recorder } = deps;
  const { name } = meta(replicaSet);
  try {
    await context.client.create(resources.replicaSets, replicaSet, signal);
  } catch (error) {
    if (ApiError.is(error, 'AlreadyExists'))
      return resolveCollision(deps, deployment, name, signal);
    if (isNamespaceTerminating(error)) return;
    const message = `Failed to create new replica set "${name}": ${textOf(error)}`;
    recorder.event(deployment, 'Warning', 'ReplicaSetCreateError', message);
    const outcome = { status: 'False', reason: 'ReplicaSetCreateError', message } as const;
    await put(deps, deployment, rolloutStarted(deployment, outcome, context.clock.now()), signal);
    throw error;
  }
  if (wanted(replicaSet) > 0) announce(recorder, deployment, replicaSet, [0, wanted(replicaSet)]);
  const message = `Created new replica set "${name}"`;
  const outcome = { status: 'True', reason: 'NewReplicaSetCreated', message } as const;
  await put(deps, deployment, rolloutStarted(deployment, outcome, context.clock.now()), signal);
}

/** The name is taken: by our own set that the cache does not show yet, or by another template with the same hash. */
async function resolveCollision(
  deps: Deps,
  deployment: Deployment,
  name: string,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, uid } = meta(deployment);
  const existing = await deps.context.client.get(
    resources.replicaSets,
    { namespace, name },
    signal,
  );
  const ours = controllerOf(existing)?.uid === uid;
  if (ours && withoutHash(existing.spec?.template) === withoutHash(deployment.spec?.template)) {
    return;
  }
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
  await put(deps, deployment, { ...deployment.status, collisionCount }, signal);
}

async function remove({ context }: Deps, set: ReplicaSet, signal: AbortSignal): Promise<void> {
  try {
    const { uid } = meta(set);
    await context.client.delete(resources.replicaSets, refOf(set), { uid }, signal);
  } catch (error) {
    if (!ApiError.is(error, 'NotFound')) throw error;
  }
}

async function writeStatus(
  deps: Deps,
  deployment: Deployment,
  sets: ReplicaSets,
  signal: AbortSignal,
): Promise<void> {
  const now = deps.context.clock.now();
  const status = deploymentStatus(deployment, sets, now);
  const wait = deadlineInMs(deployment, status, now);
  if (wait !== undefined) deps.queue.addAfter(keyOf(deployment), wait);
  if (!sameData(normalised(deployment.status), normalised(status))) {
    await put(deps, deployment, status, signal);
  }
}

async function put(
  { context }: Deps,
  deployment: Deployment,
  status: DeploymentStatus,
  signal: AbortSignal,
): Promise<void> {
  await context.client.updateStatus(resources.deployments, { ...deployment, status }, signal);
}

/** On the wire a count of zero is left out, and the order of the conditions says nothing. */
function normalised(status: DeploymentStatus | undefined): object {
  const entries = Object.entries(status ?? {}).filter(([, value]) => value !== 0);
  const conditions = [...(status?.conditions ?? [])].sort((a, b) => (a.type < b.type ? -1 : 1));
  return { ...Object.fromEntries(entries), conditions };
}
