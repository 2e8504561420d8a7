// A service: one stable address and name for a set of pods that come and go.
import type { Endpoints, Service } from 'kubernetes-types/core/v1';
import { beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { replicationController, service, toolboxPod, webPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('service');

async function answers(target: string, requests = 30): Promise<Set<string>> {
  const command = `for i in $(seq ${requests}); do curl -s -m 5 http://${target}/ || echo failed; echo; done`;
  const lines = (await ns.sh('client', command)).split('\n').filter(Boolean);
  return new Set(lines);
}

beforeAll(async () => {
  await ns.apply([
    replicationController('web', 3),
    service('web', { app: 'web' }),
    toolboxPod('client'),
  ]);
  await ns.ready('pod/client');
  await eventually(async () => {
    expect((await ns.getJson<Endpoints>('endpoints web')).subsets?.[0]?.addresses).toHaveLength(3);
  });
});

test('it has an address of the service range and spreads requests over all its pods', async () => {
  const { spec } = await ns.getJson<Service>('service web');
  expect(spec?.clusterIP).toMatch(/^10\.96\.\d+\.\d+$/);
  await eventually(async () => expect((await answers(spec?.clusterIP ?? '')).size).toBe(3));
});

test('only ready pods are behind it, and it follows them', async () => {
  await ns.kubectl('scale rc web --replicas=1');
  await eventually(async () => {
    const seen = await answers('web', 10);
    expect(seen.size).toBe(1);
    expect([...seen][0]).toMatch(/web-/);
  });
  await ns.kubectl('scale rc web --replicas=3');
  await eventually(async () => expect((await answers('web')).size).toBe(3));
});

test('the address stays while every pod behind it is replaced', async () => {
  const before = await ns.kubectl('get service web -o jsonpath={.spec.clusterIP}');
  await ns.kubectl('delete pods -l app=web --timeout=60s');
  await eventually(async () => expect((await answers('web')).size).toBe(3));
  expect(await ns.kubectl('get service web -o jsonpath={.spec.clusterIP}')).toBe(before);
});

test('endpoints and endpoint slices name the same pods', async () => {
  const path = '{.items[*].endpoints[*].addresses[0]}';
  const label = 'kubernetes.io/service-name=web';
  const get = ['get', 'endpointslices', '-l', label, '-o', `jsonpath=${path}`];
  // Two controllers write them, each in its own time.
  await eventually(async () => {
    const { subsets } = await ns.getJson<Endpoints>('endpoints web');
    const fromEndpoints = subsets?.[0]?.addresses?.map((address) => address.ip).sort();
    expect(fromEndpoints).toHaveLength(3);
    expect((await ns.kubectl(get)).split(' ').sort()).toEqual(fromEndpoints);
  });
});

describe('addresses', () => {
  test('one that is asked for is given, once', async () => {
    await ns.apply(service('fixed', { app: 'web' }, { clusterIP: '10.96.200.200' }));
    const refused = await ns.tryKubectl('create -f -', {
      input: service('again', { app: 'web' }, { clusterIP: '10.96.200.200' }),
    });
    expect(refused.stderr).toContain('provided IP is already allocated');
  });

  test('one outside the range is refused', async () => {
    const refused = await ns.tryKubectl('create -f -', {
      input: service('outside', { app: 'web' }, { clusterIP: '10.1.2.3' }),
    });
    expect(refused.stderr).toContain('not in the valid range');
  });
});

test('expose makes a service of a controller, and a pod sees it in its environment', async () => {
  await ns.kubectl('expose rc web --name=exposed --port=80 --target-port=8080');
  await ns.apply(webPod('late'));
  await ns.ready('pod/late');
  const clusterIp = await ns.kubectl('get service exposed -o jsonpath={.spec.clusterIP}');
  expect(await ns.sh('late', 'echo $EXPOSED_SERVICE_HOST:$EXPOSED_SERVICE_PORT')).toBe(
    `${clusterIp}:80\n`,
  );
});
