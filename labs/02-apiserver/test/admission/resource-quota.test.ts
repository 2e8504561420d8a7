// What namespaces may hold: refused beyond a quota, given back with the object, and never exceeded by writes beside each other.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { ownNamespace, pod, quota, resources, type Scene, sceneOf } from './scene.ts';

let server: TestApiServer;
let scene: Scene;
beforeAll(async () => {
  server = await startTestApiServer();
  scene = sceneOf(server);
});
afterAll(() => server[Symbol.asyncDispose]());

async function used(at: string, name: string): Promise<Record<string, string>> {
  return (await scene.get(`${at}/resourcequotas/${name}`)).json.status.used;
}

test('a pod beyond the quota is refused in upstream’s words', async () => {
  const at = await ownNamespace(scene, 'pods');
  await scene.post(`${at}/resourcequotas`, quota('compute', { pods: '2' }));
  for (const name of ['a', 'b']) {
    expect((await scene.post(`${at}/pods`, pod(name))).status).toBe(201);
  }
  const refused = await scene.post(`${at}/pods`, pod('c'));
  expect(refused.json).toMatchObject({
    code: 403,
    reason: 'Forbidden',
    message:
      'pods "c" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=2, limited: pods=2',
    details: { name: 'c', kind: 'pods' },
  });
  expect(await used(at, 'compute')).toEqual({ pods: '2' });
  await scene.remove(`${at}/pods/a?gracePeriodSeconds=0`);
  expect(await used(at, 'compute')).toEqual({ pods: '1' });
  expect((await scene.post(`${at}/pods`, pod('c'))).status).toBe(201);
});

test('a dry run is refused too, and takes nothing', async () => {
  const at = await ownNamespace(scene, 'dry');
  await scene.post(`${at}/resourcequotas`, quota('q', { pods: '1' }));
  expect((await scene.post(`${at}/pods?dryRun=All`, pod('a'))).status).toBe(201);
  expect((await scene.post(`${at}/pods`, pod('a'))).status).toBe(201);
  expect((await scene.post(`${at}/pods?dryRun=All`, pod('b'))).status).toBe(403);
  expect(await used(at, 'q')).toEqual({ pods: '1' });
});

test('what was there before the quota counts, and so does a limit that is raised', async () => {
  const at = await ownNamespace(scene, 'before');
  await scene.post(`${at}/pods`, pod('old', resources({ cpu: '1500m', memory: '1Gi' })));
  const hard = { 'requests.cpu': '2', 'requests.memory': '2Gi' };
  await scene.post(`${at}/resourcequotas`, quota('q', hard));
  await vi.waitFor(async () =>
    expect(await used(at, 'q')).toEqual({ 'requests.cpu': '1500m', 'requests.memory': '1Gi' }),
  );
  const more = pod('more', resources({ cpu: '1', memory: '2Gi' }));
  expect((await scene.post(`${at}/pods`, more)).json.message).toBe(
    'pods "more" is forbidden: exceeded quota: q, requested: requests.cpu=1,requests.memory=2Gi, used: requests.cpu=1500m,requests.memory=1Gi, limited: requests.cpu=2,requests.memory=2Gi',
  );
  await scene.patch(`${at}/resourcequotas/q`, {
    spec: { hard: { 'requests.cpu': '4', 'requests.memory': '4Gi' } },
  });
  expect((await scene.post(`${at}/pods`, more)).status).toBe(201);
  expect(await used(at, 'q')).toEqual({ 'requests.cpu': '2500m', 'requests.memory': '3Gi' });
});

test('a quota of cpu or memory makes containers say what they need', async () => {
  const at = await ownNamespace(scene, 'said');
  const hard = { 'limits.cpu': '4', 'requests.memory': '4Gi' };
  await scene.post(`${at}/resourcequotas`, quota('q', hard));
  expect((await scene.post(`${at}/pods`, pod('p'))).json.message).toBe(
    'pods "p" is forbidden: failed quota: q: must specify limits.cpu for: c; requests.memory for: c',
  );
});

test('a pod that has come to its end gives back what it used, but is still an object', async () => {
  const at = await ownNamespace(scene, 'ended');
  await scene.post(`${at}/resourcequotas`, quota('q', { pods: '1', 'count/pods': '5' }));
  await scene.post(`${at}/pods`, pod('a'));
  await scene.patch(`${at}/pods/a/status`, { status: { phase: 'Succeeded' } });
  expect(await used(at, 'q')).toEqual({ pods: '0', 'count/pods': '1' });
});

