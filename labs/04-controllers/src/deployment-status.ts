// DeploymentStatus: what a Deployment says of itself: counts, and the conditions Available, Progressing, ReplicaFailure.
//
// Progressing is a small state machine that `kubectl rollout status` reads. Its reasons, in order of a happy life:
// NewReplicaSetCreated → ReplicaSetUpdated (again and again, lastUpdateTime moving) → NewReplicaSetAvailable.
// When lastUpdateTime stands still for progressDeadlineSeconds: ProgressDeadlineExceeded.
//
// Upstream: kubernetes, pkg/controller/deployment/progress.go and util/deployment_util.go.

import type {
  Deployment,
  DeploymentCondition,
  DeploymentStatus,
  ReplicaSet,
} from 'kubernetes-types/apps/v1';
import { bounds, type ReplicaSets, sum, wanted } from './deployment-scaling.ts';
import { meta, millisOf, timestamp } from './meta.ts';

/** As kubectl and upstream: this number means that there is no deadline. */
const NO_DEADLINE = 2 ** 31 - 1;

export const minimumReplicasMessages = {
  True: 'Deployment has minimum availability.',
  False: 'Deployment does not have minimum availability.',
} as const;

export function deploymentStatus(
  deployment: Deployment,
  sets: ReplicaSets,
  nowMs: number,
): DeploymentStatus {
  const counts = countsOf(deployment, sets);
  const collisionCount = deployment.status?.collisionCount;
  const paused = deployment.spec?.paused === true;
  const conditions = [
    available(deployment, counts, nowMs),
    paused || hasPausedCondition(deployment)
      ? pausedCondition(deployment, nowMs)
      : progressing(deployment, sets.newSet, counts, nowMs),
    replicaFailure(sets, deployment, nowMs),
  ].filter((condition) => condition !== undefined);
  return { ...counts, ...(collisionCount === undefined ? {} : { collisionCount }), conditions };
}

type Counts = Required<
  Pick<
    DeploymentStatus,
    | 'observedGeneration'
    | 'replicas'
    | 'updatedReplicas'
    | 'readyReplicas'
    | 'availableReplicas'
    | 'unavailableReplicas'
  >
>;

function countsOf(deployment: Deployment, { newSet, oldSets }: ReplicaSets): Counts {
  const all = newSet === undefined ? oldSets : [newSet, ...oldSets];
  const availableReplicas = sum(all, (set) => set.status?.availableReplicas ?? 0);
  return {
    observedGeneration: deployment.metadata?.generation ?? 0,
    replicas: sum(all, (set) => set.status?.replicas ?? 0),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(all, (set) => set.status?.readyReplicas ?? 0),
    availableReplicas,
    unavailableReplicas: Math.max(0, sum(all, wanted) - availableReplicas),
  };
}

/** All Pods are of the new template, all are available, and no old one is left. */
export function isComplete(deployment: Deployment, counts: DeploymentStatus): boolean {
  const target = wanted(deployment);
  return (
    counts.updatedReplicas === target &&
    counts.replicas === target &&
    counts.availableReplicas === target &&
    (counts.observedGeneration ?? 0) >= (deployment.metadata?.generation ?? 0)
  );
}

export function conditionOf(deployment: Deployment, type: string): DeploymentCondition | undefined {
  return deployment.status?.conditions?.find((condition) => condition.type === type);
}

/** Milliseconds until the rollout is out of time, to look again then; undefined when there is no such moment. */
export function deadlineInMs(
  deployment: Deployment,
  status: DeploymentStatus,
  nowMs: number,
): number | undefined {
  const condition = status.conditions?.find(({ type }) => type === 'Progressing');
  const seconds = deadlineSeconds(deployment);
  if (condition?.status !== 'True' || seconds === undefined) return undefined;
  if (condition.reason === 'NewReplicaSetAvailable') return undefined;
  return Math.max(0, millisOf(condition.lastUpdateTime) + seconds * 1000 - nowMs) + 1000;
}

function available(deployment: Deployment, counts: Counts, nowMs: number): DeploymentCondition {
  const enough = counts.availableReplicas >= wanted(deployment) - bounds(deployment).unavailable;
  const status = enough ? 'True' : 'False';
  const reason = enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable';
  const message = minimumReplicasMessages[status];
  return carried(deployment, { type: 'Available', status, reason, message }, nowMs);
}

