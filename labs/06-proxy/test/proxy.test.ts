// The real process on a node made of network namespaces, with a real API server: what a client of a service meets.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, resources, startTestApiServer } from '@kube-labs/apiserver';
import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import type { Endpoint, EndpointSlice } from 'kubernetes-types/discovery/v1';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  GATEWAY_IP,
  NODE_IP,
  NodeNetwork,
  OUTSIDE_IP,
  type Place,
  POD_IPS,
} from './node-network.ts';
import { ready, service, slice } from './objects.ts';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;
const DNS_IP = '10.96.0.10';
const pod1 = ready(POD_IPS['pod-1'], { nodeName: 'node-1', hostname: 'one' });
const pod2 = ready(POD_IPS['pod-2'], { nodeName: 'node-1' });
/** A second is what we promise; a busy machine gets more before a test says that it failed. */
const soon = { timeout: 30_000, interval: 20 };
const later = { timeout: 60_000, interval: 50 };

let api: Awaited<ReturnType<typeof startTestApiServer>>;
let client: Client;
let network: NodeNetwork;
let proxy: ReturnType<NodeNetwork['start']>;
let proxyFlags: string[];

beforeAll(async () => {
  api = await startTestApiServer();
  network = await NodeNetwork.create();
  client = api.client();
  await network.bringApi(Number(new URL(api.url).port));
  const resolvConf = join(network.directory, 'resolv.conf');
  writeFileSync(resolvConf, 'nameserver 127.0.0.11\n');
  proxyFlags = [
    ...['--kubeconfig', await api.kubeconfig(), '--hostname-override', 'node-1'],
    ...['--cluster-cidr', '10.244.0.0/16', '--service-cluster-ip-range', '10.96.0.0/16'],
    ...['--node-ip', NODE_IP, '--cluster-dns', DNS_IP, '--resolv-conf', resolvConf],
    ...['--sync-period', '1s'],
  ];
  await Promise.all([
    network.must('pod-1', { op: 'serve', name: 'pod-1', port: 8080 }),
    network.must('pod-2', { op: 'serve', name: 'pod-2', port: 8080 }),
    network.must('outside', { op: 'serve', name: 'outside', port: 8080 }),
    network.must('node', {
      op: 'upstream',
      address: '127.0.0.11',
      name: 'example.org',
      answer: '192.0.2.1',
    }),
  ]);
  const http = [{ name: 'http', port: 80, targetPort: 8080 }];
  await put('default/web', { clusterIP: '10.96.0.7', ports: http }, [pod1, pod2]);
  await put('default/self', { clusterIP: '10.96.0.8', ports: http }, [pod1]);
  await put('default/nobody', { clusterIP: '10.96.0.9', ports: http }, []);
  const nodePort = [{ name: 'http', port: 80, targetPort: 8080, nodePort: 30_080 }];
  await put('default/open', { clusterIP: '10.96.0.11', type: 'NodePort', ports: nodePort }, [pod2]);
  const localPort = [{ name: 'http', port: 80, targetPort: 8080, nodePort: 30_081 }];
  await put(
    'default/local',
    { clusterIP: '10.96.0.12', type: 'NodePort', externalTrafficPolicy: 'Local', ports: localPort },
    [pod2],
  );
  const sticky: ServiceSpec = { clusterIP: '10.96.0.13', sessionAffinity: 'ClientIP', ports: http };
  await put('default/sticky', sticky, [pod1, pod2]);
  const udp = [{ name: 'http', port: 80, targetPort: 8080, protocol: 'UDP' }];
  await put('default/datagrams', { clusterIP: '10.96.0.14', ports: udp }, [pod2], 'UDP');
  await put('default/db', { clusterIP: 'None', ports: http }, [pod1, pod2]);
  const away: ServiceSpec = { type: 'ExternalName', externalName: 'example.org' };
  await client.create(resources.services, service('default/away', away));
  await startProxy();
});

