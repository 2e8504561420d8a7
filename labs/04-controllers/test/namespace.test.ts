// Namespaces: emptied and let go; and the account that every living one has.
import { resources } from '@kube-labs/apiserver';
import type { ConfigMap, Namespace } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { isOurs, type NamespacePlan, plan } from '../src/namespace.ts';
import type { Findings, Remaining } from '../src/namespace-conditions.ts';
import { plan as planAccount } from '../src/service-account.ts';
import { eventually, isGone, NOW_MS, startCluster, workload } from './support.ts';

const going: Namespace = {
  metadata: { name: 'lab', deletionTimestamp: '2015-11-09T00:00:00Z' },
  spec: { finalizers: ['kubernetes', 'mine.example'] },
  status: { phase: 'Terminating' },
};
const map = (metadata: ConfigMap['metadata'] = {}): ConfigMap => ({
  metadata: { name: 'm', ...metadata },
});
const left = (...objects: ConfigMap[]): Remaining[] => [{ type: resources.configMaps, objects }];

const found = (findings: Partial<Findings> = {}): Findings => ({
  remaining: [],
  contentErrors: [],
  ...findings,
});

describe('isOurs()', () => {
  test.each([
    ['a living one', { metadata: { name: 'lab' }, spec: { finalizers: ['kubernetes'] } }, false],
    ['one that only others hold', { ...going, spec: { finalizers: ['mine.example'] } }, false],
    ['one that we hold', going, true],
  ])('%s', (_name, namespace, want) => {
    expect(isOurs(namespace)).toBe(want);
  });
});

describe('plan()', () => {
  const ok = {
    NamespaceDeletionDiscoveryFailure: 'False ResourcesDiscovered',
    NamespaceDeletionGroupVersionParsingFailure: 'False ParsedGroupVersions',
    NamespaceDeletionContentFailure: 'False ContentDeleted',
    NamespaceContentRemaining: 'False ContentRemoved',
    NamespaceFinalizersRemaining: 'False ContentHasNoFinalizers',
  };
  const remaining = 'Some resources are remaining: configmaps. has 2 resource instances';
  const held = map({ name: 'held', finalizers: ['a/b'] });
  const discovery = { count: 1, message: 'unable to retrieve the complete list: x/v1: away' };
  test.each<{
    name: string;
    findings: Findings;
    next: NamespacePlan['next'];
    reasons?: Record<string, string>;
    messages?: Record<string, string>;
  }>([
    { name: 'nothing left', findings: found(), next: 'finalize' },
    {
      name: 'something left, and somebody holds on to it',
      findings: found({ remaining: left(map(), held) }),
      next: 'wait',
      reasons: {
        NamespaceContentRemaining: 'True SomeResourcesRemain',
        NamespaceFinalizersRemaining: 'True SomeFinalizersRemain',
      },
      messages: {
        NamespaceContentRemaining: remaining,
        NamespaceFinalizersRemaining:
          'Some content in the namespace has finalizers remaining: a/b in 1 resource instances',
      },
    },
    {
      name: 'a group nobody can be asked of',
      findings: found({ discovery }),
      next: 'fail',
      reasons: { NamespaceDeletionDiscoveryFailure: 'True DiscoveryFailed' },
      messages: {
        NamespaceDeletionDiscoveryFailure: `Discovery failed for some groups, 1 failing: ${discovery.message}`,
      },
    },
    {
      name: 'something refused',
      findings: found({ contentErrors: ['b is forbidden', 'a is broken'] }),
      next: 'fail',
      reasons: { NamespaceDeletionContentFailure: 'True ContentDeletionFailed' },
      messages: {
        NamespaceDeletionContentFailure:
          'Failed to delete all resource types, 2 remaining: a is broken, b is forbidden',
      },
    },
  ])('$name', ({ findings, next, reasons = {}, messages = {} }) => {
    const { conditions, next: got } = plan(going, findings, NOW_MS);
    expect(got).toBe(next);
    const said = conditions.map(({ type, status, reason }) => [type, `${status} ${reason}`]);
    expect(Object.fromEntries(said)).toEqual({ ...ok, ...reasons });
    for (const [type, message] of Object.entries(messages)) {
      expect(conditions.find((condition) => condition.type === type)?.message).toBe(message);
    }
  });

  test('a condition keeps its instant while its status stays, and those of others stay as they are', () => {
    const other = { type: 'Mine', status: 'True', lastTransitionTime: '2015-01-01T00:00:00Z' };
    const first = plan({ ...going, status: { conditions: [other] } }, found(), NOW_MS).conditions;
    const later = { ...going, status: { conditions: [...first] } };
    const second = plan(later, found({ contentErrors: ['no'] }), NOW_MS + 60_000).conditions;
    const times = second.map(({ type, lastTransitionTime }) => `${type} ${lastTransitionTime}`);
    expect(times).toEqual([
      'Mine 2015-01-01T00:00:00Z',
      'NamespaceDeletionDiscoveryFailure 2015-11-09T00:00:00Z',
      'NamespaceDeletionGroupVersionParsingFailure 2015-11-09T00:00:00Z',
      'NamespaceDeletionContentFailure 2015-11-09T00:01:00Z',
      'NamespaceContentRemaining 2015-11-09T00:00:00Z',
      'NamespaceFinalizersRemaining 2015-11-09T00:00:00Z',
    ]);
  });

  test.each([
    [{ metadata: { name: 'lab' } }, undefined, 'create'],
    [{ metadata: { name: 'lab' } }, {}, 'none'],
    [going, undefined, 'none'],
  ] as const)('the account `default`: %#', (namespace, account, want) => {
    expect(planAccount(namespace as Namespace, account)).toBe(want);
  });
});

test('on the real API server a namespace has its account, is emptied, waits for finalizers, and goes', async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  const namespace = 'lab';
  const account = { name: 'default', namespace };
  cluster.playKubelet();
  cluster.start();
  await client.create(resources.namespaces, { metadata: { name: namespace } });
  await eventually(() => isGone(client.get(resources.serviceAccounts, account)), false);
  await client.delete(resources.serviceAccounts, account);
  await eventually(() => isGone(client.get(resources.serviceAccounts, account)), false);
  const { template } = workload();
  await client.create(resources.replicationControllers, {
    metadata: { name: 'web', namespace },
    spec: { replicas: 3, selector: { app: 'web' }, template },
  });
  await client.create(resources.services, {
    metadata: { name: 'web', namespace },
    spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
  });
  await client.create(resources.configMaps, {
    metadata: { name: 'held', namespace, finalizers: ['lab.example/hold'] },
  });
  const pods = async () => (await client.list(resources.pods, { namespace })).items.length;
  await eventually(pods, 3);
  await client.delete(resources.namespaces, { name: namespace });
  await eventually(pods, 0);
  const condition = async () => {
    const { status } = await client.get(resources.namespaces, { name: namespace });
    return status?.conditions?.find(({ type }) => type === 'NamespaceFinalizersRemaining')?.message;
  };
  await eventually(
    condition,
    'Some content in the namespace has finalizers remaining: lab.example/hold in 1 resource instances',
  );
  const drop = { metadata: { finalizers: null } };
  await client.patch(resources.configMaps, { name: 'held', namespace }, drop, { type: 'merge' });
  await eventually(() => isGone(client.get(resources.namespaces, { name: namespace })), true);
});
