// What a container gets, as data: resources, resolver, hosts, Docker's create options, labels.

import type { ContainerInspectInfo } from 'dockerode';
import { describe, expect, test } from 'vitest';
import { formatResolverConfig, parseResolverConfig, resolverConfigOf } from '#src/container/dns.ts';
import { hostnameOf, hostsFileOf, kernelHostnameOf } from '#src/container/hosts.ts';
import {
  cpuQuotaOf,
  cpuSharesOf,
  oomScoreAdjustOf,
  qosClassOf,
  resourcesOf,
} from '#src/container/resources.ts';
import { time } from '#src/flags/flag-values.ts';
import { withTag } from '#src/image/image-name.ts';
import { hasCapability, ownContainerId } from '#src/node/engine-facts.ts';
import { parseKubeletFlags } from '#src/options.ts';
import { sandboxOf } from '#src/runtime/docker/docker-labels.ts';
import { FrameDecoder } from '#src/runtime/docker/docker-stream.ts';
import { container, IDENTITY, pod } from './objects.ts';

describe('qosClassOf()', () => {
  const both = { cpu: '1', memory: '1Gi' };
  test.each([
    { name: 'nothing', resources: {}, want: 'BestEffort' },
    { name: 'requests only', resources: { requests: both }, want: 'Burstable' },
    { name: 'limits only', resources: { limits: both }, want: 'Guaranteed' },
    {
      name: 'less than the limit',
      resources: { limits: both, requests: { cpu: '500m', memory: '1Gi' } },
      want: 'Burstable',
    },
    { name: 'one resource only', resources: { limits: { cpu: '1' } }, want: 'Burstable' },
  ])('$name makes $want', ({ resources, want }) => {
    expect(qosClassOf(pod({ containers: [container('c', { resources })] }))).toBe(want);
  });
});

test('resourcesOf() turns quantities into shares, quota and bytes', () => {
  const spec = container('c', {
    resources: { limits: { cpu: '500m', memory: '64Mi' }, requests: { cpu: '250m' } },
  });
  expect(resourcesOf(pod({ containers: [spec] }), spec, 1024 ** 3)).toEqual({
    memoryLimitBytes: 64 * 1024 ** 2,
    cpuShares: 256,
    cpuQuota: 50_000,
    oomScoreAdjust: 1000 - Math.floor((1000 * 64) / 1024),
  });
  expect([cpuSharesOf(0), cpuSharesOf(1), cpuQuotaOf(0), cpuQuotaOf(1)]).toEqual([2, 2, 0, 1_000]);
  expect(oomScoreAdjustOf('BestEffort', 0, 1)).toBe(1000);
});

test.each([
  { name: 'smaller than all it serves', request: '100Mi', want: 800 },
  { name: 'larger than some', request: '300Mi', want: 700 },
])('a sidecar that is $name has the OOM score $want', ({ request, want }) => {
  const asking = (memory: string) => ({ resources: { requests: { memory } } });
  const sidecar = container('s', { restartPolicy: 'Always', ...asking(request) });
  const containers = [container('a', asking('200Mi')), container('b', asking('400Mi'))];
  const subject = pod({ containers, initContainers: [sidecar] });
  expect(resourcesOf(subject, sidecar, 1000 * 1024 ** 2).oomScoreAdjust).toBe(want);
});

test.each([
  {
    name: 'of the node',
    spec: { priorityClassName: 'system-node-critical', priority: 2_000_001_000 },
    want: -997,
  },
  {
    name: 'of the cluster',
    spec: { priorityClassName: 'system-cluster-critical', priority: 2_000_000_000 },
    want: 1000,
  },
  { name: 'by name alone', spec: { priorityClassName: 'system-node-critical' }, want: 1000 },
  {
    name: 'by name, and from a file of the node',
    spec: { priorityClassName: 'system-node-critical' },
    annotations: { 'kubernetes.io/config.source': 'file' },
    want: -997,
  },
])('what is critical $name has the OOM score $want', ({ spec, annotations = {}, want }) => {
  const subject = pod(spec, { metadata: { ...IDENTITY, annotations } });
  expect(resourcesOf(subject, container('c'), 1).oomScoreAdjust).toBe(want);
});

