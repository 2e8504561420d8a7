// NodeStatus: what a node says of itself: addresses, capacity, versions, conditions. Pure.
//
// Ready is True only while the engine answers, pods can get a network, and the node is not being shut down. Conditions keep the
// time of their last change and carry the time of the last heartbeat. Pressure is what the eviction manager has seen.
//
// Same idea upstream: kubernetes, pkg/kubelet/nodestatus/setters.go.
// Left out here: volumes in use, node features, runtime handlers.

import type { Node, NodeCondition, NodeStatus, Taint } from 'kubernetes-types/core/v1';
import type { PressureType } from '../eviction/pressure.ts';
import { timeText } from '../pod/container-status.ts';
import type { Condition, RuntimeImage, RuntimeVersion } from '../runtime/runtime.ts';

export interface NodeView {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly capacity: ResourceList;
  readonly allocatable: ResourceList;
  readonly kubeletVersion: string;
  readonly ids: {
    readonly machineID: string;
    readonly systemUUID: string;
    readonly bootID: string;
  };
  /** Undefined while the engine does not answer. */
  readonly runtime: RuntimeVersion | undefined;
  readonly images: readonly RuntimeImage[];
  readonly network: Condition;
  readonly pressures: readonly PressureType[];
  readonly shuttingDown: boolean;
  readonly nowMs: number;
}

export type ResourceList = Readonly<Record<string, string>>;

const IMAGES_MAX = 50;
const PLATFORM_ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm: 'arm' };

export function nodeStatusOf(view: NodeView, previous: NodeStatus | undefined): NodeStatus {
  return {
    addresses: [
      { type: 'InternalIP', address: view.address },
      { type: 'Hostname', address: view.name },
    ],
    capacity: { ...view.capacity },
    allocatable: { ...view.allocatable },
    conditions: findingsOf(view).map((finding) =>
      withTimes(finding, previous?.conditions ?? [], view.nowMs),
    ),
    daemonEndpoints: { kubeletEndpoint: { Port: view.port } },
    nodeInfo: nodeInfoOf(view, previous),
    images: view.images
      .filter(({ names }) => names.length > 0)
      .sort((a, b) => b.sizeBytes - a.sizeBytes)
      .slice(0, IMAGES_MAX)
      .map(({ names, sizeBytes }) => ({ names: [...names], sizeBytes })),
  };
}

/** Labels that every node has; the scheduler and people select by them. */
export function nodeLabelsOf(name: string, own: Readonly<Record<string, string>>) {
  const arch = architecture();
  return {
    'beta.kubernetes.io/arch': arch,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': arch,
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
    ...own,
  };
}

export interface Registration {
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
}

export function newNode(view: NodeView, { labels, taints }: Registration): Node {
  return {
    metadata: { name: view.name, labels: nodeLabelsOf(view.name, labels) },
    spec: taints.length === 0 ? {} : { taints: [...taints] },
    status: nodeStatusOf(view, undefined),
  };
}

type Finding = Pick<NodeCondition, 'type' | 'status' | 'reason' | 'message'>;

function findingsOf(view: NodeView): readonly Finding[] {
  const finding = (type: PressureType, texts: PressureTexts) =>
    pressureFinding(type, view.pressures.includes(type), texts);
  return [
    finding('MemoryPressure', {
      bad: ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
      good: ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    }),
    finding('DiskPressure', {
      bad: ['KubeletHasDiskPressure', 'kubelet has disk pressure'],
      good: ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
    }),
    finding('PIDPressure', {
      bad: ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
      good: ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    }),
    readyFinding(view),
  ];
}

interface PressureTexts {
  readonly bad: readonly [string, string];
  readonly good: readonly [string, string];
}

function pressureFinding(type: PressureType, present: boolean, texts: PressureTexts): Finding {
  const [reason, message] = present ? texts.bad : texts.good;
  return { type, status: present ? 'True' : 'False', reason, message };
}

function readyFinding(view: NodeView): Finding {
  const problems = [
    ...(view.runtime === undefined ? ['container runtime is down'] : []),
    ...(view.network.ready ? [] : [networkProblem(view.network)]),
    ...(view.shuttingDown ? ['node is shutting down'] : []),
  ];
  if (problems.length === 0) {
    const message = 'kubelet is posting ready status';
    return { type: 'Ready', status: 'True', reason: 'KubeletReady', message };
  }
  const message = problems.join(', ');
  return { type: 'Ready', status: 'False', reason: 'KubeletNotReady', message };
}

/** As the node's condition and the pods' events say it. */
export function networkProblem({ reason, message }: { reason: string; message: string }): string {
  return `container runtime network not ready: NetworkReady=false reason:${reason} message:${message}`;
}

function withTimes(
  finding: Finding,
  previous: readonly NodeCondition[],
  nowMs: number,
): NodeCondition {
  const before = previous.find(({ type }) => type === finding.type);
  const now = timeText(nowMs);
  const since = before?.status === finding.status ? before.lastTransitionTime : undefined;
  return { ...finding, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
}

function nodeInfoOf(view: NodeView, previous: NodeStatus | undefined) {
  const { runtime, ids, kubeletVersion } = view;
  const known = previous?.nodeInfo;
  return {
    ...ids,
    architecture: architecture(),
    operatingSystem: 'linux',
    kubeletVersion,
    kubeProxyVersion: kubeletVersion,
    osImage: runtime?.osImage ?? known?.osImage ?? '',
    kernelVersion: runtime?.kernelVersion ?? known?.kernelVersion ?? '',
    containerRuntimeVersion:
      runtime === undefined
        ? (known?.containerRuntimeVersion ?? '')
        : `docker://${runtime.version}`,
  };
}

function architecture(): string {
  return PLATFORM_ARCHITECTURES[process.arch] ?? process.arch;
}
