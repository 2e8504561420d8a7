// ReplicationController: the first form of the replica set, with a plain map as its selector.
//
// Upstream runs the replica set's code on a converted object; so do we. A selector that the user left out was
// filled in by the API server from the template's labels; one that is empty selects nothing.
//
// Upstream: kubernetes, pkg/controller/replication/conversion.go.

import { resources } from '@kube-labs/apiserver';
import type { ReplicaSet } from 'kubernetes-types/apps/v1';
import type { ReplicationController } from 'kubernetes-types/core/v1';
import type { Controller, ControllerContext } from './controller.ts';
import { replicaController } from './replica-set.ts';

export function replicationControllerController(context: ControllerContext): Controller {
  return replicaController<ReplicationController>(context, {
    name: 'replicationcontroller-controller',
    component: 'replication-controller',
    type: resources.replicationControllers,
    workers: context.options.concurrentSyncs.rc,
    view: asReplicaSet,
    withStatus: (controller, status) => ({ ...controller, status }),
  });
}

export function asReplicaSet(controller: ReplicationController): ReplicaSet {
  const { metadata, spec, status } = controller;
  const { selector = {}, ...rest } = spec ?? {};
  return {
    ...(metadata === undefined ? {} : { metadata }),
    spec: { ...rest, selector: selectorOf(selector) },
    ...(status === undefined ? {} : { status }),
  };
}

/** An empty map would match every Pod of the namespace; no Pod has this impossible requirement. */
function selectorOf(matchLabels: Record<string, string>) {
  if (Object.keys(matchLabels).length > 0) return { matchLabels };
  return { matchExpressions: [{ key: 'none', operator: 'In', values: [] }] };
}
