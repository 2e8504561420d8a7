// @kubernetes/client-node, as it is released: typed objects, the client for any kind, a watch, and an informer whose server goes away.
// An operator written with it is in operator.test.ts; exec and the like are with the streams.
import {
  ApiException,
  AppsV1Api,
  BatchV1Api,
  CoreV1Api,
  type Informer,
  KubeConfig,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  VersionApi,
  Watch,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { type ContractServer, startContractServer } from '../support/contract-server.ts';

const namespace = 'default';
const SOON = { timeout: 40_000, interval: 25 };
const strategic = setHeaderOptions('Content-Type', PatchStrategy.StrategicMergePatch);

const configMap = (name: string, data: Record<string, string>, labels = {}): V1ConfigMap => ({
  metadata: { name, labels },
  data,
});

describe.each(['our store', 'etcd'] as const)('@kubernetes/client-node on %s', (store) => {
  let server: ContractServer;
  let config: KubeConfig;
  let core: CoreV1Api;
  beforeAll(async () => {
    server = await startContractServer(store);
    config = new KubeConfig();
    config.loadFromFile(server.kubeconfig);
    core = config.makeApiClient(CoreV1Api);
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  test('objects are made, read, replaced, patched, listed in pages, and deleted', async () => {
    const made = await core.createNamespacedConfigMap({
      namespace,
      body: configMap('one', { a: '1' }),
    });
    expect(made.metadata?.creationTimestamp).toBeInstanceOf(Date);
    const replaced = { ...made, data: { a: '2' } };
    await core.replaceNamespacedConfigMap({ name: 'one', namespace, body: replaced });
    await expect(
      core.replaceNamespacedConfigMap({ name: 'one', namespace, body: replaced }),
    ).rejects.toMatchObject({ code: 409 });
    const body = { data: { b: '3' } };
    const patched = await core.patchNamespacedConfigMap(
      { name: 'one', namespace, body },
      strategic,
    );
    expect(patched.data).toEqual({ a: '2', b: '3' });
    for (const name of ['p1', 'p2', 'p3']) {
      await core.createNamespacedConfigMap({
        namespace,
        body: configMap(name, {}, { paged: '1' }),
      });
    }
    const page = await core.listNamespacedConfigMap({
      namespace,
      labelSelector: 'paged=1',
      limit: 2,
    });
    // How many are left is not counted when there is a selector.
    expect(page.metadata?.remainingItemCount).toBeUndefined();
    const rest = await core.listNamespacedConfigMap({
      namespace,
      labelSelector: 'paged=1',
      limit: 2,
      _continue: page.metadata?._continue ?? '',
    });
    expect([...page.items, ...rest.items].map(({ metadata }) => metadata?.name)).toEqual([
      'p1',
      'p2',
      'p3',
    ]);
    await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'paged=1' });
    await core.deleteNamespacedConfigMap({ name: 'one', namespace });
    const gone = core.readNamespacedConfigMap({ name: 'one', namespace });
    await expect(gone).rejects.toBeInstanceOf(ApiException);
  });

  test('workloads, scale, subresources, dry runs and the version', async () => {
    const apps = config.makeApiClient(AppsV1Api);
    const labels = { app: 'web' };
    const spec = { containers: [{ name: 'c', image: 'nginx' }] };
    const body = {
      metadata: { name: 'web' },
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    };
    const dry = await apps.createNamespacedDeployment({ namespace, body, dryRun: 'All' });
    expect(dry.spec?.strategy?.rollingUpdate?.maxSurge).toBe('25%');
    await apps.createNamespacedDeployment({ namespace, body });
    const at = { name: 'web', namespace };
    const scale = await apps.readNamespacedDeploymentScale(at);
    await apps.replaceNamespacedDeploymentScale({
      ...at,
      body: { ...scale, spec: { replicas: 4 } },
    });
    expect((await apps.readNamespacedDeployment(at)).spec?.replicas).toBe(4);
    const batch = config.makeApiClient(BatchV1Api);
    const wrong = { metadata: { name: 'j' }, spec: { template: { spec } } };
    await expect(batch.createNamespacedJob({ namespace, body: wrong })).rejects.toMatchObject({
      code: 422,
    });
    expect((await config.makeApiClient(VersionApi).getCode()).major).toBe('1');
  });

  test('the client for objects of any kind makes them, reads them, applies them and deletes them', async () => {
    const objects = KubernetesObjectApi.makeApiClient(config);
    const object = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'any', namespace },
      data: { a: '1' },
    };
    await objects.create(object);
    const applied = await objects.patch(
      { ...object, data: { a: '2' } },
      undefined,
      undefined,
      'contract',
      true,
      PatchStrategy.ServerSideApply,
    );
    expect(applied).toMatchObject({ data: { a: '2' } });
    const owner = expect.objectContaining({ manager: 'contract', operation: 'Apply' });
    expect(applied).toHaveProperty('metadata.managedFields', expect.arrayContaining([owner]));
    const { items } = await objects.list('v1', 'ConfigMap', namespace);
    expect(items.map(({ metadata }) => metadata?.name)).toContain('any');
    await objects.delete(object);
    await expect(objects.read(object)).rejects.toMatchObject({ code: 404 });
  });

  test('a watch hears of every change after a version, in order', async () => {
    const { metadata } = await core.listNamespacedConfigMap({ namespace });
    const heard: string[] = [];
    const watch = new Watch(config);
    const query = { resourceVersion: metadata?.resourceVersion, allowWatchBookmarks: true };
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const ending = await watch.watch(
      path,
      query,
      (type, object) => {
        if (type !== 'BOOKMARK') heard.push(`${type} ${object.metadata.name}`);
      },
      () => undefined,
    );
    try {
      await core.createNamespacedConfigMap({ namespace, body: configMap('w', { a: '1' }) });
      await core.patchNamespacedConfigMap(
        { name: 'w', namespace, body: { data: { a: '2' } } },
        strategic,
      );
      await core.deleteNamespacedConfigMap({ name: 'w', namespace });
      await vi.waitFor(() => expect(heard).toEqual(['ADDED w', 'MODIFIED w', 'DELETED w']), SOON);
    } finally {
      ending.abort();
    }
  });

  test('an informer knows what there is, and again after the server was away', async () => {
    const labelSelector = 'informed=1';
    const list = () => core.listNamespacedConfigMap({ namespace, labelSelector });
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const informer = makeInformer(config, path, list, labelSelector);
    const known = new Map<string, string | undefined>();
    const put = ({ metadata, data }: V1ConfigMap) => known.set(metadata?.name ?? '', data?.a);
    informer.on('add', put);
    informer.on('update', put);
    informer.on('delete', ({ metadata }) => known.delete(metadata?.name ?? ''));
    const running = keepRunning(informer);
    const make = (name: string) =>
      core.createNamespacedConfigMap({
        namespace,
        body: configMap(name, { a: name }, { informed: '1' }),
      });
    try {
      await make('i1');
      await vi.waitFor(() => expect([...known]).toEqual([['i1', 'i1']]), SOON);
      await server.api.restart();
      await vi.waitFor(() => make('i2'), SOON);
      await core.deleteNamespacedConfigMap({ name: 'i1', namespace });
      await vi.waitFor(() => expect([...known]).toEqual([['i2', 'i2']]), SOON);
    } finally {
      await running.stop();
    }
  });
});

/** As its README says: an informer that lost its server is started again by who uses it. */
function keepRunning(informer: Informer<V1ConfigMap>): { stop(): Promise<void> } {
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const start = () => {
    if (isStopped) return;
    informer.start().catch(again);
  };
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(start, 50);
  };
  informer.on('error', again);
  start();
  return {
    async stop() {
      isStopped = true;
      clearTimeout(timer);
      await informer.stop();
    },
  };
}
