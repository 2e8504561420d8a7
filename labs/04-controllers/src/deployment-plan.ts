// DeploymentPlan: the next step of a Deployment, from itself and its replica sets alone.
//
// One step at a time, the most careful first: bring the current set's annotations up to date, follow a change of size, make
// room, create, move Pods over, clean up. What is not safe yet is not done; the next change of a set asks again.
//
// Upstream: kubernetes, pkg/controller/deployment/deployment_controller.go (syncDeployment).

import type { Deployment, ReplicaSet } from 'kubernetes-types/apps/v1';
import { newReplicaSet, planCleanup, refreshedNewSet } from './deployment-revision.ts';
import {
  isRollingUpdate,
  isScalingEvent,
  planRollout,
  planScale,
  type ReplicaSets,
  type Scaling,
  wanted,
} from './deployment-scaling.ts';
import { deploymentStatus, isComplete } from './deployment-status.ts';

export type DeploymentPlan =
  /** Nothing to do until a set or a Pod changes. */
  | { readonly kind: 'wait' }
  | { readonly kind: 'create'; readonly replicaSet: ReplicaSet }
  /** The current set lacks the present revision, annotations or minReadySeconds. */
  | { readonly kind: 'refresh'; readonly replicaSet: ReplicaSet }
  | { readonly kind: 'scale'; readonly scalings: readonly Scaling[] }
  | { readonly kind: 'clean'; readonly replicaSets: readonly ReplicaSet[] };

/** `oldPodsRunning`: whether Pods of old sets still run, for which Recreate has to wait. */
export function plan(
  deployment: Deployment,
  sets: ReplicaSets,
  oldPodsRunning: boolean,
): DeploymentPlan {
  const { newSet, oldSets } = sets;
  const all = newSet === undefined ? oldSets : [newSet, ...oldSets];
  const refreshed = newSet && refreshedNewSet(deployment, newSet, oldSets);
  if (refreshed !== undefined) return { kind: 'refresh', replicaSet: refreshed };
  if (deployment.spec?.paused === true || isScalingEvent(deployment, all)) {
    const scalings = withStaleSizes(deployment, all, planScale(deployment, sets));
    if (scalings.length > 0) return { kind: 'scale', scalings };
    return deployment.spec?.paused === true ? cleanup(deployment, oldSets) : { kind: 'wait' };
  }
  const recreate = !isRollingUpdate(deployment);
  const activeOld = oldSets.filter((set) => wanted(set) > 0);
  if (recreate && activeOld.length > 0) {
    return {
      kind: 'scale',
      scalings: activeOld.map((replicaSet) => ({ replicaSet, replicas: 0 })),
    };
  }
  if (recreate && oldPodsRunning) return { kind: 'wait' };
  if (newSet === undefined) {
    return { kind: 'create', replicaSet: newReplicaSet(deployment, oldSets) };
  }
  const scalings = planRollout(deployment, { newSet, oldSets });
  if (scalings.length > 0) return { kind: 'scale', scalings };
  const complete = isComplete(deployment, deploymentStatus(deployment, sets, 0));
  return complete ? cleanup(deployment, oldSets) : { kind: 'wait' };
}

/** After a resize every active set is written, if only to note the Deployment's new size on it. */
function withStaleSizes(
  deployment: Deployment,
  sets: readonly ReplicaSet[],
  scalings: readonly Scaling[],
): readonly Scaling[] {
  const others = sets.filter(
    (set) =>
      isScalingEvent(deployment, [set]) && !scalings.some(({ replicaSet }) => replicaSet === set),
  );
  return [...scalings, ...others.map((set) => ({ replicaSet: set, replicas: wanted(set) }))];
}

function cleanup(deployment: Deployment, oldSets: readonly ReplicaSet[]): DeploymentPlan {
  const replicaSets = planCleanup(deployment, oldSets);
  return replicaSets.length === 0 ? { kind: 'wait' } : { kind: 'clean', replicaSets };
}
