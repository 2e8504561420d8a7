// list-types: which lists, maps and structs of the built-in kinds are merged as a whole, and which part by part.
//
// Upstream says it beside each Go field (`+listType`, `+listMapKey`, `+structType`, `+mapType`) and serves it as
// x-kubernetes-list-type and so on; no package on npm carries these facts, so they stand here, by definition and field.
// What is not here has the default: lists are atomic, maps and structs granular. A test holds every name against the catalog.
//
// Same facts upstream: client-go, applyconfigurations/internal/internal.go.

/** A list: `set`, or the keys that tell its elements apart. A map or struct: `atomic`, or `granular` where its type is atomic. */
export type FieldRule = 'set' | 'atomic' | 'granular' | readonly string[];

const byName = ['name'] as const;
const byType = ['type'] as const;
const conditions = { conditions: byType };
const container: Readonly<Record<string, FieldRule>> = {
  env: byName,
  ports: ['containerPort', 'protocol'],
  volumeDevices: ['devicePath'],
  volumeMounts: ['mountPath'],
};

/** By definition name without its first part: `core.v1.PodSpec` stands for io.k8s.api.core.v1.PodSpec. */
export const FIELD_RULES: Readonly<Record<string, Readonly<Record<string, FieldRule>>>> = {
  'meta.v1.ObjectMeta': { finalizers: 'set', ownerReferences: ['uid'] },
  'core.v1.ComponentStatus': conditions,
  'core.v1.Container': container,
  'core.v1.ContainerStatus': { allocatedResourcesStatus: byName, volumeMounts: ['mountPath'] },
  'core.v1.EphemeralContainer': container,
  'core.v1.NamespaceStatus': conditions,
  'core.v1.NodeSpec': { podCIDRs: 'set' },
  'core.v1.NodeStatus': { addresses: byType, conditions: byType },
  'core.v1.PersistentVolumeClaimStatus': conditions,
  'core.v1.PersistentVolumeSpec': { claimRef: 'granular' },
  'core.v1.PodSpec': {
    containers: byName,
    ephemeralContainers: byName,
    hostAliases: ['ip'],
    imagePullSecrets: byName,
    initContainers: byName,
    nodeSelector: 'atomic',
    resourceClaims: byName,
    schedulingGates: byName,
    topologySpreadConstraints: ['topologyKey', 'whenUnsatisfiable'],
    volumes: byName,
  },
  'core.v1.PodStatus': { conditions: byType, podIPs: ['ip'], resourceClaimStatuses: byName },
  'core.v1.ReplicationControllerSpec': { selector: 'atomic' },
  'core.v1.ReplicationControllerStatus': conditions,
  'core.v1.ResourceRequirements': { claims: byName },
  'core.v1.ResourceStatus': { resources: ['resourceID'] },
  'core.v1.ServiceAccount': { secrets: byName },
  'core.v1.ServiceSpec': { ports: ['port', 'protocol'], selector: 'atomic' },
  'core.v1.ServiceStatus': conditions,
  'apps.v1.DaemonSetStatus': conditions,
  'apps.v1.DeploymentStatus': conditions,
  'apps.v1.ReplicaSetStatus': conditions,
  'apps.v1.StatefulSetStatus': conditions,
  'autoscaling.v2.HorizontalPodAutoscalerStatus': conditions,
  'batch.v1.PodFailurePolicyOnExitCodesRequirement': { values: 'set' },
  'batch.v1.UncountedTerminatedPods': { failed: 'set', succeeded: 'set' },
  'certificates.v1.CertificateSigningRequestStatus': conditions,
  'discovery.v1.Endpoint': { addresses: 'set' },
  'flowcontrol.v1.FlowSchemaStatus': conditions,
  'flowcontrol.v1.NonResourcePolicyRule': { nonResourceURLs: 'set', verbs: 'set' },
  'flowcontrol.v1.PriorityLevelConfigurationStatus': conditions,
  'flowcontrol.v1.ResourcePolicyRule': {
    apiGroups: 'set',
    namespaces: 'set',
    resources: 'set',
    verbs: 'set',
  },
  'networking.v1.ServiceCIDRStatus': conditions,
  'node.v1.Scheduling': { nodeSelector: 'atomic' },
  'policy.v1.PodDisruptionBudgetStatus': conditions,
  'storage.v1.CSIDriverSpec': { volumeLifecycleModes: 'set' },
  'storage.v1.CSINodeSpec': { drivers: byName },
  'admissionregistration.v1.MutatingWebhook': { matchConditions: byName },
  'admissionregistration.v1.MutatingWebhookConfiguration': { webhooks: byName },
  'admissionregistration.v1.ValidatingAdmissionPolicyBindingSpec': { validationActions: 'set' },
  'admissionregistration.v1.ValidatingAdmissionPolicySpec': {
    matchConditions: byName,
    variables: byName,
  },
  'admissionregistration.v1.ValidatingAdmissionPolicyStatus': conditions,
  'admissionregistration.v1.ValidatingWebhook': { matchConditions: byName },
  'admissionregistration.v1.ValidatingWebhookConfiguration': { webhooks: byName },
  'apiextensions.v1.CustomResourceDefinitionStatus': conditions,
  'apiextensions.v1.JSONSchemaProps': { 'x-kubernetes-validations': ['rule'] },
  'apiregistration.v1.APIServiceStatus': conditions,
};

/** Structs that have one owner, whoever holds them. */
export const ATOMIC_STRUCTS: ReadonlySet<string> = new Set([
  'meta.v1.LabelSelector',
  'meta.v1.OwnerReference',
  'core.v1.ConfigMapKeySelector',
  'core.v1.EndpointAddress',
  'core.v1.EndpointPort',
  'core.v1.LocalObjectReference',
  'core.v1.NodeSelector',
  'core.v1.NodeSelectorTerm',
  'core.v1.ObjectFieldSelector',
  'core.v1.ObjectReference',
  'core.v1.ResourceFieldSelector',
  'core.v1.ScopeSelector',
  'core.v1.SecretKeySelector',
  'core.v1.SecretReference',
  'core.v1.TopologySelectorTerm',
  'core.v1.TypedLocalObjectReference',
  'autoscaling.v1.CrossVersionObjectReference',
  'discovery.v1.EndpointPort',
  'rbac.v1.RoleRef',
  'rbac.v1.Subject',
  'admissionregistration.v1.MatchResources',
  'admissionregistration.v1.NamedRuleWithOperations',
  'admissionregistration.v1.ParamKind',
  'admissionregistration.v1.ParamRef',
  'admissionregistration.v1.Variable',
]);

/** What an element's key is when it is left out; the zero of its type unless it stands here. */
export const KEY_DEFAULTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'core.v1.ContainerPort': { protocol: 'TCP' },
  'core.v1.ServicePort': { protocol: 'TCP' },
};

/** Fields without a schema that have one owner. */
export const ATOMIC_VALUES: Readonly<Record<string, readonly string[]>> = {
  'apps.v1.ControllerRevision': ['data'],
};
