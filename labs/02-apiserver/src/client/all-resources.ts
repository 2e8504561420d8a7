// all-resources: the kinds of object that the server offers besides those in resources.ts, each with the type of its objects.
//
// Two sets, because `resources` is also the list of what lab 04's controllers watch over: a kind gets in there when it has a controller
// that needs it. Everything else that a client may want to speak of is here; `allResources` has both.
//
// Same idea upstream: the typed clients of k8s.io/client-go/kubernetes.

import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from 'kubernetes-types/admissionregistration/v1';
import type { ControllerRevision, StatefulSet } from 'kubernetes-types/apps/v1';
import type { HorizontalPodAutoscaler } from 'kubernetes-types/autoscaling/v2';
import type { CronJob, Job } from 'kubernetes-types/batch/v1';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import type {
  LimitRange,
  PersistentVolume,
  PersistentVolumeClaim,
  PodTemplate,
  ResourceQuota,
} from 'kubernetes-types/core/v1';
import type { FlowSchema, PriorityLevelConfiguration } from 'kubernetes-types/flowcontrol/v1';
import type { Ingress, IngressClass, NetworkPolicy } from 'kubernetes-types/networking/v1';
import type { RuntimeClass } from 'kubernetes-types/node/v1';
import type { PodDisruptionBudget } from 'kubernetes-types/policy/v1';
import type { PriorityClass } from 'kubernetes-types/scheduling/v1';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
} from 'kubernetes-types/storage/v1';
import { type KubernetesObject, type ResourceType, resources } from './resources.ts';

interface Place {
  readonly group: string;
  readonly version?: string;
  readonly namespaced?: boolean;
}

function typeOf<T extends KubernetesObject>(
  kind: string,
  resource: string,
  { group, version = 'v1', namespaced = true }: Place,
): ResourceType<T> {
  return { group, version, resource, kind, namespaced };
}

const core = { group: '' };
const apps = { group: 'apps' };
const batch = { group: 'batch' };
const networking = { group: 'networking.k8s.io' };
const ofCluster = (group: string): Place => ({ group, namespaced: false });
const storage = ofCluster('storage.k8s.io');
const webhooks = ofCluster('admissionregistration.k8s.io');
const fairness = ofCluster('flowcontrol.apiserver.k8s.io');

export const allResources = {
  ...resources,
  persistentVolumes: typeOf<PersistentVolume>(
    'PersistentVolume',
    'persistentvolumes',
    ofCluster(''),
  ),
  persistentVolumeClaims: typeOf<PersistentVolumeClaim>(
    'PersistentVolumeClaim',
    'persistentvolumeclaims',
    core,
  ),
  resourceQuotas: typeOf<ResourceQuota>('ResourceQuota', 'resourcequotas', core),
  limitRanges: typeOf<LimitRange>('LimitRange', 'limitranges', core),
  podTemplates: typeOf<PodTemplate>('PodTemplate', 'podtemplates', core),
  statefulSets: typeOf<StatefulSet>('StatefulSet', 'statefulsets', apps),
  controllerRevisions: typeOf<ControllerRevision>(
    'ControllerRevision',
    'controllerrevisions',
    apps,
  ),
  jobs: typeOf<Job>('Job', 'jobs', batch),
  cronJobs: typeOf<CronJob>('CronJob', 'cronjobs', batch),
  horizontalPodAutoscalers: typeOf<HorizontalPodAutoscaler>(
    'HorizontalPodAutoscaler',
    'horizontalpodautoscalers',
    { group: 'autoscaling', version: 'v2' },
  ),
  podDisruptionBudgets: typeOf<PodDisruptionBudget>('PodDisruptionBudget', 'poddisruptionbudgets', {
    group: 'policy',
  }),
  ingresses: typeOf<Ingress>('Ingress', 'ingresses', networking),
  ingressClasses: typeOf<IngressClass>(
    'IngressClass',
    'ingressclasses',
    ofCluster('networking.k8s.io'),
  ),
  networkPolicies: typeOf<NetworkPolicy>('NetworkPolicy', 'networkpolicies', networking),
  storageClasses: typeOf<StorageClass>('StorageClass', 'storageclasses', storage),
  volumeAttachments: typeOf<VolumeAttachment>('VolumeAttachment', 'volumeattachments', storage),
  csiDrivers: typeOf<CSIDriver>('CSIDriver', 'csidrivers', storage),
  csiNodes: typeOf<CSINode>('CSINode', 'csinodes', storage),
  csiStorageCapacities: typeOf<CSIStorageCapacity>('CSIStorageCapacity', 'csistoragecapacities', {
    group: 'storage.k8s.io',
  }),
  priorityClasses: typeOf<PriorityClass>(
    'PriorityClass',
    'priorityclasses',
    ofCluster('scheduling.k8s.io'),
  ),
  runtimeClasses: typeOf<RuntimeClass>('RuntimeClass', 'runtimeclasses', ofCluster('node.k8s.io')),
  validatingWebhookConfigurations: typeOf<ValidatingWebhookConfiguration>(
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations',
    webhooks,
  ),
  mutatingWebhookConfigurations: typeOf<MutatingWebhookConfiguration>(
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations',
    webhooks,
  ),
  flowSchemas: typeOf<FlowSchema>('FlowSchema', 'flowschemas', fairness),
  priorityLevelConfigurations: typeOf<PriorityLevelConfiguration>(
    'PriorityLevelConfiguration',
    'prioritylevelconfigurations',
    fairness,
  ),
  certificateSigningRequests: typeOf<CertificateSigningRequest>(
    'CertificateSigningRequest',
    'certificatesigningrequests',
    ofCluster('certificates.k8s.io'),
  ),
};
