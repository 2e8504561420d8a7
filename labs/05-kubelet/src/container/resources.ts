// Resources: requests and limits turned into what the kernel knows: shares, quota, bytes, OOM score. Pure.
//
// QoS: Guaranteed (limits equal requests, for everything), Burstable (some), BestEffort (none). When the node
// runs out of memory, the kernel kills best-effort processes first and guaranteed ones last.
//
// Same idea upstream: kubernetes, pkg/apis/core/helper/qos, pkg/kubelet/qos/policy.go, pkg/kubelet/cm/helpers_linux.go.
// Left out here: huge pages, cgroups of a pod as a whole, CPU pinning.

import { milliOf, parseQuantity } from '@kube-labs/apiserver';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import { isCritical } from '../eviction/critical-pod.ts';
import type { ContainerResources } from '../runtime/runtime.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

const SHARES_PER_CPU = 1024;
const SHARES_MIN = 2;
const SHARES_MAX = 262_144;
const QUOTA_PERIOD_MICROSECONDS = 100_000;
const QUOTA_MIN_MICROSECONDS = 1_000;
const COMPUTE_RESOURCES = ['cpu', 'memory'] as const;

export function qosClassOf(pod: Pod): QosClass {
  const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const amounts = containers.flatMap(({ resources }) =>
    COMPUTE_RESOURCES.map((name) => ({
      limit: amountOf(resources?.limits?.[name]),
      request: amountOf(resources?.requests?.[name] ?? resources?.limits?.[name]),
    })),
  );
  if (amounts.every(({ limit, request }) => limit === 0 && request === 0)) return 'BestEffort';
  const guaranteed = amounts.every(({ limit, request }) => limit > 0 && limit === request);
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

/** @param memoryCapacityBytes of the node: a burstable container's OOM score depends on its share of it. */
export function resourcesOf(
  pod: Pod,
  container: Container,
  memoryCapacityBytes: number,
): ContainerResources {
  const { limits = {}, requests = {} } = container.resources ?? {};
  const cpuRequest = requests.cpu ?? limits.cpu;
  return {
    memoryLimitBytes: Math.floor(amountOf(limits.memory)),
    cpuShares: cpuSharesOf(cpuRequest === undefined ? 0 : milliOf(cpuRequest)),
    cpuQuota: cpuQuotaOf(limits.cpu === undefined ? 0 : milliOf(limits.cpu)),
    oomScoreAdjust: oomScoreAdjustOf(
      // What the node itself cannot do without is kept as long as what is guaranteed.
      isCritical(pod) && pod.spec?.priorityClassName === 'system-node-critical'
        ? 'Guaranteed'
        : qosClassOf(pod),
      memoryRequestOf(pod, container),
      memoryCapacityBytes,
    ),
  };
}

/** A sidecar lives as long as those that it serves: it counts as no less than the smallest of them. */
function memoryRequestOf({ spec }: Pod, container: Container): number {
  const requestOf = ({ resources }: Container) =>
    amountOf(resources?.requests?.memory ?? resources?.limits?.memory);
  const { containers = [], initContainers = [] } = spec ?? {};
  const isSidecar = initContainers.some(
    ({ name, restartPolicy }) => name === container.name && restartPolicy === 'Always',
  );
  const least = isSidecar ? Math.min(...containers.map(requestOf)) : 0;
  return Math.max(requestOf(container), least);
}

export function cpuSharesOf(milliCpu: number): number {
  const shares = Math.floor((milliCpu * SHARES_PER_CPU) / 1_000);
  return Math.min(Math.max(shares, SHARES_MIN), SHARES_MAX);
}

/** 0 is no limit. */
export function cpuQuotaOf(milliCpu: number): number {
  if (milliCpu === 0) return 0;
  const quota = Math.floor((milliCpu * QUOTA_PERIOD_MICROSECONDS) / 1_000);
  return Math.max(quota, QUOTA_MIN_MICROSECONDS);
}

export function oomScoreAdjustOf(
  qosClass: QosClass,
  memoryRequestBytes: number,
  memoryCapacityBytes: number,
): number {
  if (qosClass === 'Guaranteed') return -997;
  if (qosClass === 'BestEffort') return 1000;
  const score = 1000 - Math.floor((1000 * memoryRequestBytes) / memoryCapacityBytes);
  return Math.min(Math.max(score, 3), 999);
}

function amountOf(quantity: string | number | undefined): number {
  return quantity === undefined ? 0 : parseQuantity(quantity);
}