describe('kinds', () => {
  test.each([
    [
      'count/deployments.apps',
      'deployments.apps "x" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=0, limited: count/deployments.apps=0',
    ],
    [
      'count/configmaps',
      'configmaps "x" is forbidden: exceeded quota: q, requested: count/configmaps=1, used: count/configmaps=0, limited: count/configmaps=0',
    ],
    [
      'configmaps',
      'configmaps "x" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=0, limited: configmaps=0',
    ],
    [
      'services.nodeports',
      'services "x" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=0',
    ],
    [
      'services.loadbalancers',
      'services "x" is forbidden: exceeded quota: q, requested: services.loadbalancers=1, used: services.loadbalancers=0, limited: services.loadbalancers=0',
    ],
    [
      'requests.storage',
      'persistentvolumeclaims "x" is forbidden: exceeded quota: q, requested: requests.storage=1Gi, used: requests.storage=0, limited: requests.storage=0',
    ],
    [
      'gold.storageclass.storage.k8s.io/persistentvolumeclaims',
      'persistentvolumeclaims "x" is forbidden: exceeded quota: q, requested: gold.storageclass.storage.k8s.io/persistentvolumeclaims=1, used: gold.storageclass.storage.k8s.io/persistentvolumeclaims=0, limited: gold.storageclass.storage.k8s.io/persistentvolumeclaims=0',
    ],
  ])('%s', async (name, message) => {
    const namespace = `kind-${name
      .toLowerCase()
      .replace(/[^a-z]/g, '-')
      .slice(0, 40)}`;
    const at = await ownNamespace(scene, namespace);
    const made = await scene.post(`${at}/resourcequotas`, quota('q', { [name]: '0' }));
    expect(made.status, made.text).toBe(201);
    const metadata = { name: 'x' };
    const labels = { app: 'x' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } };
    const ports = [
      { port: 80, name: 'a' },
      { port: 81, name: 'b' },
    ];
    const objects: Record<string, [string, object]> = {
      deployments: [
        `/apis/apps/v1/namespaces/${namespace}/deployments`,
        {
          apiVersion: 'apps/v1',
          kind: 'Deployment',
          metadata,
          spec: { selector: { matchLabels: labels }, template },
        },
      ],
      configmaps: [`${at}/configmaps`, { apiVersion: 'v1', kind: 'ConfigMap', metadata }],
      nodeports: [
        `${at}/services`,
        { apiVersion: 'v1', kind: 'Service', metadata, spec: { type: 'NodePort', ports } },
      ],
      loadbalancers: [
        `${at}/services`,
        { apiVersion: 'v1', kind: 'Service', metadata, spec: { type: 'LoadBalancer', ports } },
      ],
      storage: [
        `${at}/persistentvolumeclaims`,
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata,
          spec: {
            accessModes: ['ReadWriteOnce'],
            storageClassName: 'gold',
            resources: { requests: { storage: '1Gi' } },
          },
        },
      ],
    };
    const [path, body] = Object.entries(objects).find(([key]) => name.includes(key))?.[1] ?? [
      '',
      {},
    ];
    const answer = await scene.post(path, body);
    expect(answer.json.message).toBe(message);
  });
});

describe('scopes', () => {
  test.each([
    {
      name: 'besteffort',
      rest: { scopes: ['BestEffort'] },
      meant: pod('p'),
      other: pod('p', resources({ cpu: '1' })),
    },
    {
      name: 'terminating',
      rest: { scopes: ['Terminating'] },
      meant: pod('p', {}, { activeDeadlineSeconds: 5 }),
      other: pod('p'),
    },
    {
      name: 'priority',
      rest: {
        scopeSelector: {
          matchExpressions: [
            { scopeName: 'PriorityClass', operator: 'In', values: ['system-node-critical'] },
          ],
        },
      },
      meant: pod('p', {}, { priorityClassName: 'system-node-critical' }),
      other: pod('p'),
    },
  ])('$name means some pods only', async ({ name, rest, meant, other }) => {
    const at = await ownNamespace(scene, `scope-${name}`);
    const made = await scene.post(`${at}/resourcequotas`, quota('q', { pods: '0' }, rest));
    expect(made.status, made.text).toBe(201);
    expect((await scene.post(`${at}/pods`, meant)).json.message).toContain('exceeded quota: q');
    const answer = await scene.post(`${at}/pods`, other);
    expect(answer.status, answer.text).toBe(201);
  });
});
