// ServiceEnvironment: the variables that tell a container where services are, as Kubernetes 1.0 and Docker links did. Pure.
//
// For a service redis-master: REDIS_MASTER_SERVICE_HOST, REDIS_MASTER_SERVICE_PORT (its first port), one
// REDIS_MASTER_SERVICE_PORT_NAME for each named port, and the links' REDIS_MASTER_PORT_6379_TCP… family.
// KUBERNETES_SERVICE_HOST is always there; the others only where the pod wants service links (the default).
// They are those of the moment when the container starts: DNS is what follows later changes.
//
// Same idea upstream: kubernetes, pkg/kubelet/envvars, and getServiceEnvVarMap in pkg/kubelet/kubelet_pods.go.

import type { Pod, Service } from 'kubernetes-types/core/v1';

const API_SERVICE = { namespace: 'default', name: 'kubernetes' };

export function serviceEnvironment(
  pod: Pod,
  services: readonly Service[],
): ReadonlyMap<string, string> {
  const links = pod.spec?.enableServiceLinks !== false;
  const visible = services.filter((service) => {
    const { name, namespace } = service.metadata ?? {};
    if (!hasClusterAddress(service)) return false;
    if (name === API_SERVICE.name && namespace === API_SERVICE.namespace) return true;
    return links && namespace === pod.metadata?.namespace;
  });
  // A service of the pod's own namespace wins over the API server's of the same name.
  const own = (service: Service) => Number(service.metadata?.namespace === pod.metadata?.namespace);
  return new Map([...visible].sort((a, b) => own(a) - own(b)).flatMap(variablesOf));
}

function hasClusterAddress(service: Service): boolean {
  const address = service.spec?.clusterIP;
  return address !== undefined && address !== '' && address !== 'None';
}

function variablesOf(service: Service): [string, string][] {
  const address = service.spec?.clusterIP ?? '';
  const prefix = variableName(service.metadata?.name ?? '');
  const ports = service.spec?.ports ?? [];
  const [first] = ports;
  if (first === undefined) return [];
  const links = ports.flatMap((port): [string, string][] => {
    const protocol = port.protocol ?? 'TCP';
    const link = `${prefix}_PORT_${port.port}_${protocol}`;
    return [
      [link, urlOf(address, port)],
      [`${link}_PROTO`, protocol.toLowerCase()],
      [`${link}_PORT`, String(port.port)],
      [`${link}_ADDR`, address],
    ];
  });
  return [
    [`${prefix}_SERVICE_HOST`, address],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
    ...ports
      .filter(({ name }) => name !== undefined && name !== '')
      .map(({ name, port }): [string, string] => [
        `${prefix}_SERVICE_PORT_${variableName(name ?? '')}`,
        String(port),
      ]),
    [`${prefix}_PORT`, urlOf(address, first)],
    ...links,
  ];
}

function urlOf(address: string, port: { port: number; protocol?: string }): string {
  return `${(port.protocol ?? 'TCP').toLowerCase()}://${address}:${port.port}`;
}

function variableName(name: string): string {
  return name.toUpperCase().replaceAll('-', '_');
}
