// How much of a quota an object takes, in tables; sums and how they are written; and counting again what nobody saw.
import type { PodSpec, ResourceQuota } from 'kubernetes-types/core/v1';
import { describe, expect, test, vi } from 'vitest';
import { combine, formatSum, plus, sumOf, sumsOf } from '#src/admission/amounts.ts';
import { podResources } from '#src/admission/pod-resources.ts';
import { chargeQuota, countUsed } from '#src/admission/quota/charge.ts';
import { matchesScopes } from '#src/admission/quota/scopes.ts';
import { kindOfName, usageOf } from '#src/admission/quota/usage.ts';
import { RESOURCES } from '#src/registry/resources.ts';
import { startTestApiServer } from '#src/server/test-api-server.ts';
import { ownNamespace, pod, quota, resources, sceneOf } from './scene.ts';

function definitionOf(group: string, resource: string) {
  const found = RESOURCES.find((one) => one.group === group && one.resource === resource);
  if (found === undefined) throw new Error(`no ${resource}`);
  return found;
}
const shown = (sums: ReturnType<typeof sumsOf>) =>
  Object.fromEntries([...sums].map(([name, sum]) => [name, formatSum(sum)]));

test.each([
  [['100m', '1'], '1100m'],
  [['512Mi', '512Mi'], '1Gi'],
  [['1Gi', '1'], '1073741825'],
  [['1k', '1'], '1001'],
  [['0', '2Mi'], '2Mi'],
  [['500M', '500M'], '1G'],
])('%j add up to %s', (texts, want) => {
  expect(formatSum(texts.map(sumOf).reduce(plus))).toBe(want);
});

describe('podResources()', () => {
  const asks = (cpu: string, rest: object = {}) => ({
    name: 'x',
    ...resources({ cpu }, { cpu }),
    ...rest,
  });
  test.each<{ name: string; spec: object; want: string }>([
    { name: 'containers together', spec: { containers: [asks('1'), asks('2')] }, want: '3' },
    {
      name: 'or the largest that only starts',
      spec: { containers: [asks('1')], initContainers: [asks('2'), asks('5')] },
      want: '5',
    },
    {
      name: 'with those that stay',
      spec: {
        containers: [asks('1')],
        initContainers: [asks('2', { restartPolicy: 'Always' }), asks('500m')],
      },
      want: '3',
    },
    {
      name: 'beside a large start',
      spec: {
        containers: [asks('1')],
        initContainers: [asks('2', { restartPolicy: 'Always' }), asks('4')],
      },
      want: '6',
    },
    {
      name: 'and the overhead',
      spec: { containers: [asks('1')], overhead: { cpu: '250m' } },
      want: '1250m',
    },
  ])('$name', ({ spec, want }) => {
    for (const which of ['requests', 'limits'] as const) {
      expect(shown(podResources(spec as PodSpec, which))).toEqual({ cpu: want });
    }
  });

  test('an overhead alone is no limit', () => {
    const spec = { containers: [{ name: 'x' }], overhead: { cpu: '1' } } as unknown as PodSpec;
    expect(shown(podResources(spec, 'limits'))).toEqual({});
    expect(shown(podResources(spec, 'requests'))).toEqual({ cpu: '1' });
  });
});

