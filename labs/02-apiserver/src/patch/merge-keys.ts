// merge-keys: how strategic merge patch treats each list: replaced, merged by a key, or merged as a set of values.
//
// Upstream keeps these facts as struct tags (`patchStrategy`, `patchMergeKey`) in Go; no package on npm carries them, so they
// stand here, by definition and field. A field that is not here is replaced as a whole.
//
// Same facts upstream: k8s.io/api/*/v1/types.go.

export interface MergeRule {
  /** Elements with the same value of this field are the same. Absent: the values themselves are. */
  readonly mergeKey?: string;
  readonly merge: boolean;
  /** Fields that the patch does not name are dropped when it says so with $retainKeys. */
  readonly retainKeys?: boolean;
  /** A map that is not merged but replaced. */
  readonly replace?: boolean;
}

const byKey = (mergeKey: string): MergeRule => ({ merge: true, mergeKey });
const asSet: MergeRule = { merge: true };
const retainKeys: MergeRule = { merge: false, retainKeys: true };
const volumes: MergeRule = { merge: true, mergeKey: 'name', retainKeys: true };

const container: Readonly<Record<string, MergeRule>> = {
  env: byKey('name'),
  ports: byKey('containerPort'),
  volumeDevices: byKey('devicePath'),
  volumeMounts: byKey('mountPath'),
};
const conditions: Readonly<Record<string, MergeRule>> = { conditions: byKey('type') };

/** By definition name without its first part: `core.v1.PodSpec` stands for io.k8s.api.core.v1.PodSpec. */
const RULES: Readonly<Record<string, Readonly<Record<string, MergeRule>>>> = {
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
    volumes,
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
  'apps.v1.DeploymentSpec': { strategy: retainKeys },
  'apps.v1.DeploymentStatus': conditions,
  'apps.v1.ReplicaSetStatus': conditions,
  'apps.v1.DaemonSetStatus': conditions,
  'apps.v1.StatefulSetStatus': conditions,
  'batch.v1.JobStatus': conditions,
  'policy.v1.PodDisruptionBudgetSpec': { selector: { merge: false, replace: true } },
  'policy.v1.PodDisruptionBudgetStatus': conditions,
  'apiregistration.v1.APIServiceStatus': conditions,
  'autoscaling.v2.HorizontalPodAutoscalerStatus': conditions,
  'flowcontrol.v1.FlowSchemaStatus': conditions,
  'flowcontrol.v1.PriorityLevelConfigurationStatus': conditions,
  'networking.v1.ServiceCIDRStatus': conditions,
  'storage.v1.CSINodeSpec': { drivers: byKey('name') },
  'admissionregistration.v1.MutatingWebhookConfiguration': { webhooks: byKey('name') },
  'admissionregistration.v1.MutatingWebhook': { matchConditions: byKey('name') },
  'admissionregistration.v1.ValidatingWebhookConfiguration': { webhooks: byKey('name') },
  'admissionregistration.v1.ValidatingWebhook': { matchConditions: byKey('name') },
};

/** As OpenAPI and Go's tags write it: `merge`, `merge,retainKeys`, `replace`. */
export function patchStrategyOf({ merge, retainKeys: retain, replace }: MergeRule): string {
  return [merge && 'merge', retain && 'retainKeys', replace && 'replace'].filter(Boolean).join(',');
}

export function mergeRuleOf(definition: string, field: string): MergeRule | undefined {
  return RULES[definition.split('.').slice(-3).join('.')]?.[field];
}