afterAll(async () => {
  await network?.[Symbol.asyncDispose]();
  await client?.[Symbol.asyncDispose]();
  await api?.[Symbol.asyncDispose]();
});

/** Until its own rules are in the kernel: those of its predecessor serve, too. */
async function startProxy(): Promise<void> {
  proxy = network.start(MAIN, proxyFlags);
  await vi.waitFor(
    async () => expect(await health(), proxy.output()).toContain('"nodeEligible":true'),
    later,
  );
  await vi.waitFor(() => expect(proxy.output()).toContain('Serving cluster DNS'), later);
  await vi.waitFor(async () => expect(await ask('node', '10.96.0.7')).toMatch(/^pod/), later);
}

async function put(
  key: string,
  spec: ServiceSpec,
  endpoints: Endpoint[],
  protocol = 'TCP',
): Promise<void> {
  const ports = [{ name: 'http', port: 8080, protocol }];
  await client.create<Service>(resources.services, service(key, spec));
  await client.create<EndpointSlice>(resources.endpointSlices, slice(key, endpoints, ports));
}

async function setEndpoints(key: string, endpoints: Endpoint[]): Promise<void> {
  const [namespace = '', name = ''] = key.split('/');
  const ref = { namespace, name: `${name}-1` };
  const current = await client.get(resources.endpointSlices, ref);
  await client.update<EndpointSlice>(resources.endpointSlices, { ...current, endpoints });
}

function health(): Promise<string> {
  return network.must('node', { op: 'get', url: 'http://127.0.0.1:10256/healthz' });
}

function ask(place: Place, address: string): Promise<string> {
  return network.must(place, { op: 'get', url: `http://${address}/` });
}

/** Who answered, over that many connections. */
async function whoAnswers(place: Place, address: string, times = 24): Promise<string[]> {
  const answers = await Promise.all(Array.from({ length: times }, () => ask(place, address)));
  return [...new Set(answers.map((answer) => answer.split(' ')[0] ?? ''))].sort();
}

function resolve(place: Place, type: string, name: string): Promise<unknown> {
  return network.must(place, { op: 'resolve', server: DNS_IP, type, name });
}

describe('a service is reached', () => {
  test.each(['pod-1', 'pod-2', 'node'] as const)(
    'from %s, at any of its endpoints',
    async (place) => {
      expect(await whoAnswers(place, '10.96.0.7')).toEqual(['pod-1', 'pod-2']);
    },
  );

  test('by a neighbour, who keeps its address', async () => {
    const answers = await Promise.all(Array.from({ length: 24 }, () => ask('pod-1', '10.96.0.7')));
    expect(answers).toContain(`pod-2 ${POD_IPS['pod-1']}`);
  });

  test('by its own endpoint, which meets itself as the node', async () => {
    expect(await ask('pod-1', '10.96.0.8')).toBe(`pod-1 ${GATEWAY_IP}`);
  });

  test('over UDP', async () => {
    const job = { op: 'udp', address: '10.96.0.14', port: 80 } as const;
    expect(await network.must('pod-1', job)).toBe(`pod-2 ${POD_IPS['pod-1']}`);
  });

  test('from outside at its node port, through the node', async () => {
    expect(await ask('outside', `${NODE_IP}:30080`)).toBe(`pod-2 ${GATEWAY_IP}`);
  });

  test('from outside at its node port, unchanged under a Local policy', async () => {
    expect(await ask('outside', `${NODE_IP}:30081`)).toBe(`pod-2 ${OUTSIDE_IP}`);
  });

  test.each(['pod-1', 'node'] as const)('at its node port from %s', async (place) => {
    expect(await ask(place, `${NODE_IP}:30080`)).toMatch(/^pod-2 /);
  });

  test('always at the same endpoint by the same client, when it is sticky', async () => {
    expect(await whoAnswers('pod-1', '10.96.0.13')).toHaveLength(1);
  });
});

