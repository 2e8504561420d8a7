// What admission fills in, and refuses, in pods, claims, ingresses and nodes: limits, priorities, accounts, classes, runtimes.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { ownNamespace, pod, resources, type Scene, sceneOf } from './scene.ts';

let server: TestApiServer;
let scene: Scene;
beforeAll(async () => {
  server = await startTestApiServer({
    admission: {
      enable: ['TaintNodesByCondition'],
      serviceAccounts: { required: true, mountTokens: true },
    },
  });
  scene = sceneOf(server);
  await account('default', 'default');
});
afterAll(() => server[Symbol.asyncDispose]());

async function account(at: string, name: string, rest: object = {}): Promise<void> {
  const path = `/api/v1/namespaces/${at}/serviceaccounts`;
  const body = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name }, ...rest };
  await scene.post(path, body);
}

async function namespaceFor(name: string): Promise<string> {
  const at = await ownNamespace(scene, name);
  await account(name, 'default');
  return at;
}

/** Made, and in the cache, from which admission takes it. */
async function known(group: string, resource: string, path: string, body: object): Promise<void> {
  const made = await scene.post(path, body);
  expect(made.status, made.text).toBe(201);
  const { name } = made.json.metadata;
  const { cache } = server.table.registry(group, resource).storage;
  await vi.waitFor(() =>
    expect(cache.list().some(({ object }) => object.metadata.name === name)).toBe(true),
  );
}

describe('LimitRanger', () => {
  let count = 0;
  async function limited(item: object): Promise<string> {
    count += 1;
    const at = await namespaceFor(`limits-${count}`);
    await known('', 'limitranges', `${at}/limitranges`, {
      apiVersion: 'v1',
      kind: 'LimitRange',
      metadata: { name: `limits-${count}` },
      spec: { limits: [item] },
    });
    return at;
  }

  test('fills in what containers do not say, and notes it down', async () => {
    const at = await limited({
      type: 'Container',
      default: { cpu: '1', memory: '1Gi' },
      defaultRequest: { cpu: '100m' },
    });
    const made = await scene.post(`${at}/pods`, pod('p', resources({ memory: '1Mi' })));
    expect(made.json.spec.containers[0].resources).toEqual({
      requests: { cpu: '100m', memory: '1Mi' },
      limits: { cpu: '1', memory: '1Gi' },
    });
    expect(made.json.metadata.annotations).toEqual({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: cpu request for container c; cpu, memory limit for container c',
    });
    expect(made.json.status.qosClass).toBe('Burstable');
  });

  test.each([
    [
      { type: 'Container', min: { cpu: '200m' } },
      resources({ cpu: '100m' }),
      'minimum cpu usage per Container is 200m, but request is 100m',
    ],
    [
      { type: 'Container', min: { memory: '1Gi' } },
      resources({ memory: '1Gi' }, { memory: '2Gi' }),
      undefined,
    ],
    [
      { type: 'Container', max: { memory: '1Gi' } },
      resources({ memory: '1Gi' }, { memory: '2Gi' }),
      'maximum memory usage per Container is 1Gi, but limit is 2Gi',
    ],
    [{ type: 'Container', max: { cpu: '1' } }, resources({ cpu: '1' }), undefined],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      resources({ cpu: '1' }, { cpu: '3' }),
      'cpu max limit to request ratio per Container is 2, but provided ratio is 3.000000',
    ],
    [
      { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      {},
      'cpu max limit to request ratio per Container is 2, but no request is specified or request is 0',
    ],
    [
      { type: 'Pod', max: { cpu: '1' } },
      {},
      'maximum cpu usage per Pod is 1.  No limit is specified',
    ],
    [
      { type: 'Pod', min: { cpu: '1' } },
      resources({ cpu: '500m' }),
      'minimum cpu usage per Pod is 1, but request is 500m',
    ],
    [
      { type: 'Pod', min: { cpu: '1' } },
      {},
      'minimum cpu usage per Pod is 1.  No request is specified',
    ],
  ])('%j and %j', async (item, container, message) => {
    const at = await limited(item);
    const answer = await scene.post(`${at}/pods`, pod('p', container));
    expect(answer.json.message).toBe(
      message === undefined ? undefined : `pods "p" is forbidden: ${message}`,
    );
  });

  test('several objections come together', async () => {
    const at = await limited({ type: 'Container', min: { cpu: '1', memory: '1Gi' } });
    const answer = await scene.post(
      `${at}/pods`,
      pod('p', resources({ cpu: '1m', memory: '1Mi' })),
    );
    expect(answer.json.message).toBe(
      'pods "p" is forbidden: [minimum cpu usage per Container is 1, but request is 1m, minimum memory usage per Container is 1Gi, but request is 1Mi]',
    );
  });

  test('claims', async () => {
    const at = await limited({
      type: 'PersistentVolumeClaim',
      min: { storage: '2Gi' },
      max: { storage: '4Gi' },
    });
    const claim = (storage: string) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'x' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
    });
    const say = async (storage: string) =>
      (await scene.post(`${at}/persistentvolumeclaims`, claim(storage))).json.message;
    expect(await say('1Gi')).toBe(
      'persistentvolumeclaims "x" is forbidden: minimum storage usage per PersistentVolumeClaim is 2Gi, but request is 1Gi',
    );
    expect(await say('5Gi')).toBe(
      'persistentvolumeclaims "x" is forbidden: maximum storage usage per PersistentVolumeClaim is 4Gi, but request is 5Gi',
    );
    expect(await say('3Gi')).toBeUndefined();
  });
});

