// Rules of nftables for each kind of service.

import { describe, expect, test } from 'vitest';
import { buildRules, type ElementOwner, staticRules } from '../src/rules.ts';
import type { ServicePort } from '../src/service-map.ts';

const options = {
  nodeIP: '172.30.0.11',
  serviceRange: '10.96.0.0/16',
  clusterCidr: '10.244.0.0/16',
  clusterDns: '10.96.0.10',
};
const one = { ip: '10.244.1.2', port: 8080, local: true };
const two = { ip: '10.244.2.3', port: 8080, local: false };

function port(more: Partial<ServicePort> = {}): ServicePort {
  const endpoints = more.endpoints ?? [one, two];
  return {
    id: 'default/web',
    protocol: 'tcp',
    clusterIP: '10.96.0.7',
    port: 80,
    nodePort: undefined,
    externalIPs: [],
    sticky: false,
    preserveClientIP: false,
    endpoints,
    externalEndpoints: endpoints,
    ...more,
  };
}

function elements(services: ServicePort[], owner: ElementOwner): Record<string, string> {
  return Object.fromEntries(buildRules(services, options).elements[owner]);
}

describe('buildRules() sends an address', () => {
  test.each([
    { name: 'to the chain for its number of endpoints', more: {}, want: 'goto tcp-2' },
    { name: 'of UDP to a chain of UDP', more: { protocol: 'udp' }, want: 'goto udp-2' },
    {
      name: 'of a sticky service to a sticky chain',
      more: { sticky: true },
      want: 'goto tcp-2-sticky',
    },
    {
      name: 'inside as ever under a Local policy outside',
      more: { preserveClientIP: true },
      want: 'goto tcp-2',
    },
  ] as const)('$name', ({ more, want }) => {
    expect(Object.values(elements([port(more)], 'service-ips'))).toEqual([want]);
  });
});

test('buildRules() numbers the endpoints of an address', () => {
  expect(elements([port()], 'tcp-endpoints')).toEqual({
    '10.96.0.7 . 80 . 0': '10.244.1.2 . 8080',
    '10.96.0.7 . 80 . 1': '10.244.2.3 . 8080',
  });
});

test('buildRules() serves a node port on the address of the node, and external IPs on the port', () => {
  const services = [port({ nodePort: 30_080, externalIPs: ['192.0.2.7'] })];
  expect(Object.keys(elements(services, 'service-ips'))).toEqual([
    '10.96.0.7 . tcp . 80',
    '192.0.2.7 . tcp . 80',
    '172.30.0.11 . tcp . 30080',
  ]);
});

test('buildRules() rejects every address of a service without endpoints', () => {
  const services = [port({ endpoints: [], nodePort: 30_080 })];
  expect(elements(services, 'service-ips')).toEqual({});
  expect(Object.keys(elements(services, 'no-endpoint-services'))).toEqual([
    '10.96.0.7 . tcp . 80',
    '172.30.0.11 . tcp . 30080',
  ]);
});

test('buildRules() knows the endpoints that could meet themselves: those of this node', () => {
  expect(Object.keys(elements([port()], 'hairpin-connections'))).toEqual([
    '10.244.1.2 . 10.244.1.2',
  ]);
});

test('buildRules() leaves an address to the first of two services that claim it', () => {
  const rival = port({
    id: 'default/x',
    clusterIP: '10.96.0.8',
    externalIPs: ['10.96.0.7'],
    endpoints: [two],
  });
  expect(elements([port(), rival], 'service-ips')).toEqual({
    '10.96.0.7 . tcp . 80': 'goto tcp-2',
    '10.96.0.8 . tcp . 80': 'goto tcp-1',
  });
});

describe('buildRules() writes a chain that', () => {
  const mark = 'ip saddr != 10.244.0.0/16 meta mark set meta mark | 0x4000';
  test.each([
    {
      name: 'marks clients from outside, then draws',
      service: port(),
      chain: 'tcp-2',
      want: [mark, 'dnat ip to ip daddr . tcp dport . numgen random mod 2 map @tcp-endpoints'],
    },
    {
      name: 'hashes the client when sticky',
      service: port({ sticky: true, protocol: 'udp' }),
      chain: 'udp-2-sticky',
      want: [mark, 'dnat ip to ip daddr . udp dport . jhash ip saddr mod 2 map @udp-endpoints'],
    },
    {
      name: 'marks nobody under a Local policy',
      service: port({ preserveClientIP: true, nodePort: 30_080, externalEndpoints: [one] }),
      chain: 'tcp-1-local',
      want: ['dnat ip to ip daddr . tcp dport . numgen random mod 1 map @tcp-endpoints'],
    },
  ])('$name', ({ service, chain, want }) => {
    expect(buildRules([service], options).chains.get(chain)).toEqual(want);
  });

  test('marks everybody when the range of pods is not known', () => {
    const { chains } = buildRules([port()], { ...options, clusterCidr: undefined });
    expect(chains.get('tcp-2')?.[0]).toBe('meta mark set meta mark | 0x4000');
  });
});

describe('staticRules()', () => {
  const text = (more = {}) => staticRules({ ...options, ...more }).join('\n');
  const sameBridge = 'iifname "cbr0" oifname "cbr0" ct status dnat masquerade fully-random';

  test('lets cluster DNS through before it rejects the rest of the range', () => {
    const rules = text();
    expect(rules.indexOf('ip daddr 10.96.0.10 return')).toBeGreaterThan(0);
    expect(rules.indexOf('ip daddr 10.96.0.0/16 goto reject-chain')).toBeGreaterThan(
      rules.indexOf('ip daddr 10.96.0.10 return'),
    );
    expect(text({ clusterDns: undefined })).not.toContain('return');
  });

  test('masquerades what leaves the cluster, if it knows what the cluster is', () => {
    const rule = 'ip saddr 10.244.0.0/16 ip daddr != { 10.244.0.0/16, 10.96.0.0/16 } masquerade';
    expect(text()).toContain(rule);
    expect(text({ clusterCidr: undefined })).not.toContain('ip daddr !=');
  });

  test('masquerades between neighbours only where the bridge is not filtered', () => {
    expect(text()).not.toContain(sameBridge);
    expect(text({ podBridge: 'cbr0' })).toContain(sameBridge);
  });
});
