// MarkControlPlane: a control plane's node has its role, and keeps other pods away.
//
// The label `node-role.kubernetes.io/control-plane` is what `kubectl get nodes` shows; a taint of the same name does the rest.
// A kubelet may not give itself a role (the API server's NodeRestriction admission sees to that), so the
// launcher does it with the administrator's rights, as soon as the node is there. marked() is pure.
//
// Upstream: kubeadm, app/phases/markcontrolplane.

import { type Client, resources } from '@kube-labs/apiserver';
import type { Node, Taint } from 'kubernetes-types/core/v1';

export const controlPlaneRole = 'node-role.kubernetes.io/control-plane';
const taint: Taint = { key: controlPlaneRole, effect: 'NoSchedule' };

/** The node with its mark, or undefined when it has it already. */
export function marked(node: Node): Node | undefined {
  const labels = node.metadata?.labels ?? {};
  const taints = node.spec?.taints ?? [];
  const hasTaint = taints.some(({ key, effect }) => key === taint.key && effect === taint.effect);
  if (labels[controlPlaneRole] !== undefined && hasTaint) return undefined;
  return {
    ...node,
    metadata: { ...node.metadata, labels: { ...labels, [controlPlaneRole]: '' } },
    spec: { ...node.spec, taints: hasTaint ? taints : [...taints, taint] },
  };
}

/** Throws while the node is not there, or when it was changed meanwhile: call it again then. */
export async function markControlPlane(
  client: Client,
  name: string,
  signal: AbortSignal,
): Promise<true> {
  const change = marked(await client.get(resources.nodes, { name }, signal));
  if (change !== undefined) await client.update(resources.nodes, change, signal);
  return true;
}