describe('usageOf()', () => {
  test.each<{ name: string; resource: string; object: object; want: object }>([
    {
      name: 'a pod',
      resource: 'pods',
      object: pod(
        'p',
        resources({ cpu: '1', 'example.com/gpu': '2', 'hugepages-2Mi': '4Mi' }, { memory: '1Gi' }),
      ),
      want: {
        'count/pods': '1',
        pods: '1',
        cpu: '1',
        'requests.cpu': '1',
        'requests.example.com/gpu': '2',
        'hugepages-2Mi': '4Mi',
        'requests.hugepages-2Mi': '4Mi',
        'limits.memory': '1Gi',
      },
    },
    {
      name: 'a pod at its end',
      resource: 'pods',
      object: { ...pod('p'), status: { phase: 'Failed' } },
      want: { 'count/pods': '1' },
    },
    {
      name: 'a service with node ports',
      resource: 'services',
      object: { spec: { type: 'NodePort', ports: [{}, {}] } },
      want: { 'count/services': '1', services: '1', 'services.nodeports': '2' },
    },
    {
      name: 'a balanced service without node ports of its own',
      resource: 'services',
      object: {
        spec: {
          type: 'LoadBalancer',
          allocateLoadBalancerNodePorts: false,
          ports: [{ nodePort: 30000 }, {}],
        },
      },
      want: {
        'count/services': '1',
        services: '1',
        'services.loadbalancers': '1',
        'services.nodeports': '1',
      },
    },
    {
      name: 'a claim',
      resource: 'persistentvolumeclaims',
      object: { spec: { storageClassName: 'gold', resources: { requests: { storage: '1Gi' } } } },
      want: {
        'count/persistentvolumeclaims': '1',
        persistentvolumeclaims: '1',
        'requests.storage': '1Gi',
        'gold.storageclass.storage.k8s.io/persistentvolumeclaims': '1',
        'gold.storageclass.storage.k8s.io/requests.storage': '1Gi',
      },
    },
    {
      name: 'a secret',
      resource: 'secrets',
      object: {},
      want: { 'count/secrets': '1', secrets: '1' },
    },
    {
      name: 'a limit range',
      resource: 'limitranges',
      object: {},
      want: { 'count/limitranges': '1' },
    },
  ])('$name', ({ resource, object, want }) => {
    expect(shown(usageOf({ group: '', resource }, object as never))).toEqual(want);
  });

  test('objects of groups are counted by their full name', () => {
    expect(shown(usageOf({ group: 'apps', resource: 'deployments' }, {} as never))).toEqual({
      'count/deployments.apps': '1',
    });
  });
});

test.each([
  ['count/jobs.batch', { group: 'batch', resource: 'jobs' }],
  ['count/widgets.example.com', { group: 'example.com', resource: 'widgets' }],
  ['count/pods', { group: '', resource: 'pods' }],
  ['services.nodeports', { group: '', resource: 'services' }],
  ['requests.storage', { group: '', resource: 'persistentvolumeclaims' }],
  [
    'a.storageclass.storage.k8s.io/requests.storage',
    { group: '', resource: 'persistentvolumeclaims' },
  ],
  ['requests.example.com/gpu', { group: '', resource: 'pods' }],
  ['secrets', { group: '', resource: 'secrets' }],
])('kindOfName(%s)', (name, kind) => {
  expect(kindOfName(name)).toEqual(kind);
});

describe('matchesScopes()', () => {
  const term = { topologyKey: 'k', namespaces: ['other'] };
  const far = {
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } },
  };
  test.each<[object, object, boolean]>([
    [{ scopes: ['NotBestEffort'] }, pod('p', resources({ cpu: '1' })), true],
    [{ scopes: ['NotBestEffort'] }, pod('p'), false],
    [{ scopes: ['NotTerminating', 'BestEffort'] }, pod('p'), true],
    [
      { scopes: ['NotTerminating', 'BestEffort'] },
      pod('p', {}, { activeDeadlineSeconds: 1 }),
      false,
    ],
    [{ scopes: ['CrossNamespacePodAffinity'] }, pod('p', {}, far), true],
    [{ scopes: ['CrossNamespacePodAffinity'] }, pod('p'), false],
    [{ scopes: ['PriorityClass'] }, pod('p', {}, { priorityClassName: 'a' }), true],
    [{ scopes: ['PriorityClass'] }, pod('p'), false],
    [
      { scopes: ['BestEffort'] },
      { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's' } },
      false,
    ],
  ])('%j and a pod', (spec, object, want) => {
    expect(matchesScopes({ spec } as ResourceQuota, object as never)).toBe(want);
  });

  test.each<[string, string[], string | undefined, boolean]>([
    ['In', ['a', 'b'], 'b', true],
    ['In', ['a'], undefined, false],
    ['NotIn', ['a'], undefined, true],
    ['NotIn', ['a'], 'a', false],
    ['Exists', [], 'a', true],
    ['DoesNotExist', [], 'a', false],
    ['DoesNotExist', [], undefined, true],
  ])('PriorityClass %s %j and %s', (operator, values, priorityClassName, want) => {
    const matchExpressions = [{ scopeName: 'PriorityClass', operator, values }];
    const spec = { scopeSelector: { matchExpressions } };
    const object = pod('p', {}, { priorityClassName });
    expect(matchesScopes({ spec } as ResourceQuota, object as never)).toBe(want);
  });
});

