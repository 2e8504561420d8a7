// Cluster DNS: every service has a name, every pod can ask for it.
import type { Service } from 'kubernetes-types/core/v1';
import { beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { replicationController, service, toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('dns');
let clusterIp = '';

const dig = async (query: string): Promise<string[]> =>
  (await ns.sh('client', `dig +short +time=2 +tries=2 ${query}`))
    .split('\n')
    .filter(Boolean)
    .sort();

beforeAll(async () => {
  await ns.apply([
    replicationController('web', 2),
    service('web', { app: 'web' }),
    service('headless', { app: 'web' }, { clusterIP: 'None' }),
    toolboxPod('client'),
  ]);
  await ns.ready('pod/client');
  await ns.ready('pod -l app=web');
  clusterIp = (await ns.getJson<Service>('service web')).spec?.clusterIP ?? '';
});

test('a pod asks the cluster DNS first, with the search domains of its namespace', async () => {
  const text = await ns.sh('client', 'cat /etc/resolv.conf');
  expect(text).toContain('nameserver 10.96.0.10');
  expect(text).toContain(`search ${ns.name}.svc.cluster.local svc.cluster.local cluster.local`);
  expect(text).toContain('options ndots:5');
});

describe('a service is found', () => {
  test('by its short name, its name with the namespace, and in full', async () => {
    for (const name of [
      'web',
      `web.${ns.name}`,
      `web.${ns.name}.svc`,
      `web.${ns.name}.svc.cluster.local`,
    ]) {
      await eventually(async () => {
        expect(await ns.sh('client', `getent hosts ${name}`)).toMatch(
          new RegExp(`^${clusterIp}\\s`),
        );
        expect(await ns.sh('client', `curl -s -m 5 http://${name}/`)).toContain('web-');
      });
    }
  });

  test('by an SRV record with its port', async () => {
    await eventually(async () => {
      const [record] = await dig(`SRV _http._tcp.web.${ns.name}.svc.cluster.local`);
      expect(record).toMatch(new RegExp(`^\\d+ \\d+ 80 web.${ns.name}.svc.cluster.local.$`));
    });
  });

  test('from another namespace', async () => {
    await eventually(async () => {
      const [address] = await dig('kubernetes.default.svc.cluster.local');
      expect(address).toBe('10.96.0.1');
    });
  });
});

test('a headless service is the addresses of its pods', async () => {
  const path = '{.items[*].status.podIP}';
  const ips = await ns.kubectl(['get', 'pods', '-l', 'app=web', '-o', `jsonpath=${path}`]);
  await eventually(async () => {
    expect(await dig(`headless.${ns.name}.svc.cluster.local`)).toEqual(ips.split(' ').sort());
  });
});

test('a name that does not exist is NXDOMAIN, at once', async () => {
  await eventually(async () => {
    const text = await ns.sh('client', `dig +time=2 +tries=1 nothing.${ns.name}.svc.cluster.local`);
    expect(text).toContain('status: NXDOMAIN');
  });
});

test('a new service has its name within seconds; a deleted one has it no more', async () => {
  await ns.apply(service('new', { app: 'web' }));
  await eventually(async () =>
    expect(await dig(`new.${ns.name}.svc.cluster.local`)).toHaveLength(1),
  );
  await ns.kubectl('delete service new');
  await eventually(async () => expect(await dig(`new.${ns.name}.svc.cluster.local`)).toEqual([]));
});

test('a name outside the cluster is asked of the resolvers of the node', async () => {
  const node = await ns.kubectl('get pod client -o jsonpath={.spec.nodeName}');
  await eventually(async () => {
    const text = await ns.sh('client', `dig +time=3 +tries=1 ${node}.example.invalid`);
    expect(text).toMatch(/status: (NXDOMAIN|SERVFAIL|REFUSED)/);
  });
});
