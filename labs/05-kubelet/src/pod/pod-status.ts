// PodStatus: the whole status of a pod, from its spec, the runtime, the probes and the network. Pure.
//
// Conditions keep the time of their last change; only the kubelet's own ones are made here. A pod that has reached Succeeded or Failed never leaves it.
//
// Same idea upstream: generateAPIPodStatus in kubernetes, pkg/kubelet/kubelet_pods.go, and pkg/kubelet/status/generate.go.
// Left out here: readiness gates, resize status, dual-stack addresses.

import type {
  Container,
  ContainerStatus,
  Pod,
  PodCondition,
  PodStatus,
} from 'kubernetes-types/core/v1';
import { qosClassOf } from '../container/resources.ts';
import type { RuntimeContainer, RuntimePod } from '../runtime/runtime.ts';
import { containerStatusOf, timeText, type WaitingReason } from './container-status.ts';
import { phaseOf } from './pod-phase.ts';
import { isInitialized, shouldRestart } from './sync-pod.ts';

export interface PodStatusView {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  readonly address: string | undefined;
  readonly hostAddress: string;
  readonly nowMs: number;
  /** By container name. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /** Nothing will be started any more: the pod is being deleted, or its phase is final. */
  readonly terminal: boolean;
  probe(container: RuntimeContainer): { readonly ready: boolean; readonly started: boolean };
  messageOf(container: RuntimeContainer): string | undefined;
}

export function podStatusOf(view: PodStatusView): PodStatus {
  const { pod, runtime, hostAddress } = view;
  const previous = pod.status ?? {};
  const initialized = isInitialized(pod, runtime);
  const initStatuses = (pod.spec?.initContainers ?? []).map((spec) =>
    statusOf(view, spec, { init: true, waitingDefault: 'PodInitializing' }),
  );
  const hasInit = initStatuses.length > 0;
  const statuses = (pod.spec?.containers ?? []).map((spec) =>
    statusOf(view, spec, {
      init: false,
      waitingDefault: hasInit && !initialized ? 'PodInitializing' : 'ContainerCreating',
    }),
  );
  const isFinal = previous.phase === 'Succeeded' || previous.phase === 'Failed';
  const phase = isFinal
    ? (previous.phase ?? 'Failed')
    : phaseOf({ pod, initStatuses, statuses, terminal: view.terminal });
  const address = view.address ?? previous.podIP;
  return {
    phase,
    conditions: conditionsOf(view, { phase, initStatuses, statuses, initialized }),
    hostIP: hostAddress,
    hostIPs: [{ ip: hostAddress }],
    ...(address === undefined ? {} : { podIP: address, podIPs: [{ ip: address }] }),
    startTime: previous.startTime ?? timeText(view.nowMs),
    qosClass: previous.qosClass ?? qosClassOf(pod),
    ...(previous.reason === undefined ? {} : { reason: previous.reason }),
    ...(previous.message === undefined ? {} : { message: previous.message }),
    ...(hasInit ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses,
  };
}

function statusOf(
  view: PodStatusView,
  spec: Container,
  options: { init: boolean; waitingDefault: string },
): ContainerStatus {
  const { pod, runtime } = view;
  const records = runtime.containers.filter(({ name }) => name === spec.name);
  const [newest] = records;
  const known = options.init ? pod.status?.initContainerStatuses : pod.status?.containerStatuses;
  const isRunning = newest?.status.state === 'running';
  const probed = isRunning ? view.probe(newest) : { ready: false, started: false };
  const succeeded = newest?.status.state === 'exited' && newest.status.exitCode === 0;
  const initWillRestart = !succeeded && pod.spec?.restartPolicy !== 'Never';
  return containerStatusOf({
    spec,
    records,
    previous: known?.find(({ name }) => name === spec.name),
    willRestart:
      !view.terminal && (options.init ? initWillRestart : shouldRestart(pod, spec.name, newest)),
    deleted: pod.metadata?.deletionTimestamp !== undefined,
    waiting: view.waiting.get(spec.name),
    waitingDefault: options.waitingDefault,
    // An init container is ready when it has done its work.
    ready: options.init ? succeeded : probed.ready,
    started: options.init ? isRunning : probed.started,
    messageOf: view.messageOf,
  });
}

interface Summary {
  readonly phase: string;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  readonly initialized: boolean;
}

type Finding = Pick<PodCondition, 'type' | 'status' | 'reason' | 'message'>;

function conditionsOf(view: PodStatusView, summary: Summary): PodCondition[] {
  const { phase } = summary;
  const finished = phase === 'Succeeded' || phase === 'Failed';
  const sandboxReady = view.runtime.sandboxes[0]?.state === 'ready' && view.address !== undefined;
  const ready = readyFinding(summary);
  const findings: Finding[] = [
    { type: 'PodReadyToStartContainers', status: sandboxReady && !finished ? 'True' : 'False' },
    { type: 'Initialized', ...initializedFinding(summary) },
    { type: 'Ready', ...ready },
    { type: 'ContainersReady', ...ready },
    { type: 'PodScheduled', status: 'True' },
  ];
  const previous = view.pod.status?.conditions ?? [];
  return findings.map((finding) => withTransition(finding, previous, view.nowMs));
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
  if (summary.initialized) return { status: 'True' };
  if (summary.phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const incomplete = summary.initStatuses.filter(({ ready }) => !ready).map(({ name }) => name);
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: [${incomplete.join(' ')}]`,
  };
}

function readyFinding({ phase, statuses }: Summary): Omit<Finding, 'type'> {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const unready = statuses.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return { status: 'True' };
  return {
    status: 'False',
    reason: 'ContainersNotReady',
    message: `containers with unready status: [${unready.join(' ')}]`,
  };
}
