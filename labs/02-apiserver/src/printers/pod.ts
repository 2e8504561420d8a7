// pod: the columns of a pod. STATUS is the art: it says in one word what is going on, or what is in the way.
//
// The phase is the start. A reason on the pod, on an init container, or on a container comes before it, in that order of strength;
// a deletion before all.
//
// Same rules upstream: pkg/printers/internalversion/printers.go (printPod).

import type { ContainerStatus, Pod } from 'kubernetes-types/core/v1';
import {
  AGE_COLUMN,
  ageOf,
  type Cell,
  humanDuration,
  NAME_COLUMN,
  orNone,
  type Printer,
} from './table.ts';

export const podPrinter: Printer<Pod> = {
  columns: [
    NAME_COLUMN,
    { name: 'Ready' },
    { name: 'Status' },
    { name: 'Restarts' },
    AGE_COLUMN,
    { name: 'IP', wide: true },
    { name: 'Node', wide: true },
    { name: 'Nominated Node', wide: true },
    { name: 'Readiness Gates', wide: true },
  ],
  row: podRow,
};

function podRow(pod: Pod, nowMs: number): readonly Cell[] {
  const { metadata, spec, status } = pod;
  const ready = countedStatuses(pod).filter(({ ready, state }) => ready && state?.running).length;
  const sidecars = (spec?.initContainers ?? []).filter(({ name }) => isRestartable(pod, name));
  return [
    metadata?.name ?? '',
    `${ready}/${(spec?.containers.length ?? 0) + sidecars.length}`,
    podStatusText(pod),
    restartsText(pod, nowMs),
    ageOf(metadata?.creationTimestamp, nowMs),
    orNone(status?.podIP),
    orNone(spec?.nodeName),
    orNone(status?.nominatedNodeName),
    readinessGates(pod),
  ];
}

/** The word in the STATUS column. */
export function podStatusText(pod: Pod): string {
  const { metadata, status } = pod;
  let text = status?.reason || status?.phase || 'Unknown';
  const initializing = initText(pod);
  if (initializing !== undefined) text = initializing;
  else text = containersText(pod) ?? text;
  if (metadata?.deletionTimestamp === undefined) return text;
  if (status?.reason === 'NodeLost') return 'Unknown';
  return status?.phase === 'Succeeded' || status?.phase === 'Failed' ? text : 'Terminating';
}

/** Of the main containers, and of the init containers that run beside them. */
function countedStatuses(pod: Pod): readonly ContainerStatus[] {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const sidecars = initContainerStatuses.filter(({ name }) => isRestartable(pod, name));
  return [...sidecars, ...containerStatuses];
}

function isRestartable(pod: Pod, name: string): boolean {
  const found = pod.spec?.initContainers?.find((container) => container.name === name);
  return found?.restartPolicy === 'Always';
}

/** What the first init container that is not through yet is doing. */
function initText(pod: Pod): string | undefined {
  const statuses = pod.status?.initContainerStatuses ?? [];
  const total = pod.spec?.initContainers?.length ?? 0;
  for (const [index, { name, state, started }] of statuses.entries()) {
    if (state?.terminated?.exitCode === 0) continue;
    if (isRestartable(pod, name) && started === true) continue;
    if (state?.terminated !== undefined) return `Init:${terminatedText(state.terminated)}`;
    const reason = state?.waiting?.reason ?? '';
    if (reason !== '' && reason !== 'PodInitializing') return `Init:${reason}`;
    return `Init:${index}/${total}`;
  }
  return undefined;
}

function containersText(pod: Pod): string | undefined {
  let text: string | undefined;
  let hasRunning = false;
  for (const { state, ready } of [...(pod.status?.containerStatuses ?? [])].reverse()) {
    if (state?.waiting?.reason) text = state.waiting.reason;
    else if (state?.terminated !== undefined) text = terminatedText(state.terminated);
    else if (ready && state?.running !== undefined) hasRunning = true;
  }
  if (text !== 'Completed' || !hasRunning) return text;
  const ready = pod.status?.conditions?.some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
  return ready ? 'Running' : 'NotReady';
}

function terminatedText({
  reason,
  signal,
  exitCode,
}: NonNullable<NonNullable<ContainerStatus['state']>['terminated']>): string {
  if (reason) return reason;
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

function restartsText(pod: Pod, nowMs: number): Cell {
  const initializing = initText(pod) !== undefined;
  const counted = initializing ? (pod.status?.initContainerStatuses ?? []) : countedStatuses(pod);
  const restarts = counted.reduce((sum, { restartCount }) => sum + restartCount, 0);
  const last = Math.max(
    0,
    ...counted.map(({ lastState }) => Date.parse(lastState?.terminated?.finishedAt ?? '') || 0),
  );
  return restarts > 0 && last > 0
    ? `${restarts} (${humanDuration(nowMs - last)} ago)`
    : String(restarts);
}

function readinessGates({ spec, status }: Pod): string {
  const gates = spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const isTrue = (type: string) =>
    status?.conditions?.some((condition) => condition.type === type && condition.status === 'True');
  return `${gates.filter(({ conditionType }) => isTrue(conditionType)).length}/${gates.length}`;
}