function progressing(
  deployment: Deployment,
  newSet: ReplicaSet | undefined,
  counts: Counts,
  nowMs: number,
): DeploymentCondition | undefined {
  const seconds = deadlineSeconds(deployment);
  const before = conditionOf(deployment, 'Progressing');
  if (seconds === undefined) return undefined;
  const subject = newSet
    ? `ReplicaSet "${meta(newSet).name}"`
    : `Deployment "${meta(deployment).name}"`;
  const is = (status: string, reason: string, message: string, refresh = false) =>
    carried(deployment, { type: 'Progressing', status, reason, message }, nowMs, refresh);
  const wasComplete = before?.reason === 'NewReplicaSetAvailable';
  if (wasComplete && counts.replicas === counts.updatedReplicas) return before;
  if (isComplete(deployment, counts)) {
    return is('True', 'NewReplicaSetAvailable', `${subject} has successfully progressed.`);
  }
  if (hasProgressed(deployment.status ?? {}, counts)) {
    return is('True', 'ReplicaSetUpdated', `${subject} is progressing.`, true);
  }
  if (before !== undefined && isOutOfTime(before, seconds, nowMs)) {
    return is('False', 'ProgressDeadlineExceeded', `${subject} has timed out progressing.`);
  }
  if (before === undefined && newSet !== undefined) return foundNewSet(deployment, newSet, nowMs);
  return before;
}

/** The first word on a rollout, from which its deadline counts. */
function foundNewSet(
  deployment: Deployment,
  newSet: ReplicaSet,
  nowMs: number,
): DeploymentCondition {
  const message = `Found new replica set "${meta(newSet).name}"`;
  const found = { type: 'Progressing', status: 'True', reason: 'FoundNewReplicaSet', message };
  return carried(deployment, found, nowMs);
}

/** The condition that says that a rollout began, written together with the creation of its set. */
export function rolloutStarted(
  deployment: Deployment,
  outcome: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string },
  nowMs: number,
): DeploymentStatus {
  const others = deployment.status?.conditions?.filter(({ type }) => type !== 'Progressing') ?? [];
  const started = carried(deployment, { type: 'Progressing', ...outcome }, nowMs, true);
  return { ...deployment.status, conditions: [...others, started] };
}

function hasProgressed(before: DeploymentStatus, counts: Counts): boolean {
  const old = (status: DeploymentStatus) => (status.replicas ?? 0) - (status.updatedReplicas ?? 0);
  return (
    counts.updatedReplicas > (before.updatedReplicas ?? 0) ||
    old(counts) < old(before) ||
    counts.readyReplicas > (before.readyReplicas ?? 0) ||
    counts.availableReplicas > (before.availableReplicas ?? 0)
  );
}

function isOutOfTime(condition: DeploymentCondition, seconds: number, nowMs: number): boolean {
  if (condition.reason === 'NewReplicaSetAvailable') return false;
  if (condition.reason === 'ProgressDeadlineExceeded') return true;
  return millisOf(condition.lastUpdateTime) + seconds * 1000 < nowMs;
}

function deadlineSeconds(deployment: Deployment): number | undefined {
  const seconds = deployment.spec?.progressDeadlineSeconds;
  return seconds === undefined || seconds === NO_DEADLINE ? undefined : seconds;
}

function hasPausedCondition(deployment: Deployment): boolean {
  return conditionOf(deployment, 'Progressing')?.reason === 'DeploymentPaused';
}

/** A paused rollout cannot run out of time; a resumed one starts counting anew. */
function pausedCondition(deployment: Deployment, nowMs: number): DeploymentCondition | undefined {
  const before = conditionOf(deployment, 'Progressing');
  if (deadlineSeconds(deployment) === undefined) return undefined;
  if (before?.reason === 'ProgressDeadlineExceeded') return before;
  const [reason, message] =
    deployment.spec?.paused === true
      ? ['DeploymentPaused', 'Deployment is paused']
      : ['DeploymentResumed', 'Deployment is resumed'];
  return carried(deployment, { type: 'Progressing', status: 'Unknown', reason, message }, nowMs);
}

/** Any set's failure to create or delete Pods is the Deployment's; the newest set speaks first. */
function replicaFailure(
  { newSet, oldSets }: ReplicaSets,
  deployment: Deployment,
  nowMs: number,
): DeploymentCondition | undefined {
  const all = newSet === undefined ? oldSets : [newSet, ...oldSets];
  const failure = all
    .flatMap((set) => set.status?.conditions ?? [])
    .find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (failure === undefined) return undefined;
  const { type, status, reason = '', message = '' } = failure;
  return carried(deployment, { type, status, reason, message }, nowMs);
}

type NewCondition = Omit<DeploymentCondition, 'lastTransitionTime' | 'lastUpdateTime'>;

/** Keeps the times of an unchanged condition, and the time of transition while the status stays. */
function carried(
  deployment: Deployment,
  condition: NewCondition,
  nowMs: number,
  refresh = false,
): DeploymentCondition {
  const now = timestamp(nowMs);
  const before = conditionOf(deployment, condition.type);
  const same = before?.status === condition.status && before.reason === condition.reason;
  if (same && !refresh) return before;
  const transition = before?.status === condition.status ? before.lastTransitionTime : undefined;
  return { ...condition, lastUpdateTime: now, lastTransitionTime: transition ?? now };
}
