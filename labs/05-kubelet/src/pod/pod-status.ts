// PodStatus: the whole status of a pod, from its spec, the runtime, the probes and the network. Pure.
//
// A pod that has reached Succeeded or Failed never leaves it.
//
// Same idea upstream: generateAPIPodStatus in kubernetes, pkg/kubelet/kubelet_pods.go, and pkg/kubelet/status/generate.go.
// Left out here: resize status, dual-stack addresses.

import type { Container, ContainerStatus, Pod, PodStatus } from 'kubernetes-types/core/v1';
import { qosClassOf } from '../container/resources.ts';
import { type RuntimeContainer, type RuntimePod, readySandboxOf } from '../runtime/runtime.ts';
import { containerStatusOf, timeText, type WaitingReason } from './container-status.ts';
import { isInitialized } from './init-containers.ts';
import { withoutWaiting } from './missing-containers.ts';
import { conditionsOf, type Finding } from './pod-conditions.ts';
import { type PodPhase, phaseOf } from './pod-phase.ts';
import { isRunning, succeeded } from './pod-view.ts';
import { isSidecar, shouldRestart } from './restart-policy.ts';
import { shortened } from './termination-message.ts';

export interface PodFailure {
  readonly reason: string;
  readonly message: string;
  readonly condition?: Finding;
}

export interface PodStatusView {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  readonly hostAddress: string;
  readonly nowMs: number;
  /** By container name. */
  readonly waiting: ReadonlyMap<string, WaitingReason>;
  /** Nothing will be started any more: the pod is being deleted, or its phase is final. */
  readonly terminal: boolean;
  /** Why the kubelet ends it, if it does. */
  readonly failure?: PodFailure | undefined;
  probe(container: RuntimeContainer): { readonly ready: boolean; readonly started: boolean };
  messageOf(container: RuntimeContainer): string | undefined;
}

export function podStatusOf(view: PodStatusView): PodStatus {
  const { pod, runtime, hostAddress } = view;
  const previous = pod.status ?? {};
  const hasStarted = (container: RuntimeContainer) => view.probe(container).started;
  const initialized = isInitialized({ pod, runtime, hasStarted });
  const hasInit = (pod.spec?.initContainers ?? []).length > 0;
  const { initStatuses, statuses } = statusesOf(view);
  const ephemeral = (pod.spec?.ephemeralContainers ?? []).map((spec) =>
    statusOf(view, spec, { kind: 'ephemeral', waitingDefault: 'ContainerCreating' }),
  );
  const { terminal } = view;
  const ended = endOf(view, phaseOf({ pod, initStatuses, statuses, terminal }));
  const { phase } = ended;
  const sandbox = readySandboxOf(runtime);
  const { condition } = view.failure ?? {};
  const parts = { pod, phase, initStatuses, statuses, initialized };
  return {
    ...ended,
    conditions: conditionsOf(
      { ...parts, condition, sandboxReady: sandbox !== undefined },
      { previous: previous.conditions ?? [], nowMs: view.nowMs },
    ),
    hostIP: hostAddress,
    hostIPs: [{ ip: hostAddress }],
    ...addressesOf(sandbox?.ips ?? (previous.podIPs ?? []).map(({ ip = '' }) => ip)),
    startTime: previous.startTime ?? timeText(view.nowMs),
    qosClass: previous.qosClass ?? qosClassOf(pod),
    ...(hasInit ? { initContainerStatuses: [...initStatuses] } : {}),
    containerStatuses: [...statuses],
    ...(ephemeral.length > 0 ? { ephemeralContainerStatuses: ephemeral } : {}),
  };
}

function statusesOf(view: PodStatusView) {
  const { initContainers = [], containers = [] } = view.pod.spec ?? {};
  // Until it runs, also when the init containers have done their part.
  const waitingDefault = initContainers.length === 0 ? 'ContainerCreating' : 'PodInitializing';
  const all = {
    initStatuses: initContainers.map((spec) =>
      statusOf(view, spec, { kind: 'init', waitingDefault }),
    ),
    statuses: containers.map((spec) => statusOf(view, spec, { kind: 'main', waitingDefault })),
  };
  const isOver = view.terminal && !view.runtime.containers.some(isRunning);
  return isOver ? withoutWaiting(all) : all;
}

/** A phase that is final stays; one that the kubelet decides upon comes when nothing runs any more. */
function endOf(
  view: PodStatusView,
  phase: PodPhase,
): { readonly phase: PodPhase; readonly reason?: string; readonly message?: string } {
  const { pod, runtime, failure } = view;
  const { phase: before, reason, message } = pod.status ?? {};
  const kept = {
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
  if (before === 'Succeeded' || before === 'Failed') return { phase: before, ...kept };
  if (failure === undefined || runtime.containers.some(isRunning)) return { phase, ...kept };
  return { phase: 'Failed', reason: failure.reason, message: failure.message };
}

function addressesOf(ips: readonly string[]): Pick<PodStatus, 'podIP' | 'podIPs'> {
  const [podIP] = ips;
  return podIP === undefined ? {} : { podIP, podIPs: ips.map((ip) => ({ ip })) };
}

type Kind = keyof typeof LISTS;

/** Where the API has what it was told last. */
const LISTS = {
  main: 'containerStatuses',
  init: 'initContainerStatuses',
  ephemeral: 'ephemeralContainerStatuses',
} as const;

function statusOf(
  view: PodStatusView,
  spec: Container,
  options: { readonly kind: Kind; readonly waitingDefault: string },
): ContainerStatus {
  const { pod, runtime } = view;
  const records = runtime.containers.filter(({ name }) => name === spec.name);
  const [newest] = records;
  const known = pod.status?.[LISTS[options.kind]];
  const runs = newest?.status.state === 'running';
  const probed = runs ? view.probe(newest) : { ready: false, started: false };
  const isInit = options.kind === 'init' && !isSidecar(spec);
  const done = succeeded(newest);
  return containerStatusOf({
    spec,
    records,
    previous: known?.find(({ name }) => name === spec.name),
    willRestart: !view.terminal && willRestart(pod, spec, { newest, kind: options.kind }),
    deleted: pod.metadata?.deletionTimestamp !== undefined,
    waiting: view.waiting.get(spec.name),
    waitingDefault: options.waitingDefault,
    // An init container is ready when it has done its work.
    ready: isInit ? done : probed.ready,
    started: isInit ? runs : probed.started,
    messageOf: (container) => shortened(pod, view.messageOf(container)),
  });
}

function willRestart(
  pod: Pod,
  spec: Container,
  { newest, kind }: { readonly newest: RuntimeContainer | undefined; readonly kind: Kind },
): boolean {
  if (kind === 'main') return shouldRestart(pod, spec.name, newest);
  if (kind === 'ephemeral') return false;
  return isSidecar(spec) || (!succeeded(newest) && pod.spec?.restartPolicy !== 'Never');
}
