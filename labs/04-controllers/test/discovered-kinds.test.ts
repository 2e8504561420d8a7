// Kinds that nobody listed: the namespace controller and the garbage collector learn of them from discovery, as they come and go.
import {
  type Client,
  type KubernetesObject,
  type ResourceType,
  resources,
  type ServerResource,
  serverPreferredResources,
} from '@kube-labs/apiserver';
import type { Job } from 'kubernetes-types/batch/v1';
import type { Event } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { collectable } from '../src/garbage-discovery.ts';
import { groupKindOf, groupKindOfObject } from '../src/garbage-members.ts';
import { coordinates, OwnerLookup } from '../src/garbage-owners.ts';
import { deletable } from '../src/namespace-contents.ts';
import { sampleOf } from './every-kind.ts';
import { eventually, isGone, namesOf, referenceTo, startCluster } from './support.ts';

const GROUP = 'lab.example.com';
const GARBAGE = { controllers: ['garbage-collector-controller'] };
const NAMESPACES = { controllers: ['namespace-controller'] };

interface Free extends KubernetesObject {
  spec?: object;
}

const of = (group: string, kind: string, resource: string, namespaced: boolean) => {
  const type: ResourceType<Free> = { group, version: 'v1', resource, kind, namespaced };
  return type;
};
const definitions = of(
  'apiextensions.k8s.io',
  'CustomResourceDefinition',
  'customresourcedefinitions',
  false,
);
const apiServices = of('apiregistration.k8s.io', 'APIService', 'apiservices', false);
/** The same kind and name as a built-in one, in a group of its own. */
const customJobs = of(GROUP, 'Job', 'jobs', true);
const jobs = of('batch', 'Job', 'jobs', true) as ResourceType<Job>;
const at = (name: string, namespace = 'default') => ({ name, namespace });

async function define(client: Client, { kind, resource }: ResourceType<Free>): Promise<void> {
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema } };
  const spec = {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: resource, kind },
    versions: [version],
  };
  await client.create(definitions, { metadata: { name: `${resource}.${GROUP}` }, spec });
  const isServed = async () => {
    const found = await serverPreferredResources(client);
    return found.resources.some(
      (type) => type.group === GROUP && type.resource === resource && type.kind === kind,
    );
  };
  await eventually(isServed, true);
}

/** A ConfigMap that `owner` owns. */
function child(client: Client, owner: KubernetesObject, name: string) {
  const metadata = { ...at(name), ownerReferences: [referenceTo(owner)] };
  return client.create(resources.configMaps, { metadata });
}

function isGoneMap(client: Client, name: string): () => Promise<boolean> {
  return () => isGone(client.get(resources.configMaps, at(name)));
}

async function register(client: Client): Promise<void> {
  const spec = {
    group: 'away.example.com',
    version: 'v1',
    service: at('nobody'),
    groupPriorityMinimum: 100,
    versionPriority: 100,
    insecureSkipTLSVerify: true,
  };
  await client.create(apiServices, { metadata: { name: 'v1.away.example.com' }, spec });
  const failures = async () => [...(await serverPreferredResources(client)).failures.keys()];
  await eventually(failures, ['away.example.com/v1']);
}

describe('what discovery offers', () => {
  const type = (
    kind: string,
    group: string,
    namespaced: boolean,
    verbs: string,
  ): ServerResource => {
    const resource = `${kind.toLowerCase()}s`;
    return { group, version: 'v1', resource, kind, namespaced, verbs: verbs.split(' ') };
  };
  test.each([
    { type: type('Pod', '', true, 'list watch delete'), collect: true, empty: true },
    { type: type('Node', '', false, 'list watch delete'), collect: true, empty: false },
    { type: type('Event', '', true, 'list watch delete'), collect: false, empty: true },
    {
      type: type('Event', 'events.k8s.io', true, 'list watch delete'),
      collect: false,
      empty: true,
    },
    { type: type('Event', GROUP, true, 'list watch delete'), collect: true, empty: true },
    { type: type('Binding', '', true, 'create'), collect: false, empty: false },
    {
      type: type('PodMetrics', 'metrics.k8s.io', true, 'get list'),
      collect: false,
      empty: false,
    },
    { type: type('Odd', GROUP, true, 'list delete'), collect: false, empty: true },
  ])('$type.kind of "$type.group": $type.verbs', ({ type: offered, collect, empty }) => {
    const found = { resources: [offered], failures: new Map<string, string>() };
    expect([collectable(found).length, deletable(found).length].map(Boolean)).toEqual([
      collect,
      empty,
    ]);
  });

  test('a kind is its group and its name', () => {
    expect(groupKindOf(customJobs)).toBe('Job.lab.example.com');
    expect(groupKindOfObject({ apiVersion: 'batch/v1', kind: 'Job' })).toBe('Job.batch');
    expect(groupKindOfObject({ apiVersion: 'v1', kind: 'Pod' })).toBe('Pod');
  });
});

