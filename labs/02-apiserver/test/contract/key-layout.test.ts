// What an administrator sees with `etcdctl get --prefix /registry --keys-only`: the keys that upstream writes, kind by kind.

import { type KeyValueStore, openEtcd3Store } from '@kube-labs/store';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { type Etcd, startEtcd } from '../../../01-store/test/support/etcd.ts';
import { etcdctl } from '../../../01-store/test/support/etcdctl.ts';
import { wire } from '../server/wire.ts';

let etcd: Etcd;
let store: KeyValueStore;
let server: TestApiServer;
let keys: readonly string[];

const SOON = { timeout: 20_000, interval: 20 };
const LABELS = { app: 'x' };
const POD = { containers: [{ name: 'c', image: 'i' }] };
const TEMPLATE = { metadata: { labels: LABELS }, spec: POD };
const WORKLOAD = { spec: { selector: { matchLabels: LABELS }, template: TEMPLATE } };
const JOB = { template: { spec: { ...POD, restartPolicy: 'Never' } } };
const VOLUME = { storage: '1Gi' };

/** A path of the API, what is made there, and its key. Objects are called `x` unless they say otherwise. */
const KEYS: readonly (readonly [path: string, kind: string, key: string, rest?: object])[] = [
  ['/api/v1/pods', 'Pod', 'pods/default/x', { spec: POD }],
  ['/api/v1/podtemplates', 'PodTemplate', 'podtemplates/default/x', { template: TEMPLATE }],
  [
    '/api/v1/replicationcontrollers',
    'ReplicationController',
    'controllers/default/x',
    { spec: { selector: LABELS, template: TEMPLATE } },
  ],
  ['/api/v1/services', 'Service', 'services/specs/default/x', { spec: { ports: [{ port: 80 }] } }],
  ['/api/v1/endpoints', 'Endpoints', 'services/endpoints/default/x'],
  ['/api/v1/configmaps', 'ConfigMap', 'configmaps/default/x'],
  ['/api/v1/secrets', 'Secret', 'secrets/default/x'],
  ['/api/v1/serviceaccounts', 'ServiceAccount', 'serviceaccounts/default/x'],
  [
    '/api/v1/events',
    'Event',
    'events/default/x',
    { involvedObject: { kind: 'Pod', name: 'x', namespace: 'default' } },
  ],
  [
    '/api/v1/limitranges',
    'LimitRange',
    'limitranges/default/x',
    { spec: { limits: [{ type: 'Container', max: { cpu: '9' } }] } },
  ],
  [
    '/api/v1/resourcequotas',
    'ResourceQuota',
    'resourcequotas/default/x',
    { spec: { hard: { configmaps: '99' } } },
  ],
  [
    '/api/v1/persistentvolumeclaims',
    'PersistentVolumeClaim',
    'persistentvolumeclaims/default/x',
    { spec: { accessModes: ['ReadWriteOnce'], resources: { requests: VOLUME } } },
  ],
  [
    '/api/v1/persistentvolumes!',
    'PersistentVolume',
    'persistentvolumes/x',
    { spec: { capacity: VOLUME, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' } } },
  ],
  ['/api/v1/nodes!', 'Node', 'minions/x'],
  ['/api/v1/namespaces!', 'Namespace', 'namespaces/x'],
  ['/apis/apps/v1/deployments', 'Deployment', 'deployments/default/x', WORKLOAD],
  ['/apis/apps/v1/replicasets', 'ReplicaSet', 'replicasets/default/x', WORKLOAD],
  ['/apis/apps/v1/daemonsets', 'DaemonSet', 'daemonsets/default/x', WORKLOAD],
  [
    '/apis/apps/v1/statefulsets',
    'StatefulSet',
    'statefulsets/default/x',
    { spec: { ...WORKLOAD.spec, serviceName: 's' } },
  ],
  [
    '/apis/apps/v1/controllerrevisions',
    'ControllerRevision',
    'controllerrevisions/default/x',
    { revision: 1, data: { a: 1 } },
  ],
  ['/apis/batch/v1/jobs', 'Job', 'jobs/default/x', { spec: JOB }],
  [
    '/apis/batch/v1/cronjobs',
    'CronJob',
    'cronjobs/default/x',
    { spec: { schedule: '@daily', jobTemplate: { spec: JOB } } },
  ],
  [
    '/apis/autoscaling/v1/horizontalpodautoscalers',
    'HorizontalPodAutoscaler',
    'horizontalpodautoscalers/default/x',
    {
      spec: {
        maxReplicas: 2,
        scaleTargetRef: { kind: 'Deployment', name: 'x', apiVersion: 'apps/v1' },
      },
    },
  ],
  [
    '/apis/networking.k8s.io/v1/ingresses',
    'Ingress',
    'ingress/default/x',
    { spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } } },
  ],
  [
    '/apis/networking.k8s.io/v1/ingressclasses!',
    'IngressClass',
    'ingressclasses/x',
    { spec: { controller: 'example.com/x' } },
  ],
  [
    '/apis/networking.k8s.io/v1/networkpolicies',
    'NetworkPolicy',
    'networkpolicies/default/x',
    { spec: { podSelector: {} } },
  ],
  [
    '/apis/discovery.k8s.io/v1/endpointslices',
    'EndpointSlice',
    'endpointslices/default/x',
    { addressType: 'IPv4', endpoints: [] },
  ],
  ['/apis/coordination.k8s.io/v1/leases', 'Lease', 'leases/default/x', { spec: {} }],
  ['/apis/rbac.authorization.k8s.io/v1/roles', 'Role', 'roles/default/x', { rules: [] }],
  [
    '/apis/rbac.authorization.k8s.io/v1/rolebindings',
    'RoleBinding',
    'rolebindings/default/x',
    { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'x' } },
  ],
  [
    '/apis/rbac.authorization.k8s.io/v1/clusterroles!',
    'ClusterRole',
    'clusterroles/x',
    { rules: [] },
  ],
  [
    '/apis/rbac.authorization.k8s.io/v1/clusterrolebindings!',
    'ClusterRoleBinding',
    'clusterrolebindings/x',
    { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'x' } },
  ],
  [
    '/apis/policy/v1/poddisruptionbudgets',
    'PodDisruptionBudget',
    'poddisruptionbudgets/default/x',
    { spec: { minAvailable: 1 } },
  ],
  [
    '/apis/scheduling.k8s.io/v1/priorityclasses!',
    'PriorityClass',
    'priorityclasses/x',
    { value: 1 },
  ],
  [
    '/apis/storage.k8s.io/v1/storageclasses!',
    'StorageClass',
    'storageclasses/x',
    { provisioner: 'p' },
  ],
  ['/apis/storage.k8s.io/v1/csidrivers!', 'CSIDriver', 'csidrivers/x', { spec: {} }],
  ['/apis/storage.k8s.io/v1/csinodes!', 'CSINode', 'csinodes/x', { spec: { drivers: [] } }],
  ['/apis/node.k8s.io/v1/runtimeclasses!', 'RuntimeClass', 'runtimeclasses/x', { handler: 'runc' }],
  [
    '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations!',
    'MutatingWebhookConfiguration',
    'mutatingwebhookconfigurations/x',
    { webhooks: [] },
  ],
  [
    '/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations!',
    'ValidatingWebhookConfiguration',
    'validatingwebhookconfigurations/x',
    { webhooks: [] },
  ],
  [
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions!',
    'CustomResourceDefinition',
    'apiextensions.k8s.io/customresourcedefinitions/widgets.example.com',
    {
      metadata: { name: 'widgets.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'widgets', kind: 'Widget' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object' } },
          },
        ],
      },
    },
  ],
];