describe('at once refused is', () => {
  const cases: { name: string; address: string }[] = [
    { name: 'a service without endpoints', address: '10.96.0.9' },
    { name: 'an address of the range that no service has', address: '10.96.200.1' },
    { name: 'a port that the service does not have', address: '10.96.0.7:81' },
    { name: 'a node port that no service has', address: `${NODE_IP}:30099` },
  ];
  test.each(cases)('$name', async ({ address }) => {
    // More often than the kernel would send ICMP errors.
    const places = [...Array<Place>(8).fill('pod-1'), 'node'] as const;
    // A machine that stood still for a second is asked again; those errors would be late each time.
    await vi.waitFor(async () => {
      for (const place of places) {
        const outcome = await network.do(place, { op: 'get', url: `http://${address}/` });
        expect(outcome).toMatchObject({ kind: 'failed', code: 'ECONNREFUSED' });
        expect(outcome.ms).toBeLessThan(1_000);
      }
    }, soon);
  });

  test('a datagram to an address that no service has', async () => {
    const job = { op: 'udp', address: '10.96.200.2', port: 53 } as const;
    expect(await network.do('pod-1', job)).toMatchObject({ kind: 'failed', code: 'ECONNREFUSED' });
  });
});

test('a pod that leaves the cluster leaves with the node’s address', async () => {
  expect(await ask('pod-1', `${OUTSIDE_IP}:8080`)).toBe(`outside ${NODE_IP}`);
});

test('rules follow the endpoints within a second', async () => {
  await setEndpoints('default/web', [pod2]);
  await vi.waitFor(
    async () => expect(await whoAnswers('pod-1', '10.96.0.7')).toEqual(['pod-2']),
    soon,
  );
  await setEndpoints('default/web', []);
  await vi.waitFor(async () => {
    const outcome = await network.do('pod-1', { op: 'get', url: 'http://10.96.0.7/' });
    expect(outcome).toMatchObject({ code: 'ECONNREFUSED' });
  }, soon);
  await setEndpoints('default/web', [pod1, pod2]);
  await vi.waitFor(
    async () => expect(await whoAnswers('pod-1', '10.96.0.7')).toEqual(['pod-1', 'pod-2']),
    soon,
  );
});

test('a service that is deleted is refused, and one that takes its address is served', async () => {
  await put('default/first', { clusterIP: '10.96.0.20', ports: [{ name: 'http', port: 80 }] }, [
    pod1,
  ]);
  await vi.waitFor(async () => expect(await ask('pod-2', '10.96.0.20')).toMatch(/^pod-1/), soon);
  await client.delete(resources.services, { namespace: 'default', name: 'first' });
  await vi.waitFor(async () => {
    const outcome = await network.do('pod-2', { op: 'get', url: 'http://10.96.0.20/' });
    expect(outcome).toMatchObject({ code: 'ECONNREFUSED' });
  }, soon);
  await put('default/second', { clusterIP: '10.96.0.20', ports: [{ name: 'http', port: 80 }] }, [
    pod2,
  ]);
  await vi.waitFor(async () => expect(await ask('pod-1', '10.96.0.20')).toMatch(/^pod-2/), soon);
});

test.each([
  { name: 'flushed', command: ['nft', 'flush', 'ruleset'] },
  { name: 'deleted, with the sink,', command: ['ip', 'link', 'del', 'kube-sink'] },
])('rules that somebody $name come back', async ({ command }) => {
  network.exec('node', ...command);
  await vi.waitFor(async () => {
    expect(network.exec('node', 'nft', 'list', 'tables')).toContain('kube-proxy');
    expect(network.exec('node', 'ip', 'route', 'show', '10.96.0.0/16')).toContain('kube-sink');
    expect(await whoAnswers('pod-1', '10.96.0.7')).toEqual(['pod-1', 'pod-2']);
  }, later);
});