describe('OwnerLookup', () => {
  const owner = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...at('owner'), uid: 'u-1' } };
  const signal = new AbortController().signal;
  const dependent = (reference: object, namespace = 'default'): KubernetesObject => ({
    metadata: {
      name: 'x',
      namespace,
      ownerReferences: [{ ...referenceTo(owner), ...reference }],
    },
  });

  test('one wrong reference to a living owner costs its other dependents nothing', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    const live = await client.create(resources.configMaps, { metadata: at('owner') });
    const uid = live.metadata?.uid ?? '';
    const types = { 'v1/ConfigMap': resources.configMaps, 'v1/Secret': resources.secrets };
    const typeOf = (apiVersion: string, kind: string) =>
      Object.entries(types).find(([name]) => name === `${apiVersion}/${kind}`)?.[1];
    const lookup = new OwnerLookup({ client, typeOf, cached: () => undefined });
    const states = async (reference: object, namespace?: string) =>
      (await lookup.statesOf(dependent({ uid, ...reference }, namespace), signal)).map(
        ({ state, fault }) => `${state}${fault === undefined ? '' : ` ${fault}`}`,
      );
    expect(await states({ kind: 'Secret' })).toEqual(['absent']);
    expect(await states({ name: 'other' })).toEqual(['absent']);
    expect(await states({}, 'kube-system')).toEqual(['absent']);
    expect(await states({}, '')).toEqual(['solid']);
    expect(await states({ apiVersion: 'x/v1' })).toEqual(['solid UnknownKind']);
    expect(await states({})).toEqual(['solid']);
    // Judged again later: if it goes before a cache shows it, nobody hears of that.
    expect(await lookup.statesOf(dependent({ uid }), signal)).toMatchObject([{ unseen: true }]);
  });

  test('an owner that was seen to go is absent, even when its kind has gone too', async () => {
    await using cluster = await startCluster();
    const unknown = { client: cluster.client, typeOf: () => undefined, cached: () => undefined };
    const lookup = new OwnerLookup(unknown);
    expect(await lookup.statesOf(dependent({}), signal)).toMatchObject([{ state: 'solid' }]);
    lookup.sawDeletion(owner);
    expect(await lookup.statesOf(dependent({}), signal)).toEqual([{ uid: 'u-1', state: 'absent' }]);
    expect(await lookup.statesOf(dependent({}, 'other'), signal)).toMatchObject([
      { state: 'solid' },
    ]);
  });
});