describe('Priority', () => {
  const CLASSES = '/apis/scheduling.k8s.io/v1/priorityclasses';
  const PODS = '/api/v1/namespaces/default/pods';
  const priorityClass = (name: string, value: number, rest: object = {}) => ({
    apiVersion: 'scheduling.k8s.io/v1',
    kind: 'PriorityClass',
    metadata: { name },
    value,
    ...rest,
  });

  test('0 without a class; the class’s number with one', async () => {
    const plain = await scene.post(PODS, pod('plain'));
    expect(plain.json.spec).toMatchObject({
      priority: 0,
      preemptionPolicy: 'PreemptLowerPriority',
    });
    expect(plain.json.spec.priorityClassName).toBeUndefined();
    await scene.post(CLASSES, priorityClass('high', 1000, { preemptionPolicy: 'Never' }));
    const high = await scene.post(PODS, pod('high', {}, { priorityClassName: 'high' }));
    expect(high.json.spec).toMatchObject({ priority: 1000, preemptionPolicy: 'Never' });
    const system = await scene.post(
      PODS,
      pod('system', {}, { priorityClassName: 'system-node-critical' }),
    );
    expect(system.json.spec.priority).toBe(2_000_001_000);
  });

  test.each([
    [{ priorityClassName: 'none' }, 'no PriorityClass with name none was found'],
    [
      { priority: 7 },
      'the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name',
    ],
    [
      { preemptionPolicy: 'Never' },
      'the string value of PreemptionPolicy (Never) must not be provided in pod spec; priority admission controller computed PreemptLowerPriority from the given PriorityClass name',
    ],
  ])('%j is refused', async (spec, message) => {
    expect((await scene.post(PODS, pod('p', {}, spec))).json.message).toBe(
      `pods "p" is forbidden: ${message}`,
    );
  });

  test('the default class, of which there can be one', async () => {
    await known(
      'scheduling.k8s.io',
      'priorityclasses',
      CLASSES,
      priorityClass('usual', 5, { globalDefault: true }),
    );
    const made = await scene.post(PODS, pod('usual'));
    expect(made.json.spec).toMatchObject({ priority: 5, priorityClassName: 'usual' });
    const second = await scene.post(CLASSES, priorityClass('second', 6, { globalDefault: true }));
    expect(second.json.message).toBe(
      'priorityclasses.scheduling.k8s.io "second" is forbidden: PriorityClass usual is already marked as default. Only one default can exist',
    );
    await scene.remove(`${CLASSES}/usual`);
  });
});

