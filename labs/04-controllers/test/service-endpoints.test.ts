// Endpoints and endpoint slices: what is behind a service, as tables, then on the real API server.
import { resources } from '@kube-labs/apiserver';
import type { Pod, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { describe, expect, test } from 'vitest';
import { ENDPOINTS_PER_SLICE_MAX, plan as planSlices } from '../src/endpoint-slice.ts';
import { plan as planEndpoints } from '../src/endpoints.ts';
import { backendsOf } from '../src/service-backends.ts';
import { eventually, isGone, pod, service, startCluster, workload } from './support.ts';

const labels = { app: 'web' };
const backend = (ip: string, rest: Parameters<typeof pod>[0] = {}) =>
  pod({ ip, labels, ready: true, node: 'node-1', ...rest });
const portNamed = (name: string, containerPort: number) => ({
  containers: [{ name: 'main', image: 'demo', ports: [{ name, containerPort }] }],
});

describe('backendsOf()', () => {
  test.each<{ name: string; service?: Service['spec']; pod: Pod; want: object[] }>([
    {
      name: 'a ready Pod',
      pod: backend('10.0.0.1'),
      want: [{ ready: true, serving: true, terminating: false }],
    },
    {
      name: 'one that is not ready',
      pod: backend('10.0.0.1', { ready: false }),
      want: [{ ready: false, serving: false }],
    },
    {
      name: 'one that is stopping',
      pod: backend('10.0.0.1', { deleting: true }),
      want: [{ ready: false, serving: true, terminating: true }],
    },
    {
      name: 'one that is published anyway',
      service: { publishNotReadyAddresses: true },
      pod: backend('10.0.0.1', { ready: false }),
      want: [{ ready: true, serving: false }],
    },
    { name: 'not one without an address', pod: pod({ labels, ready: true }), want: [] },
    { name: 'not one that ended', pod: backend('10.0.0.1', { phase: 'Succeeded' }), want: [] },
    {
      name: 'not one with other labels',
      pod: backend('10.0.0.1', { labels: { app: 'db' } }),
      want: [],
    },
    {
      name: 'a port by number',
      service: { ports: [{ port: 80, targetPort: 8080 }] },
      pod: backend('10.0.0.1'),
      want: [{ ports: [{ name: '', port: 8080, protocol: 'TCP' }] }],
    },
    {
      name: 'a port by name',
      service: { ports: [{ name: 'http', port: 80, targetPort: 'web' }] },
      pod: backend('10.0.0.1', { spec: portNamed('web', 9090) }),
      want: [{ ports: [{ name: 'http', port: 9090, protocol: 'TCP' }] }],
    },
    {
      name: 'a name that the Pod does not know',
      service: { ports: [{ port: 80, targetPort: 'nope' }] },
      pod: backend('10.0.0.1'),
      want: [{ ports: [] }],
    },
    {
      name: 'a hostname of its own subdomain',
      pod: backend('10.0.0.1', { spec: { hostname: 'db-0', subdomain: 'web' } }),
      want: [{ hostname: 'db-0' }],
    },
    {
      name: 'not that of another',
      pod: backend('10.0.0.1', { spec: { hostname: 'db-0', subdomain: 'other' } }),
      want: [{ address: '10.0.0.1' }],
    },
  ])('$name', ({ service: spec, pod: subject, want }) => {
    expect(backendsOf(service(spec), [subject])).toMatchObject(want);
  });
});

describe('endpoints plan()', () => {
  const ready = backend('10.0.0.1', { name: 'a' });
  const waiting = backend('10.0.0.2', { name: 'b', ready: false });

  test('ready and waiting Pods share a subset; a stopping one is left out', () => {
    const next = planEndpoints(
      service(),
      [ready, waiting, backend('10.0.0.3', { deleting: true })],
      undefined,
    );
    expect(next).toMatchObject({ kind: 'create', endpoints: { metadata: { name: 'web' } } });
    expect(next.kind === 'create' && next.endpoints.subsets).toMatchObject([
      {
        addresses: [{ ip: '10.0.0.1', nodeName: 'node-1', targetRef: { kind: 'Pod', name: 'a' } }],
        notReadyAddresses: [{ ip: '10.0.0.2' }],
        ports: [{ port: 80, protocol: 'TCP' }],
      },
    ]);
  });

  test('Pods that answer on different ports get subsets of their own', () => {
    const spec = { ports: [{ name: 'http', port: 80, targetPort: 'web' }] };
    const pods = [
      backend('10.0.0.1', { spec: portNamed('web', 1) }),
      backend('10.0.0.2', { spec: portNamed('web', 2) }),
    ];
    const next = planEndpoints(service(spec), pods, undefined);
    expect(
      next.kind === 'create' && next.endpoints.subsets?.map(({ ports }) => ports?.[0]?.port),
    ).toEqual([1, 2]);
  });

  test('writes nothing twice, leaves services without a selector alone, and goes with its service', () => {
    const made = planEndpoints(service(), [ready], undefined);
    const current = made.kind === 'create' ? made.endpoints : {};
    expect(planEndpoints(service(), [ready], current)).toEqual({ kind: 'none' });
    expect(planEndpoints(service({ selector: {} }), [ready], current)).toEqual({ kind: 'none' });
    expect(planEndpoints(undefined, [ready], current)).toEqual({
      kind: 'delete',
      endpoints: current,
    });
    expect(planEndpoints(undefined, [ready], undefined)).toEqual({ kind: 'none' });
  });
});

describe('endpoint slice plan()', () => {
  const many = Array.from({ length: 250 }, (_, index) =>
    backend(`10.1.${index >> 7}.${index & 127}`),
  );
  const sizes = (slices: readonly EndpointSlice[]) =>
    slices.map(({ endpoints }) => endpoints.length);

  test('cuts at 100, changes only the slice that a Pod is in, and refills what has room', () => {
    const first = planSlices(service(), many, []);
    expect(sizes(first.create)).toEqual([ENDPOINTS_PER_SLICE_MAX, ENDPOINTS_PER_SLICE_MAX, 50]);
    expect(new Set(first.create.map(({ metadata }) => metadata?.name)).size).toBe(3);
    expect(first.create[0]?.metadata?.labels).toEqual({
      'kubernetes.io/service-name': 'web',
      'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
    });
    const without = planSlices(service(), many.slice(1), first.create);
    expect([sizes(without.update), without.create, without.delete]).toEqual([[99], [], []]);
    const refilled = planSlices(service(), [...many, backend('10.9.9.9')], first.create);
    expect([sizes(refilled.update), refilled.create, refilled.delete]).toEqual([[51], [], []]);
    expect(planSlices(service(), many, first.create)).toEqual({
      update: [],
      create: [],
      delete: [],
    });
  });

  test('the name of a slice that the cache does not show yet comes out again', () => {
    const [one] = planSlices(service(), many.slice(0, 3), []).create;
    const [again] = planSlices(service(), many.slice(0, 4), []).create;
    expect(again?.metadata?.name).toBe(one?.metadata?.name);
  });

  test('a service that lost its Pods keeps one empty slice', () => {
    const { create } = planSlices(service(), [], []);
    expect(create).toMatchObject([{ endpoints: [], ports: [], addressType: 'IPv4' }]);
    expect(planSlices(service(), [], create)).toEqual({ update: [], create: [], delete: [] });
  });

  test('says what each Pod may be used for', () => {
    const { create } = planSlices(
      service({ clusterIP: 'None' }),
      [backend('10.0.0.1', { deleting: true })],
      [],
    );
    expect(create[0]?.endpoints[0]?.conditions).toEqual({
      ready: false,
      serving: true,
      terminating: true,
    });
    expect(create[0]?.metadata?.labels).toHaveProperty('service.kubernetes.io/headless', '');
  });
});

test('on the real API server both follow the Pods of a service, and go with it', async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  const ref = { name: 'web', namespace: 'default' };
  cluster.playKubelet();
  cluster.start();
  const { selector, template } = workload();
  await client.create(resources.services, {
    metadata: ref,
    spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] },
  });
  await client.create(resources.services, {
    metadata: { name: 'by-hand', namespace: 'default' },
    spec: { ports: [{ port: 80 }] },
  });
  await client.create(resources.replicaSets, {
    metadata: ref,
    spec: { replicas: 3, selector, template },
  });
  const addresses = async () => {
    const { subsets = [] } = await client.get(resources.endpoints, ref);
    return subsets.flatMap((subset) => subset.addresses ?? []).map(({ ip }) => ip);
  };
  const sliced = async () => {
    const { items } = await client.list(resources.endpointSlices, {
      namespace: 'default',
      labelSelector: 'kubernetes.io/service-name=web',
    });
    return items
      .flatMap(({ endpoints }) => endpoints)
      .flatMap(({ addresses: [first = ''] }) => first)
      .sort();
  };
  const podIps = async () => (await cluster.pods()).map(({ status }) => status?.podIP ?? '').sort();
  await expect.poll(addresses, { timeout: 60_000 }).toHaveLength(3);
  await eventually(async () => (await sliced()).join() === (await podIps()).join(), true);
  expect(
    await isGone(client.get(resources.endpoints, { name: 'by-hand', namespace: 'default' })),
  ).toBe(true);
  await client.patch(resources.replicaSets, ref, { spec: { replicas: 1 } }, { type: 'merge' });
  await eventually(async () => [(await addresses()).length, (await sliced()).length], [1, 1]);
  await client.delete(resources.services, ref);
  await eventually(() => isGone(client.get(resources.endpoints, ref)), true);
  await eventually(sliced, []);
});