describe('the namespace controller', () => {
  test('empties a namespace of every kind there is, and of custom resources', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    await define(client, customJobs);
    const namespace = 'full';
    await client.create(resources.namespaces, { metadata: { name: namespace } });
    const types = deletable(await serverPreferredResources(client));
    for (const type of types) {
      const isCustom = type.group === GROUP;
      const sample = isCustom ? { metadata: at('one', namespace) } : sampleOf(type, namespace);
      await client.create(type, sample);
    }
    const left = async () => {
      const lists = await Promise.all(types.map((type) => client.list(type, { namespace })));
      return lists.flatMap(({ items }) => items.map(({ kind }) => kind ?? ''));
    };
    expect(new Set(await left()).size).toBeGreaterThanOrEqual(27);
    cluster.start(NAMESPACES);
    await client.delete(resources.namespaces, { name: namespace });
    await eventually(() => isGone(client.get(resources.namespaces, { name: namespace })), true);
    expect(await left()).toEqual([]);
  });

  test('keeps everything else until the pods are gone', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    const namespace = 'ordered';
    await client.create(resources.namespaces, { metadata: { name: namespace } });
    const spec = { nodeName: 'n', containers: [{ name: 'main', image: 'demo' }] };
    await client.create(resources.pods, { metadata: at('slow', namespace), spec });
    await client.create(resources.configMaps, { metadata: at('guard', namespace) });
    cluster.start(NAMESPACES);
    await client.delete(resources.namespaces, { name: namespace });
    const remaining = async () => {
      const { status } = await client.get(resources.namespaces, { name: namespace });
      return status?.conditions?.find(({ type }) => type === 'NamespaceContentRemaining')?.message;
    };
    await eventually(remaining, 'Some resources are remaining: pods. has 1 resource instances');
    const guard = await client.get(resources.configMaps, at('guard', namespace));
    expect(guard.metadata?.deletionTimestamp).toBeUndefined();
    await client.delete(resources.pods, at('slow', namespace), { gracePeriodSeconds: 0 });
    await eventually(() => isGone(client.get(resources.namespaces, { name: namespace })), true);
  });

  test('waits while a group cannot be asked, says so, and has emptied all others', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    await register(client);
    const namespace = 'stuck';
    await client.create(resources.namespaces, { metadata: { name: namespace } });
    await client.create(resources.configMaps, { metadata: at('one', namespace) });
    cluster.start(NAMESPACES);
    await client.delete(resources.namespaces, { name: namespace });
    const said = async () => {
      const { status } = await client.get(resources.namespaces, { name: namespace });
      return (status?.conditions ?? [])
        .filter(({ status: is }) => is === 'True')
        .map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
    };
    await eventually(said, [
      'NamespaceDeletionDiscoveryFailure DiscoveryFailed: Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: away.example.com/v1: stale GroupVersion discovery: away.example.com/v1',
    ]);
    expect((await client.list(resources.configMaps, { namespace })).items).toEqual([]);
    await client.delete(apiServices, { name: 'v1.away.example.com' });
    await eventually(() => isGone(client.get(resources.namespaces, { name: namespace })), true);
  });
});