describe('cluster DNS tells', () => {
  const svc = 'default.svc.cluster.local';
  test.each([
    { type: 'A', name: `web.${svc}`, want: ['10.96.0.7'] },
    { type: 'A', name: `WEB.${svc}`, want: ['10.96.0.7'] },
    { type: 'A', name: `db.${svc}`, want: [POD_IPS['pod-1'], POD_IPS['pod-2']] },
    { type: 'A', name: `one.db.${svc}`, want: [POD_IPS['pod-1']] },
    { type: 'A', name: 'kubernetes.default.svc.cluster.local', want: ['10.96.0.1'] },
    { type: 'PTR', name: '7.0.96.10.in-addr.arpa', want: [`web.${svc}`] },
    { type: 'A', name: 'example.org', want: ['192.0.2.1'] },
    { type: 'A', name: `away.${svc}`, want: ['192.0.2.1'] },
  ])('a pod the $type of $name', async ({ type, name, want }) => {
    // Whom it asks outside has little more than a second; who comes too late is asked again.
    await vi.waitFor(async () => {
      expect([...((await resolve('pod-1', type, name)) as string[])].sort()).toEqual(want);
    }, soon);
  });

  test('a pod where a port is served', async () => {
    expect(await resolve('pod-1', 'SRV', `_http._tcp.web.${svc}`)).toMatchObject([
      { name: `web.${svc}`, port: 80, priority: 0, weight: 100 },
    ]);
  });

  test.each([
    { type: 'A', name: `none.${svc}`, want: 'ENOTFOUND' },
    { type: 'AAAA', name: `web.${svc}`, want: 'ENODATA' },
    { type: 'A', name: 'nowhere.example', want: 'ENOTFOUND' },
    { type: 'PTR', name: '9.9.244.10.in-addr.arpa', want: 'ENOTFOUND' },
  ])('that there is no $type of $name: $want', async ({ type, name, want }) => {
    const job = { op: 'resolve', server: DNS_IP, type, name } as const;
    await vi.waitFor(async () => {
      expect(await network.do('pod-1', job)).toMatchObject({ kind: 'failed', code: want });
    }, soon);
  });

  test('all of a long answer', async () => {
    const many = Array.from({ length: 100 }, (_, index) => ready(`10.244.9.${index + 1}`));
    await put('default/many', { clusterIP: 'None', ports: [{ name: 'http', port: 80 }] }, many);
    await vi.waitFor(async () => {
      expect(await resolve('pod-1', 'A', `many.${svc}`)).toHaveLength(100);
    }, soon);
  });

  test('nobody outside about the names of the cluster', async () => {
    const asked = await network.must<string[]>('node', { op: 'upstreamAsked' });
    expect(asked.filter((name) => /cluster\.local|10\.in-addr/.test(name))).toEqual([]);
  });
});

test('services and names stay while the API server is away, and changes arrive when it is back', async () => {
  network.cutApi();
  expect(await whoAnswers('pod-1', '10.96.0.7')).toEqual(['pod-1', 'pod-2']);
  expect(await resolve('pod-1', 'A', 'web.default.svc.cluster.local')).toEqual(['10.96.0.7']);
  await setEndpoints('default/web', [pod2]);
  expect(await whoAnswers('pod-1', '10.96.0.7')).toEqual(['pod-1', 'pod-2']);
  network.mendApi();
  await vi.waitFor(
    async () => expect(await whoAnswers('pod-1', '10.96.0.7')).toEqual(['pod-2']),
    later,
  );
  await setEndpoints('default/web', [pod1, pod2]);
});

