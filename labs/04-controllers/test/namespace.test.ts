// Namespaces: emptied and let go; and the account that every living one has.
import { resources } from '@kube-labs/apiserver';
import type { ConfigMap, Namespace } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { plan, type Remaining } from '../src/namespace.ts';
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

describe('plan()', () => {
  test('leaves a living namespace alone', () => {
    expect(plan({ metadata: { name: 'lab' } }, left(map()), NOW_MS)).toEqual({ kind: 'none' });
  });

  test('takes off its own finalizer when nothing is left, and once only', () => {
    const next = plan(going, left(), NOW_MS);
    expect(next).toMatchObject({
      kind: 'finalize',
      namespace: { spec: { finalizers: ['mine.example'] } },
    });
    expect(next.kind === 'finalize' && plan(next.namespace, left(), NOW_MS)).toEqual({
      kind: 'none',
    });
  });

  test('deletes what is not deleted yet, and says what it waits for', () => {
    const held = map({
      name: 'held',
      finalizers: ['a/b'],
      deletionTimestamp: '2015-11-09T00:00:00Z',
    });
    const next = plan(going, left(map(), held), NOW_MS);
    expect(next).toMatchObject({
      kind: 'empty',
      delete: [{ objects: [{ metadata: { name: 'm' } }] }],
      conditions: [
        {
          type: 'NamespaceContentRemaining',
          status: 'True',
          message: 'Some resources are remaining: configmaps. has 2 resource instances',
        },
        {
          type: 'NamespaceFinalizersRemaining',
          status: 'True',
          message:
            'Some content in the namespace has finalizers remaining: a/b in 1 resource instances',
        },
      ],
    });
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
