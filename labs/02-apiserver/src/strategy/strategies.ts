// strategies: the strategy of each kind that has one of its own.
//
// All other kinds get the general one: metadata is checked, status and generation are kept right, the schema does the rest.

import type { GroupVersionKind } from '../schema/catalog.ts';
import { definitionOfKind, schemaOf } from '../schema/catalog.ts';
import { configMapStrategy } from './config-map.ts';
import { daemonSetStrategy } from './daemon-set.ts';
import { deploymentStrategy } from './deployment.ts';
import { endpointSliceStrategy } from './endpoint-slice.ts';
import { endpointsStrategy } from './endpoints.ts';
import { eventStrategy } from './event.ts';
import { leaseStrategy } from './lease.ts';
import { pathSegment } from './name-rules.ts';
import { namespaceStrategy } from './namespace.ts';
import { nodeStrategy } from './node.ts';
import { podStrategy } from './pod.ts';
import { replicaSetStrategy } from './replica-set.ts';
import { replicationControllerStrategy } from './replication-controller.ts';
import { secretStrategy } from './secret.ts';
import { serviceStrategy } from './service.ts';
import { serviceAccountStrategy } from './service-account.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

/** By group and kind: the versions of a kind share their rules. */
const STRATEGIES: Readonly<Record<string, Strategy>> = {
  '/ConfigMap': configMapStrategy,
  '/Endpoints': endpointsStrategy,
  '/Event': eventStrategy,
  '/Namespace': namespaceStrategy,
  '/Node': nodeStrategy,
  '/Pod': podStrategy,
  '/ReplicationController': replicationControllerStrategy,
  '/Secret': secretStrategy,
  '/Service': serviceStrategy,
  '/ServiceAccount': serviceAccountStrategy,
  'apps/DaemonSet': daemonSetStrategy,
  'apps/Deployment': deploymentStrategy,
  'apps/ReplicaSet': replicaSetStrategy,
  'coordination.k8s.io/Lease': leaseStrategy,
  'discovery.k8s.io/EndpointSlice': endpointSliceStrategy,
};

/** Kinds of the whole cluster; the general strategy must know, since metadata is judged by it. */
const CLUSTER_KINDS: ReadonlySet<string> = new Set([
  'APIService',
  'CSIDriver',
  'CSINode',
  'CertificateSigningRequest',
  'ClusterRole',
  'ClusterRoleBinding',
  'CustomResourceDefinition',
  'FlowSchema',
  'IngressClass',
  'MutatingWebhookConfiguration',
  'PersistentVolume',
  'PriorityClass',
  'PriorityLevelConfiguration',
  'RuntimeClass',
  'StorageClass',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'ValidatingWebhookConfiguration',
  'VolumeAttachment',
]);

export function strategyOf(gvk: GroupVersionKind): Strategy {
  return STRATEGIES[`${gvk.group}/${gvk.kind}`] ?? generalStrategy(gvk);
}

function generalStrategy(gvk: GroupVersionKind): Strategy {
  const definition = definitionOfKind(gvk);
  const schema = definition === undefined ? undefined : schemaOf(definition);
  return defineStrategy({
    metadata: { name: pathSegment, namespaced: !CLUSTER_KINDS.has(gvk.kind) },
    hasStatus: schema?.properties?.status !== undefined,
  });
}