describe('ServiceAccount', () => {
  test('mounts a token, an authority and the namespace where nothing else is', async () => {
    const at = await namespaceFor('tokens');
    const mounted = await scene.post(`${at}/pods`, pod('p'));
    const [volume] = mounted.json.spec.volumes;
    expect(volume).toEqual({
      name: expect.stringMatching(/^kube-api-access-[a-z0-9]{5}$/),
      projected: {
        defaultMode: 420,
        sources: [
          { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
          { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
          {
            downwardAPI: {
              items: [
                {
                  path: 'namespace',
                  fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' },
                },
              ],
            },
          },
        ],
      },
    });
    expect(mounted.json.spec.containers[0].volumeMounts).toEqual([
      {
        name: volume.name,
        readOnly: true,
        mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
      },
    ]);
    expect(mounted.json.spec).toMatchObject({
      serviceAccountName: 'default',
      serviceAccount: 'default',
    });
    const own = await scene.post(
      `${at}/pods`,
      pod('own', {}, { automountServiceAccountToken: false }),
    );
    expect(own.json.spec.volumes).toBeUndefined();
  });

  test('a volume without a name is found by validation', async () => {
    const at = await namespaceFor('nameless');
    const answer = await scene.post(`${at}/pods`, pod('p', {}, { volumes: [{ emptyDir: {} }] }));
    expect(answer.status).toBe(422);
    expect(answer.json.message).toContain('spec.volumes[0].name: Required value');
  });

  test('copies the pull secrets, and the account says whether it wants to be mounted', async () => {
    const at = await ownNamespace(scene, 'pulls');
    await account('pulls', 'puller', {
      imagePullSecrets: [{ name: 'registry' }],
      automountServiceAccountToken: false,
    });
    const { json } = await scene.post(`${at}/pods`, pod('p', {}, { serviceAccountName: 'puller' }));
    expect(json.spec.imagePullSecrets).toEqual([{ name: 'registry' }]);
    expect(json.spec.volumes).toBeUndefined();
  });

  test('an account that is not there is refused, and `default` waited for', async () => {
    const at = await ownNamespace(scene, 'absent');
    const refused = await scene.post(`${at}/pods`, pod('p', {}, { serviceAccountName: 'nobody' }));
    expect(refused.json.message).toBe(
      'pods "p" is forbidden: error looking up service account absent/nobody: serviceaccount "nobody" not found',
    );
    const [made] = await Promise.all([
      scene.post(`${at}/pods`, pod('q')),
      account('absent', 'default'),
    ]);
    expect(made.status, made.text).toBe(201);
  });

  test('a mirror pod has no account', async () => {
    const at = await namespaceFor('mirrors');
    const mirror = (spec: object) => {
      const annotations = { 'kubernetes.io/config.mirror': 'x' };
      const made = pod('m', {}, { nodeName: 'n', ...spec }) as { metadata: object };
      return { ...made, metadata: { name: 'm', annotations } };
    };
    expect(
      (await scene.post(`${at}/pods`, mirror({ serviceAccountName: 'default' }))).json.message,
    ).toContain('a mirror pod may not reference service accounts');
    expect(
      (await scene.post(`${at}/pods`, mirror({}))).json.spec.serviceAccountName,
    ).toBeUndefined();
  });
});

describe('classes', () => {
  const CLAIMS = '/api/v1/namespaces/default/persistentvolumeclaims';
  const claim = (name: string, rest: object = {}) => ({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...rest },
  });
  beforeAll(async () => {
    await known('storage.k8s.io', 'storageclasses', '/apis/storage.k8s.io/v1/storageclasses', {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: 'standard',
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'example.com/p',
    });
    await known(
      'networking.k8s.io',
      'ingressclasses',
      '/apis/networking.k8s.io/v1/ingressclasses',
      {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'IngressClass',
        metadata: {
          name: 'nginx',
          annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' },
        },
        spec: { controller: 'example.com/c' },
      },
    );
  });

  test('a claim and an ingress that name none get the default', async () => {
    expect((await scene.post(CLAIMS, claim('a'))).json.spec.storageClassName).toBe('standard');
    expect(
      (await scene.post(CLAIMS, claim('b', { storageClassName: '' }))).json.spec.storageClassName,
    ).toBe('');
    const ingress = await scene.post('/apis/networking.k8s.io/v1/namespaces/default/ingresses', {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'i' },
      spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } },
    });
    expect(ingress.json.spec.ingressClassName).toBe('nginx');
  });

  test('a claim grows only where its class can', async () => {
    await scene.post(CLAIMS, claim('grow', { storageClassName: 'standard' }));
    const larger = { spec: { resources: { requests: { storage: '2Gi' } } } };
    await scene.patch(`${CLAIMS}/grow/status`, { status: { phase: 'Bound' } });
    expect((await scene.patch(`${CLAIMS}/grow`, larger)).json.message).toContain(
      'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
    );
    await scene.patch('/apis/storage.k8s.io/v1/storageclasses/standard', {
      allowVolumeExpansion: true,
    });
    const { cache } = server.table.registry('storage.k8s.io', 'storageclasses').storage;
    await vi.waitFor(() =>
      expect(cache.list()[0]?.object).toMatchObject({ allowVolumeExpansion: true }),
    );
    const grown = await scene.patch(`${CLAIMS}/grow`, larger);
    expect(grown.status, grown.text).toBe(200);
  });
});

test('RuntimeClass: what the runtime costs, and where it runs', async () => {
  await known('node.k8s.io', 'runtimeclasses', '/apis/node.k8s.io/v1/runtimeclasses', {
    apiVersion: 'node.k8s.io/v1',
    kind: 'RuntimeClass',
    metadata: { name: 'vm' },
    handler: 'vm',
    overhead: { podFixed: { memory: '100Mi' } },
    scheduling: { nodeSelector: { vm: 'yes' } },
  });
  const made = await scene.post(
    '/api/v1/namespaces/default/pods',
    pod('vm', {}, { runtimeClassName: 'vm' }),
  );
  expect(made.json.spec).toMatchObject({
    overhead: { memory: '100Mi' },
    nodeSelector: { vm: 'yes' },
  });
  const none = await scene.post(
    '/api/v1/namespaces/default/pods',
    pod('no', {}, { runtimeClassName: 'none' }),
  );
  expect(none.json.message).toBe(
    'pods "no" is forbidden: pod rejected: RuntimeClass "none" not found',
  );
});

test('TaintNodesByCondition, where it is switched on: a new node takes no pods yet', async () => {
  const made = await scene.post('/api/v1/nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n' },
  });
  expect(made.json.spec.taints).toEqual([
    { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' },
  ]);
});