describe('the garbage collector', () => {
  test('follows a definition: its objects own things as soon as it is there, and take them along when it goes', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    cluster.start(GARBAGE);
    await define(client, customJobs);
    const [first, second, third] = await Promise.all(
      ['first', 'second', 'third'].map((name) => client.create(customJobs, { metadata: at(name) })),
    );
    if (first === undefined || second === undefined || third === undefined) throw new Error('none');
    await child(client, first, 'of-first');
    await child(client, second, 'of-second');
    await child(client, third, 'of-third');
    await client.delete(customJobs, at('first'));
    await eventually(isGoneMap(client, 'of-first'), true);
    await client.delete(customJobs, at('second'), { propagationPolicy: 'Foreground' });
    await eventually(() => isGone(client.get(customJobs, at('second'))), true);
    await eventually(isGoneMap(client, 'of-second'), true);
    expect(await isGoneMap(client, 'of-third')()).toBe(false);
    await client.delete(definitions, { name: `${customJobs.resource}.${GROUP}` });
    await eventually(isGoneMap(client, 'of-third'), true);
  });

  test('collects custom resources too, and does not take one kind for its namesake', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    await define(client, customJobs);
    cluster.start(GARBAGE);
    const owner = await client.create(resources.configMaps, { metadata: at('owner') });
    const owned = { ...at('same'), ownerReferences: [referenceTo(owner)] };
    await client.create(customJobs, { metadata: owned });
    const sample = sampleOf({ ...jobs, verbs: [] }, 'default') as Job;
    await client.create(jobs, { ...sample, metadata: at('same') });
    await client.delete(resources.configMaps, at('owner'));
    await eventually(() => isGone(client.get(customJobs, at('same'))), true);
    expect(await isGone(client.get(jobs, at('same')))).toBe(false);
  });

  test.each([
    { propagationPolicy: undefined, want: 'stay' },
    { propagationPolicy: 'Orphan', want: 'stay' },
    { propagationPolicy: 'Background', want: 'go' },
    { propagationPolicy: 'Foreground', want: 'go' },
  ] as const)('a job deleted with policy $propagationPolicy: its pods $want', async (row) => {
    await using cluster = await startCluster();
    const { client } = cluster;
    const job = await client.create(jobs, sampleOf({ ...jobs, verbs: [] }, 'default') as Job);
    const spec = { containers: [{ name: 'main', image: 'demo' }] };
    const metadata = { ...at('pod'), ownerReferences: [referenceTo(job)] };
    await client.create(resources.pods, { metadata, spec });
    cluster.start(GARBAGE); // Now, as it may only orphan what it has heard of.
    const { propagationPolicy } = row;
    await client.delete(jobs, at('one'), propagationPolicy ? { propagationPolicy } : {});
    await eventually(() => isGone(client.get(jobs, at('one'))), true);
    if (row.want === 'go') {
      await eventually(() => isGone(client.get(resources.pods, at('pod'))), true);
    } else {
      const pod = await client.get(resources.pods, at('pod'));
      expect(pod.metadata).not.toHaveProperty('ownerReferences');
      expect(pod.metadata).not.toHaveProperty('deletionTimestamp');
    }
  });

  test('orphans custom resources, which take no strategic patch', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    await define(client, customJobs);
    const owner = await client.create(resources.configMaps, { metadata: at('owner') });
    const owned = { ...at('kept'), ownerReferences: [referenceTo(owner)] };
    await client.create(customJobs, { metadata: owned });
    cluster.start(GARBAGE);
    await client.delete(resources.configMaps, at('owner'), { propagationPolicy: 'Orphan' });
    await eventually(() => isGone(client.get(resources.configMaps, at('owner'))), true);
    expect((await client.get(customJobs, at('kept'))).metadata).not.toHaveProperty(
      'ownerReferences',
    );
  });

  test('an owner of a kind that is not served yet is judged when it is', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    cluster.start(GARBAGE);
    const early = {
      apiVersion: `${GROUP}/v1`,
      kind: 'Job',
      metadata: { ...at('x'), uid: 'never' },
    };
    await child(client, early, 'early');
    const other = await client.create(resources.configMaps, { metadata: at('other') });
    await child(client, other, 'sign');
    await client.delete(resources.configMaps, at('other'));
    await eventually(isGoneMap(client, 'sign'), true);
    expect(await isGoneMap(client, 'early')()).toBe(false);
    await define(client, customJobs);
    await eventually(isGoneMap(client, 'early'), true);
  });

  test('an owner in another namespace is none: an event says so, and the object goes', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    const elsewhere = { name: 'owner', namespace: 'kube-system' };
    const owner = await client.create(resources.configMaps, { metadata: elsewhere });
    const role = { name: 'wide', ownerReferences: [referenceTo(owner)] };
    await client.create(of('rbac.authorization.k8s.io', 'ClusterRole', 'clusterroles', false), {
      metadata: role,
    });
    await child(client, owner, 'abroad');
    cluster.start(GARBAGE);
    await eventually(isGoneMap(client, 'abroad'), true);
    const said = async () => {
      const { items } = await client.list(resources.events, { namespace: 'default' });
      return items
        .filter(({ reason }: Event) => reason === 'OwnerRefInvalidNamespace')
        .map(({ involvedObject, type, message }) => `${involvedObject.name} ${type} ${message}`)
        .sort();
    };
    const named = (namespace: string) =>
      `Warning ownerRef ${coordinates(referenceTo(owner), namespace)} does not exist in namespace "${namespace}"`;
    await eventually(said, [`abroad ${named('default')}`, `wide ${named('')}`]);
    const roles = of('rbac.authorization.k8s.io', 'ClusterRole', 'clusterroles', false);
    expect(await isGone(client.get(roles, { name: 'wide' }))).toBe(false);
  });

  test('works on while the server of some group is away', async () => {
    await using cluster = await startCluster();
    const { client } = cluster;
    await register(client);
    cluster.start(GARBAGE);
    const owner = await client.create(resources.configMaps, { metadata: at('owner') });
    await child(client, owner, 'owned');
    const away = {
      apiVersion: 'away.example.com/v1',
      kind: 'Far',
      metadata: { name: 'x', uid: 'f' },
    };
    await child(client, away, 'far');
    await client.delete(resources.configMaps, at('owner'));
    await eventually(isGoneMap(client, 'owned'), true);
    const { items } = await client.list(resources.configMaps, { namespace: 'default' });
    expect(namesOf(items)).toContain('far');
  });
});
