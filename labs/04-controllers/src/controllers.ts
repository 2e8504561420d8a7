// controllers: every controller by the name that --controllers knows. A new one is a file and a line here.
//
// Same names upstream: kubernetes, cmd/kube-controller-manager/names.

import type { ControllerFactory } from './controller.ts';
import { daemonSetController } from './daemon-set.ts';
import { deploymentController } from './deployment.ts';
import { endpointSliceController } from './endpoint-slice.ts';
import { endpointsController } from './endpoints.ts';
import { garbageCollectorController } from './garbage-collector.ts';
import { namespaceController } from './namespace.ts';
import { nodeIpamController } from './node-ipam.ts';
import { nodeLifecycleController } from './node-lifecycle.ts';
import { podGarbageCollectorController } from './pod-garbage-collector.ts';
import { replicaSetController } from './replica-set.ts';
import { replicationControllerController } from './replication-controller.ts';
import { serviceAccountController } from './service-account.ts';
import { taintEvictionController } from './taint-eviction.ts';

export const controllers: Readonly<Record<string, ControllerFactory>> = {
  'daemonset-controller': daemonSetController,
  'deployment-controller': deploymentController,
  'endpoints-controller': endpointsController,
  'endpointslice-controller': endpointSliceController,
  'garbage-collector-controller': garbageCollectorController,
  'namespace-controller': namespaceController,
  'node-ipam-controller': nodeIpamController,
  'node-lifecycle-controller': nodeLifecycleController,
  'pod-garbage-collector-controller': podGarbageCollectorController,
  'replicaset-controller': replicaSetController,
  'replicationcontroller-controller': replicationControllerController,
  'serviceaccount-controller': serviceAccountController,
  'taint-eviction-controller': taintEvictionController,
};

/** Which controllers `--controllers` asks for: '*' is all, 'name' one, '-name' all but that one. Throws on an unknown name. */
export function enabledControllers(selection: readonly string[]): readonly string[] {
  const known = Object.keys(controllers);
  for (const item of selection) {
    const name = item.replace(/^-/, '');
    if (name !== '*' && !known.includes(name)) {
      throw new Error(`"${name}" is not in the list of known controllers: ${known.join(', ')}`);
    }
  }
  return known.filter(
    (name) =>
      !selection.includes(`-${name}`) && (selection.includes(name) || selection.includes('*')),
  );
}
