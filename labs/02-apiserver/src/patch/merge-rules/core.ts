// core: which lists merge in the kinds of the core group, and in the metadata of every kind.
//
// Same facts upstream: k8s.io/api/core/v1/types.go and apimachinery, meta/v1/types.go.

import { asSet, byKey, conditions, type MergeRules } from '../merge-rule.ts';

const container = {
  env: byKey('name'),
  ports: byKey('containerPort'),
  volumeDevices: byKey('devicePath'),
  volumeMounts: byKey('mountPath'),
};

export const CORE_MERGE_RULES: MergeRules = {
  'meta.v1.ObjectMeta': { finalizers: asSet, ownerReferences: byKey('uid') },
  'core.v1.Container': container,
  'core.v1.EphemeralContainer': container,
  'core.v1.PodSpec': {
    containers: byKey('name'),
    ephemeralContainers: byKey('name'),
    hostAliases: byKey('ip'),
    imagePullSecrets: byKey('name'),
    initContainers: byKey('name'),
    resourceClaims: { ...byKey('name'), retainKeys: true },
    schedulingGates: byKey('name'),
    topologySpreadConstraints: byKey('topologyKey'),
    volumes: { ...byKey('name'), retainKeys: true },
  },
  'core.v1.PodStatus': {
    ...conditions,
    hostIPs: byKey('ip'),
    podIPs: byKey('ip'),
    resourceClaimStatuses: { ...byKey('name'), retainKeys: true },
  },
  'core.v1.NodeSpec': { podCIDRs: asSet },
  'core.v1.NodeStatus': { ...conditions, addresses: byKey('type') },
  'core.v1.NamespaceStatus': conditions,
  'core.v1.ServiceSpec': { ports: byKey('port') },
  'core.v1.ServiceStatus': conditions,
  'core.v1.ServiceAccount': { secrets: byKey('name') },
  'core.v1.ReplicationControllerStatus': conditions,
  'core.v1.PersistentVolumeClaimStatus': conditions,
  'core.v1.ComponentStatus': conditions,
};
