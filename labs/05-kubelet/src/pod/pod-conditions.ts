// PodConditions: what a pod's conditions say, each with the time of its last change. Pure.
//
// Only the kubelet's own ones are made here. Others write conditions too, and with readiness gates a pod is ready only when
// those that its spec names are true.
//
// Same idea upstream: kubernetes, pkg/kubelet/status/generate.go.

import type { ContainerStatus, Pod, PodCondition } from 'kubernetes-types/core/v1';
import { timeText } from './container-status.ts';
import { sidecarNamesOf } from './restart-policy.ts';

export interface Summary {
  readonly pod: Pod;
  readonly phase: string;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  readonly initialized: boolean;
  readonly sandboxReady: boolean;
  /** One more, for a pod that the kubelet ends. */
  readonly condition: Finding | undefined;
}

export type Finding = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;

export function conditionsOf(
  summary: Summary,
  options: { readonly previous: readonly PodCondition[]; readonly nowMs: number },
): PodCondition[] {
  const { phase, sandboxReady } = summary;
  const { previous, nowMs } = options;
  const finished = phase === 'Succeeded' || phase === 'Failed';
  const ready = readyFinding(summary);
  const findings: Finding[] = [
    { type: 'PodReadyToStartContainers', status: sandboxReady && !finished ? 'True' : 'False' },
    { type: 'Initialized', ...initializedFinding(summary) },
    { type: 'Ready', ...(ready.status === 'True' ? gatesFinding(summary.pod, previous) : ready) },
    { type: 'ContainersReady', ...ready },
    { type: 'PodScheduled', status: 'True' },
    ...(summary.condition === undefined ? [] : [summary.condition]),
  ];
  return findings.map((finding) => withTransition(finding, previous, nowMs));
}

function withTransition(
  finding: Finding,
  previous: readonly PodCondition[],
  nowMs: number,
): PodCondition {
  const before = previous.find(({ type }) => type === finding.type);
  const unchanged = before?.status === finding.status && before.lastTransitionTime !== undefined;
  return {
    ...finding,
    lastTransitionTime: unchanged ? (before.lastTransitionTime ?? '') : timeText(nowMs),
  };
}

function initializedFinding(summary: Summary): Omit<Finding, 'type'> {
  if (summary.phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  if (summary.initialized) return { status: 'True' };
  const sidecars = sidecarNamesOf(summary.pod);
  const incomplete = summary.initStatuses
    .filter(({ name, ready, started }) => (sidecars.has(name) ? started !== true : !ready))
    .map(({ name }) => name);
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.join(' ')}]`,
  };
}

/** Sidecars count as the main containers do. */
function readyFinding({ pod, phase, initStatuses, statuses }: Summary): Omit<Finding, 'type'> {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const sidecars = sidecarNamesOf(pod);
  const counted = [...initStatuses.filter(({ name }) => sidecars.has(name)), ...statuses];
  const unready = counted.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return { status: 'True' };
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  };
}

/** What is known of conditions: the kubelet's own as it told them last, and those of others as the API has them. */
export function withForeign(
  own: readonly PodCondition[] | undefined,
  served: readonly PodCondition[] = [],
): PodCondition[] {
  if (own === undefined) return [...served];
  const types = new Set(own.map(({ type }) => type));
  return [...own, ...served.filter(({ type }) => !types.has(type))];
}

/** The conditions that decide about the readiness of a pod, and are not its kubelet's. */
export function gateConditionsOf(
  pod: Pod,
  conditions: readonly PodCondition[] = pod.status?.conditions ?? [],
): readonly { readonly type: string; readonly status: string | undefined }[] {
  return (pod.spec?.readinessGates ?? []).map(({ conditionType: type }) => ({
    type,
    status: conditions.find((condition) => condition.type === type)?.status,
  }));
}

function gatesFinding(pod: Pod, conditions: readonly PodCondition[]): Omit<Finding, 'type'> {
  const closed = gateConditionsOf(pod, conditions).filter(({ status }) => status !== 'True');
  if (closed.length === 0) return { status: 'True' };
  const reasons = closed.map(({ type, status }) =>
    status === undefined
      ? `corresponding condition of pod readiness gate "${type}" does not exist.`
      : `the status of pod readiness gate "${type}" is not "True", but ${status}`,
  );
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: reasons.join(', ') };
}
