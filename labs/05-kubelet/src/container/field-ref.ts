// FieldRef: a pod's own fields as text, for environment variables and downward volumes. Pure.
//
// Same idea upstream: kubernetes, pkg/fieldpath, and podFieldSelectorRuntimeValue in pkg/kubelet/kubelet_pods.go;
// for resources pkg/api/v1/resource.

import { parseQuantity } from '@kube-labs/apiserver';
import type { Container, Pod, ResourceFieldSelector } from 'kubernetes-types/core/v1';

/** What is known of the node while its pods start. */
export interface PodSurroundings {
  readonly podAddress: string | undefined;
  readonly hostAddress: string;
  /** Stands in for a limit that is not set. */
  readonly allocatable: Readonly<Record<string, string>>;
}

/** Undefined for a path that is not supported. */
export function fieldValue(
  pod: Pod,
  fieldPath: string,
  surroundings: PodSurroundings,
): string | undefined {
  const { metadata, spec } = pod;
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath);
  if (subscript !== null) {
    const [, map, key] = subscript;
    return (map === 'labels' ? metadata?.labels : metadata?.annotations)?.[key ?? ''] ?? '';
  }
  const podAddress = surroundings.podAddress ?? '';
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': metadata?.name ?? '',
    'metadata.namespace': metadata?.namespace ?? '',
    'metadata.uid': metadata?.uid ?? '',
    'metadata.labels': formatMap(metadata?.labels),
    'metadata.annotations': formatMap(metadata?.annotations),
    'spec.nodeName': spec?.nodeName ?? '',
    'spec.serviceAccountName': spec?.serviceAccountName ?? '',
    'status.podIP': podAddress,
    'status.podIPs': podAddress,
    'status.hostIP': surroundings.hostAddress,
    'status.hostIPs': surroundings.hostAddress,
  };
  return fields[fieldPath];
}

/** In units of the divisor, rounded up. Undefined for a resource that is not supported. */
export function resourceValue(
  pod: Pod,
  selector: ResourceFieldSelector,
  options: {
    readonly container: Container;
    readonly allocatable: Readonly<Record<string, string>>;
  },
): string | undefined {
  const { allocatable } = options;
  const [kind, name = ''] = selector.resource.split(/\.(.*)/);
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  const container = selector.containerName
    ? containers.find((one) => one.name === selector.containerName)
    : options.container;
  const { limits = {}, requests = {} } = container?.resources ?? {};
  const amounts: Readonly<Record<string, string | undefined>> = {
    limits: limits[name] ?? allocatable[name],
    requests: requests[name] ?? limits[name] ?? '0',
  };
  const amount = amounts[kind ?? ''];
  if (amount === undefined) return undefined;
  const divisor = parseQuantity(selector.divisor ?? '1') || 1;
  return String(Math.ceil(parseQuantity(amount) / divisor));
}

/** Sorted lines of key="value", as a downward volume shows them. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}