beforeAll(async () => {
  etcd = await startEtcd();
  store = await openEtcd3Store({ endpoints: [etcd.endpoint], requestTimeoutMs: 60_000 });
  server = await startTestApiServer({ store, advertiseAddress: '10.0.0.7' });
  for (const [path, kind, , rest] of KEYS) await make(path, kind, rest);
  const widgets = '/apis/example.com/v1/widgets';
  await vi.waitFor(async () => expect((await wire(server, widgets)).status).toBe(200), SOON);
  await make(widgets, 'Widget');
  // A server that was held up while it should have renewed its lease is back within ten seconds.
  await vi.waitFor(async () => {
    const get = ['get', '--prefix', '/registry', '--keys-only'];
    const { stdout } = await etcdctl(etcd.endpoint, get);
    keys = stdout.split('\n').filter((line) => line !== '');
    expect(keys.some((key) => key.startsWith('/registry/masterleases/'))).toBe(true);
  }, SOON);
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await store?.[Symbol.asyncDispose]();
  await etcd?.[Symbol.asyncDispose]();
});

/** `!` at the end of a path: of the whole cluster, not of a namespace. */
async function make(path: string, kind: string, rest: object = {}): Promise<void> {
  const at = path.endsWith('!')
    ? path.slice(0, -1)
    : path.replace(/\/([^/]+)$/, '/namespaces/default/$1');
  const apiVersion = path.replace(/^\/apis?\/(.*)\/[^/]+$/, '$1');
  const body = { apiVersion, kind, metadata: { name: 'x' }, ...rest };
  const { status, text } = await wire(server, at, { method: 'POST', body });
  if (status !== 201) throw new Error(`POST ${at} was answered ${status}: ${text}`);
}

test.each(KEYS.map(([, kind, key]) => [kind, key]))('%s: /registry/%s', (_kind, key) => {
  expect(keys).toContain(`/registry/${key}`);
});

test.each([
  ['a custom resource', 'example.com/widgets/default/x'],
  ['the servers that are there', 'masterleases/10.0.0.7'],
  ['the service of the API', 'services/specs/default/kubernetes'],
  ['its endpoints', 'services/endpoints/default/kubernetes'],
  ['the namespaces of every cluster', 'namespaces/kube-system'],
  ['the class of what a cluster cannot do without', 'priorityclasses/system-node-critical'],
])('%s: /registry/%s', (_what, key) => {
  expect(keys).toContain(`/registry/${key}`);
});

test('nothing stands beside /registry', async () => {
  const { stdout } = await etcdctl(etcd.endpoint, ['get', '--prefix', '', '--keys-only']);
  expect(
    stdout.split('\n').filter((line) => line !== '' && !line.startsWith('/registry/')),
  ).toEqual([]);
});
