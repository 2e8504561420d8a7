// One valid object of every kind that a namespace can hold, by the name of its resource, as short as the server takes it.
import type { KubernetesObject, ServerResource } from '@kube-labs/apiserver';
import { workload } from './support.ts';

const { selector, template } = workload();
const job = { template: { spec: { restartPolicy: 'Never', ...template.spec } } };
const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const reviewer = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'one' };
const port = { number: 80 };
const backend = { service: { name: 'web', port } };
const claim = { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } };

const SAMPLES: Readonly<Record<string, object>> = {
  'configmaps.': { data: { a: 'b' } },
  'controllerrevisions.apps': { revision: 1, data: { a: 1 } },
  'cronjobs.batch': { spec: { schedule: '* * * * *', jobTemplate: { spec: job } } },
  'csistoragecapacities.storage.k8s.io': { storageClassName: 'slow', capacity: '1Gi' },
  'daemonsets.apps': { spec: { selector, template } },
  'deployments.apps': { spec: { selector, template } },
  'endpoints.': {},
  'endpointslices.discovery.k8s.io': { addressType: 'IPv4', endpoints: [] },
  'horizontalpodautoscalers.autoscaling': { spec: { scaleTargetRef: target, maxReplicas: 2 } },
  'ingresses.networking.k8s.io': { spec: { defaultBackend: backend } },
  'jobs.batch': { spec: job },
  'leases.coordination.k8s.io': { spec: {} },
  'limitranges.': { spec: { limits: [{ type: 'Container', max: { cpu: '2' } }] } },
  'networkpolicies.networking.k8s.io': { spec: { podSelector: {} } },
  'persistentvolumeclaims.': { spec: claim },
  'poddisruptionbudgets.policy': { spec: { minAvailable: 1, selector } },
  'pods.': { spec: template.spec },
  'podtemplates.': { template },
  'replicasets.apps': { spec: { selector, template } },
  'replicationcontrollers.': { spec: { selector: { app: 'web' }, template } },
  'resourcequotas.': { spec: { hard: { pods: '10' } } },
  'rolebindings.rbac.authorization.k8s.io': { roleRef: reviewer, subjects: [] },
  'roles.rbac.authorization.k8s.io': { rules: [] },
  'secrets.': { stringData: { a: 'b' } },
  'serviceaccounts.': {},
  'services.': { spec: { ports: [{ port: 80 }] } },
  'statefulsets.apps': { spec: { serviceName: 'web', selector, template } },
};

/** The object of `type` to put into `namespace`; throws for a kind that nobody wrote one for. */
export function sampleOf({ resource, group, kind }: ServerResource, namespace: string) {
  const metadata = { name: 'one', namespace };
  if (kind === 'Event') return eventOf(group, metadata);
  const rest = SAMPLES[`${resource}.${group}`];
  if (rest === undefined) throw new Error(`There is no sample of ${resource}.${group} yet`);
  const sample: KubernetesObject = { metadata, ...rest };
  return sample;
}

function eventOf(group: string, metadata: { name: string; namespace: string }): KubernetesObject {
  const about = { kind: 'Pod', namespace: metadata.namespace, name: 'one' };
  if (group === '') return { metadata, ...{ involvedObject: about, reason: 'Tested' } };
  const newer = {
    eventTime: '2024-05-01T10:00:00.000000Z',
    reportingController: 'example.com/test',
    reportingInstance: 'test-1',
    action: 'Testing',
    reason: 'Tested',
    type: 'Normal',
    regarding: about,
  };
  return { metadata: { ...metadata, name: 'two' }, ...newer };
}