describe('chargeQuota()', () => {
  const limit = quota('q', { 'requests.storage': '5Gi' }) as ResourceQuota;
  const definition = definitionOf('', 'persistentvolumeclaims');
  const claim = (storage: string) =>
    ({
      kind: 'PersistentVolumeClaim',
      metadata: {},
      spec: { resources: { requests: { storage } } },
    }) as never;

  test.each<[string | undefined, string | undefined, string, object]>([
    [undefined, '2Gi', '3Gi', { kind: 'used', used: { 'requests.storage': '5Gi' } }],
    ['2Gi', '4Gi', '3Gi', { kind: 'used', used: { 'requests.storage': '5Gi' } }],
    ['2Gi', '5Gi', '3Gi', { kind: 'refused' }],
    ['5Gi', '4Gi', '9Gi', { kind: 'used', used: { 'requests.storage': '8Gi' } }],
    ['2Gi', undefined, '1Gi', { kind: 'used', used: { 'requests.storage': '0' } }],
    ['2Gi', '2Gi', '9Gi', { kind: 'none' }],
  ])('from %s to %s with %s used', (before, after, used, want) => {
    const write = {
      definition,
      next: after === undefined ? undefined : claim(after),
      current: before === undefined ? undefined : claim(before),
    };
    expect(chargeQuota(limit, write, { 'requests.storage': used })).toMatchObject(want);
  });

  test('a pod that grows by itself is charged, not refused', () => {
    const pods = quota('q', { pods: '0' }) as ResourceQuota;
    const write = {
      definition: definitionOf('', 'pods'),
      next: pod('p') as never,
      current: { ...pod('p'), status: { phase: 'Failed' } } as never,
    };
    expect(chargeQuota(pods, write, { pods: '0' })).toEqual({ kind: 'used', used: { pods: '1' } });
  });

  test('countUsed() counts what is meant, and what is not there as nothing', () => {
    const limited = quota('q', { pods: '9', 'requests.cpu': '9', secrets: '9' }) as ResourceQuota;
    const definition = definitionOf('', 'pods');
    const objects = ['1', '500m'].map((cpu) => ({
      definition,
      object: pod('p', resources({ cpu })) as never,
    }));
    expect(countUsed(limited, objects)).toEqual({
      pods: '2',
      'requests.cpu': '1500m',
      secrets: '0',
    });
  });
});

test('combine() keeps what only one list has', () => {
  const lists = [sumsOf({ cpu: '1' }), sumsOf({ memory: '1Mi' })];
  expect(shown(combine(lists, plus))).toEqual({ cpu: '1', memory: '1Mi' });
});

test('what went away behind the server’s back is found when it starts', async () => {
  await using server = await startTestApiServer();
  const scene = sceneOf(server);
  const at = await ownNamespace(scene, 'behind');
  await scene.post(`${at}/resourcequotas`, quota('q', { pods: '5' }));
  for (const name of ['a', 'b']) await scene.post(`${at}/pods`, pod(name));
  await server.store.deleteRange({ key: '/registry/pods/behind/a' });
  const used = async () => (await scene.get(`${at}/resourcequotas/q`)).json.status.used;
  expect(await used()).toEqual({ pods: '2' });
  await server.restart();
  await vi.waitFor(async () => expect(await used()).toEqual({ pods: '1' }));
});
