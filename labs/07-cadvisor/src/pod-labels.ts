// PodLabels: which pod a container belongs to, from the labels that the kubelet gave it.
//
// Same labels upstream: kubernetes, pkg/kubelet/types/labels.go, and dockershim's container type.

export interface PodIdentity {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly container: string;
  readonly isSandbox: boolean;
}

export function podIdentity(labels: Readonly<Record<string, string>>): PodIdentity | undefined {
  const name = labels['io.kubernetes.pod.name'];
  const namespace = labels['io.kubernetes.pod.namespace'];
  if (name === undefined || namespace === undefined) return undefined;
  return {
    name,
    namespace,
    uid: labels['io.kubernetes.pod.uid'] ?? '',
    container: labels['io.kubernetes.container.name'] ?? '',
    isSandbox: labels['io.kubernetes.docker.type'] === 'podsandbox',
  };
}
