// PodStatus: the whole status of a pod, from its spec, the runtime, the probes and the network. Pure.
//
// A pod that has reached Succeeded or Failed never leaves it.
//
// Same idea upstream: generateAPIPodStatus in kubernetes, pkg/kubelet/kubelet_pods.go, and pkg/kubelet/status/generate.go.
// Left out here: readiness gates, resize status, dual-stack addresses.

import type { Container, ContainerStatus, Pod, PodStatus } from 'kubernetes-types/core/v1';
import { qosClassOf } from '../container/resources.ts';
import { type RuntimeContainer, type RuntimePod, readySandboxOf } from '../runtime/runtime.ts';
import { containerStatusOf, timeText, type WaitingReason } from './container-status.ts';
import { isInitialized } from './init-containers.ts';
import { conditionsOf } from './pod-conditions.ts';
import { phaseOf } from './pod-phase.ts';
import { succeeded } from './pod-view.ts';
import { isSidecar, shouldRestart } from './restart-policy.ts';

export interface PodStatusView {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
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
  const hasStarted = (container: RuntimeContainer) => view.probe(container).started;
  const initialized = isInitialized({ pod, runtime, hasStarted });
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
  const sandbox = readySandboxOf(runtime);
  return {
    phase,
    conditions: conditionsOf(
      { pod, phase, initStatuses, statuses, initialized, sandboxReady: sandbox !== undefined },
      { previous: previous.conditions ?? [], nowMs: view.nowMs },
    ),
    hostIP: hostAddress,
    hostIPs: [{ ip: hostAddress }],
    ...addressesOf(sandbox?.ips ?? (previous.podIPs ?? []).map(({ ip = '' }) => ip)),
    startTime: previous.startTime ?? timeText(view.nowMs),
    qosClass: previous.qosClass ?? qosClassOf(pod),
    ...(previous.reason === undefined ? {} : { reason: previous.reason }),
    ...(previous.message === undefined ? {} : { message: previous.message }),
    ...(hasInit ? { initContainerStatuses: initStatuses } : {}),
    containerStatuses: statuses,
  };
}

function addressesOf(ips: readonly string[]): Pick<PodStatus, 'podIP' | 'podIPs'> {
  const [podIP] = ips;
  return podIP === undefined ? {} : { podIP, podIPs: ips.map((ip) => ({ ip })) };
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
  const isInit = options.init && !isSidecar(spec);
  const done = succeeded(newest);
  return containerStatusOf({
    spec,
    records,
    previous: known?.find(({ name }) => name === spec.name),
    willRestart: !view.terminal && willRestart(pod, spec, { newest, init: options.init }),
    deleted: pod.metadata?.deletionTimestamp !== undefined,
    waiting: view.waiting.get(spec.name),
    waitingDefault: options.waitingDefault,
    // An init container is ready when it has done its work.
    ready: isInit ? done : probed.ready,
    started: isInit ? isRunning : probed.started,
    messageOf: view.messageOf,
  });
}

function willRestart(
  pod: Pod,
  spec: Container,
  { newest, init }: { readonly newest: RuntimeContainer | undefined; readonly init: boolean },
): boolean {
  if (!init) return shouldRestart(pod, spec.name, newest);
  return isSidecar(spec) || (!succeeded(newest) && pod.spec?.restartPolicy !== 'Never');
}