test('a thousand services are served, the first and the last', async () => {
  const names = Array.from({ length: 1_000 }, (_, index) => index);
  const addressOf = (index: number) => `10.96.${100 + (index >> 8)}.${index & 255}`;
  const work = names.values();
  const worker = async (): Promise<void> => {
    for (const index of work) {
      const spec = { clusterIP: addressOf(index), ports: [{ name: 'http', port: 80 }] };
      await put(`default/many-${index}`, spec, [index % 2 === 0 ? pod1 : pod2]);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  await vi.waitFor(async () => {
    expect(await ask('pod-2', addressOf(0))).toMatch(/^pod-1/);
    expect(await ask('pod-1', addressOf(999))).toMatch(/^pod-2/);
  }, later);
});

test('nothing addressed to the service range ever left the node', () => {
  expect(network.leaked()).toBe(0);
});

test('the proxy says how it is', async () => {
  const metrics = await network.must<string>('node', {
    op: 'get',
    url: 'http://127.0.0.1:10256/metrics',
  });
  expect(metrics).toMatch(/kubeproxy_sync_proxy_rules_duration_seconds_count [1-9]/);
  expect(metrics).toMatch(/coredns_dns_responses_total\{type="A",rcode="NOERROR"\} [1-9]/);
  // Whoever deletes the sink may do it while a sync needs it, which then is made again.
  const failures = proxy
    .output()
    .split('\n')
    .filter((line) => line.includes('Sync failed'));
  expect(failures.filter((line) => !line.includes('Cannot find device'))).toEqual([]);
});

test('neighbours reach each other where the bridge is not filtered', async () => {
  proxy.kill('SIGTERM');
  await once(proxy, 'exit');
  network.exec('node', 'sysctl', '-qw', 'net.bridge.bridge-nf-call-iptables=0');
  await startProxy();
  await vi.waitFor(async () => {
    const answers = await Promise.all(Array.from({ length: 24 }, () => ask('pod-1', '10.96.0.7')));
    expect(answers).toContain(`pod-2 ${GATEWAY_IP}`);
  }, later);
});

test('rules outlive the proxy, serve on when it is back, and go when asked to', async () => {
  proxy.kill('SIGTERM');
  const [code] = await once(proxy, 'exit');
  expect(code, proxy.output()).toBe(0);
  expect(await whoAnswers('pod-1', '10.96.0.7')).toEqual(['pod-1', 'pod-2']);
  await startProxy();
  proxy.kill('SIGTERM');
  await once(proxy, 'exit');

  const cleanup = network.start(MAIN, ['--cleanup']);
  expect(await once(cleanup, 'exit'), cleanup.output()).toEqual([0, null]);
  expect(network.exec('node', 'nft', 'list', 'ruleset')).toBe('');
  expect(() => network.exec('node', 'ip', 'link', 'show', 'kube-sink')).toThrow();
});

describe('the proxy does not start', () => {
  test.each([
    {
      name: 'without a node address',
      flags: ['--kubeconfig', 'x'],
      says: 'Cannot use --node-ip: it is missing',
    },
    {
      name: 'with a wrong range',
      flags: ['--service-cluster-ip-range', '10.96.0.0'],
      says: 'Cannot use --service-cluster-ip-range "10.96.0.0"',
    },
    {
      name: 'with a DNS address outside the range',
      flags: ['--cluster-dns', '10.97.0.10'],
      says: 'Cannot use --cluster-dns "10.97.0.10": it is not in 10.96.0.0/16',
    },
    {
      name: 'with a wrong duration',
      flags: ['--sync-period', 'often'],
      says: 'Cannot use --sync-period "often"',
    },
    {
      name: 'with a file that is no kubeconfig',
      flags: ['--kubeconfig', '/dev/null'],
      says: 'Cannot read kubeconfig /dev/null',
    },
  ])('$name', async ({ flags, says }) => {
    const base = flags.includes('x') ? [] : proxyFlags;
    const started = network.start(MAIN, [...base, ...flags]);
    const [code] = await once(started, 'close');
    expect(code).toBe(1);
    expect(started.output()).toContain(`kube-proxy: ${says}`);
    expect(started.output().trim().split('\n')).toHaveLength(1);
  });
});