describe('resolverConfigOf()', () => {
  const dns = { address: '10.96.0.10', domain: 'cluster.local' };
  const node = parseResolverConfig(
    '# x\nsearch example.org\nnameserver 192.0.2.1\noptions edns0\n',
  );
  const textOf = (spec: Parameters<typeof pod>[0]) =>
    formatResolverConfig(resolverConfigOf(pod(spec), dns, node).config);

  test('asks the cluster first', () => {
    expect(textOf({})).toBe(
      'search default.svc.cluster.local svc.cluster.local cluster.local example.org\nnameserver 10.96.0.10\noptions ndots:5\n',
    );
  });
  test("gives the node's to Default and to pods of the node's network", () => {
    const want = 'search example.org\nnameserver 192.0.2.1\noptions edns0\n';
    expect(textOf({ dnsPolicy: 'Default' })).toBe(want);
    expect(textOf({ hostNetwork: true, dnsPolicy: 'ClusterFirst' })).toBe(want);
    expect(textOf({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' })).toContain('10.96');
  });
  test('takes dnsConfig on top', () => {
    const dnsConfig = {
      nameservers: ['1.2.3.4'],
      searches: ['my.org'],
      options: [{ name: 'ndots', value: '2' }, { name: 'rotate' }],
    };
    expect(textOf({ dnsPolicy: 'None', dnsConfig })).toBe(
      'search my.org\nnameserver 1.2.3.4\noptions ndots:2 rotate\n',
    );
  });
});

describe('resolverConfigOf() tells', () => {
  const node = parseResolverConfig('search example.org. .\nnameserver 192.0.2.1\n');
  const dns = { address: '10.96.0.10', domain: 'cluster.local' };
  const names = (count: number, name = (index: number) => `d${index}.org`) =>
    [...Array(count).keys()].map(name);

  test('that there is no cluster DNS to ask', () => {
    const { config, warnings } = resolverConfigOf(pod(), { ...dns, address: undefined }, node);
    expect(config).toMatchObject({ nameservers: ['192.0.2.1'], searches: ['example.org', '.'] });
    expect(warnings).toEqual([
      {
        reason: 'MissingClusterDNS',
        message:
          'pod: "web_default(u1)". kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.',
      },
    ]);
  });

  test('that there are too many name servers', () => {
    const dnsConfig = { nameservers: ['1.1.1.1', '2.2.2.2', '3.3.3.3'] };
    const { config, warnings } = resolverConfigOf(pod({ dnsConfig }), dns, node);
    expect(config.nameservers).toEqual(['10.96.0.10', '1.1.1.1', '2.2.2.2']);
    expect(warnings).toEqual([
      {
        reason: 'DNSConfigForming',
        message:
          'Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: 10.96.0.10 1.1.1.1 2.2.2.2',
      },
    ]);
  });

  test.each([
    { name: 'too many', searches: names(40), left: 32 },
    { name: 'together too long', searches: names(20, (i) => `${i}.${'a'.repeat(200)}`), left: 10 },
    { name: 'one too long', searches: ['a'.repeat(254), 'b.org'], left: 1 },
  ])('that search domains are $name', ({ searches, left }) => {
    const subject = pod({ dnsPolicy: 'None', dnsConfig: { searches } });
    const { config, warnings } = resolverConfigOf(subject, dns, node);
    expect(config.searches).toHaveLength(left);
    const message = `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${config.searches.join(' ')}`;
    expect(warnings).toEqual([{ reason: 'DNSConfigForming', message }]);
  });

  test('nothing of a node without a resolver', () => {
    const { config, warnings } = resolverConfigOf(pod({ dnsPolicy: 'Default' }), dns, undefined);
    expect(formatResolverConfig(config)).toBe('search .\nnameserver 127.0.0.1\n');
    expect(warnings).toEqual([]);
  });
});

describe('kernelHostnameOf()', () => {
  const of = (spec: Parameters<typeof pod>[0]) => kernelHostnameOf(pod(spec), 'cluster.local');
  test.each([
    { name: 'the name alone', spec: {}, want: 'web' },
    { name: 'also in a subdomain', spec: { subdomain: 'db' }, want: 'web' },
    {
      name: 'all of it, asked for',
      spec: { hostname: 'db-0', subdomain: 'db', setHostnameAsFQDN: true },
      want: 'db-0.db.default.svc.cluster.local',
    },
    { name: 'nothing to add', spec: { setHostnameAsFQDN: true }, want: 'web' },
  ])('is $name', ({ spec, want }) => expect(of(spec)).toBe(want));

  test('refuses more than the kernel holds', () => {
    const hostname = 'a'.repeat(40);
    expect(() => of({ hostname, subdomain: 'db', setHostnameAsFQDN: true })).toThrow(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${hostname}.db.default.svc.cluster.local is too long (64 characters is the max, 69 characters requested)`,
    );
  });
});

test('hostsFileOf() names the pod, its subdomain and its aliases', () => {
  const view = {
    address: '10.244.1.5',
    clusterDomain: 'cluster.local',
    nodeFile: '127.0.0.1\tnode\n',
  };
  const spec = {
    hostname: 'db-0',
    subdomain: 'db',
    hostAliases: [{ ip: '1.2.3.4', hostnames: ['a', 'b'] }],
  };
  const text = hostsFileOf(pod(spec), view);
  expect(text).toContain('10.244.1.5\tdb-0.db.default.svc.cluster.local\tdb-0\n');
  expect(text).toContain('1.2.3.4\ta\tb\n');
  expect(hostsFileOf(pod({ hostNetwork: true }), view)).toBe(
    '# Kubernetes-managed hosts file (host network).\n127.0.0.1\tnode\n',
  );
  const long = `${'a'.repeat(62)}-b`;
  expect(hostnameOf(pod({}, { metadata: { name: long } }))).toBe('a'.repeat(62));
});

test.each([
  { network: 'pod', networkMode: 'host', want: 'pod' },
  { network: 'pod', networkMode: 'none', want: 'pod' },
  { network: 'node', networkMode: 'container:1', want: 'node' },
])('a sandbox of the $network’s network is one in whatever mode it runs: $networkMode', (row) => {
  const info = {
    ...{ Id: 's', Created: '2015-11-09T10:00:00Z', State: { Running: true, Pid: 1 } },
    Config: { Labels: { 'kube-labs.network': row.network } },
    HostConfig: { NetworkMode: row.networkMode },
  } as unknown as ContainerInspectInfo;
  expect(sandboxOf(info).network).toBe(row.want);
});

test('FrameDecoder puts frames together however they were cut', () => {
  const frame = (stream: number, text: string) =>
    Buffer.concat([Buffer.from([stream, 0, 0, 0, 0, 0, 0, text.length]), Buffer.from(text)]);
  const wire = Buffer.concat([frame(1, 'hello'), frame(2, 'oops'), frame(1, '!')]);
  for (let size = 1; size <= wire.length; size++) {
    const decoder = new FrameDecoder();
    const out = { stdout: '', stderr: '' };
    for (let at = 0; at < wire.length; at += size) {
      for (const { stream, payload } of decoder.push(wire.subarray(at, at + size))) {
        out[stream] += payload.toString();
      }
    }
    expect(out).toEqual({ stdout: 'hello!', stderr: 'oops' });
  }
});

test.each([
  ['nginx', 'nginx:latest'],
  ['nginx:1', 'nginx:1'],
  ['host:5000/a/b', 'host:5000/a/b:latest'],
  ['a@sha256:1', 'a@sha256:1'],
])('withTag(%j) is %j', (image, want) => expect(withTag(image)).toBe(want));

test('flags have upstream’s defaults, durations Go’s form', () => {
  const options = parseKubeletFlags([
    '--kubeconfig',
    'f',
    '--node-labels',
    'a=b,c=',
    '--hostname-override',
    'Node-1',
  ]);
  expect(options).toMatchObject({
    nodeName: 'node-1',
    port: 10_250,
    statusUpdateFrequencyMs: 10_000,
    leaseDurationSeconds: 40,
    nodeLabels: { a: 'b', c: '' },
  });
  expect([time('1m30s'), time('500ms'), time('4'), time('0.5s')]).toEqual([
    90_000, 500, 4_000, 500,
  ]);
});

test('the kubelet knows the container it runs in, and what the machine may do', () => {
  const id = 'a'.repeat(64);
  const line = `1 2 8:1 /var/lib/docker/containers/${id}/hostname /etc/hostname rw - ext4 /dev/x rw`;
  expect(ownContainerId(`0 0 0:0 / / rw\n${line}`)).toBe(id);
  expect(ownContainerId('0 0 0:0 / / rw')).toBeUndefined();
  expect(hasCapability('CapBnd:\t000001fffeffffff\n', 24n)).toBe(false);
  expect(hasCapability('CapBnd:\t000001ffffffffff\n', 24n)).toBe(true);
});
