// Which endpoints get connections, and what never becomes a rule.

import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { describe, expect, test } from 'vitest';
import { buildServiceMap } from '../src/service-map.ts';
import { notReady, ready, service, slice, terminating } from './objects.ts';

const web: ServiceSpec = { clusterIP: '10.96.0.7', ports: [{ port: 80 }] };
const here = { nodeName: 'node-1' };

function ipsOf(services: Service[], slices: EndpointSlice[]): string[] | undefined {
  return buildServiceMap(services, slices, here)[0]?.endpoints.map(
    ({ ip, port }) => `${ip}:${port}`,
  );
}

describe('buildServiceMap() chooses endpoints', () => {
  test.each([
    { name: 'none without a slice', slices: [], want: [] },
    {
      name: 'every ready one, in order of address',
      slices: [slice('default/web', [ready('10.244.2.3'), ready('10.244.1.2')])],
      want: ['10.244.1.2:8080', '10.244.2.3:8080'],
    },
    {
      name: 'not one that is not ready',
      slices: [slice('default/web', [ready('10.244.1.2'), notReady('10.244.1.3')])],
      want: ['10.244.1.2:8080'],
    },
    {
      name: 'one whose readiness is unknown',
      slices: [slice('default/web', [{ addresses: ['10.244.1.2'] }])],
      want: ['10.244.1.2:8080'],
    },
    {
      name: 'a terminating one only when none is ready',
      slices: [slice('default/web', [terminating('10.244.1.2'), ready('10.244.1.3')])],
      want: ['10.244.1.3:8080'],
    },
    {
      name: 'terminating ones that still serve when none is ready',
      slices: [slice('default/web', [terminating('10.244.1.2'), notReady('10.244.1.3')])],
      want: ['10.244.1.2:8080'],
    },
    {
      name: 'one that is in two slices once',
      slices: [
        slice('default/web', [terminating('10.244.1.2')]),
        slice('default/web', [ready('10.244.1.2')]),
      ],
      want: ['10.244.1.2:8080'],
    },
    {
      name: 'none of another service, namespace or address family',
      slices: [
        slice('default/other', [ready('10.244.1.2')]),
        slice('other/web', [ready('10.244.1.3')]),
        { ...slice('default/web', [ready('fd00::1')]), addressType: 'IPv6' },
      ],
      want: [],
    },
    {
      name: 'none of a port with another name or protocol',
      slices: [
        slice('default/web', [ready('10.244.1.2')], [{ name: 'admin', port: 9 }]),
        slice('default/web', [ready('10.244.1.2')], [{ name: '', port: 9, protocol: 'UDP' }]),
      ],
      want: [],
    },
  ])('$name', ({ slices, want }) => {
    expect(ipsOf([service('default/web', web)], slices)).toEqual(want);
  });
});

describe('buildServiceMap() leaves out', () => {
  test.each([
    { name: 'a headless service', spec: { ...web, clusterIP: 'None' } },
    { name: 'a service without an address yet', spec: { ports: [{ port: 80 }] } },
    { name: 'an alias', spec: { ...web, type: 'ExternalName', externalName: 'example.org' } },
    { name: 'the address of cluster DNS', spec: { ...web, clusterIP: '10.96.0.10' } },
    { name: 'an address that is none', spec: { ...web, clusterIP: '10.96.0.7 }; flush ruleset' } },
    { name: 'a port that is none', spec: { ...web, ports: [{ port: 80.5 }] } },
    { name: 'a port out of range', spec: { ...web, ports: [{ port: 65_536 }] } },
    { name: 'a protocol that is none', spec: { ...web, ports: [{ port: 80, protocol: 'TCP }' }] } },
  ])('$name', ({ spec }) => {
    const options = { ...here, skipClusterIPs: ['10.96.0.10'] };
    expect(buildServiceMap([service('default/web', spec)], [], options)).toEqual([]);
  });

  test('an endpoint whose address or port is none', () => {
    const slices = [
      slice('default/web', [ready('10.244.1.2 : drop'), ready('host.example')]),
      slice('default/web', [ready('10.244.1.2')], [{ name: '', port: 0 }]),
      slice('default/web', [ready('10.244.1.2')], [{ name: '' }]),
      slice('default/web', [{ addresses: [] }]),
    ];
    expect(ipsOf([service('default/web', web)], slices)).toEqual([]);
  });
});

describe('buildServiceMap() keeps to traffic policies', () => {
  const slices = [
    slice('default/web', [
      ready('10.244.1.2', { nodeName: 'node-1' }),
      ready('10.244.2.3', { nodeName: 'node-2' }),
    ]),
  ];
  test.each([
    { name: 'Cluster by default', spec: {}, inside: 2, outside: 2, preserve: false },
    {
      name: 'Local from outside',
      spec: { externalTrafficPolicy: 'Local' },
      inside: 2,
      outside: 1,
      preserve: true,
    },
    {
      name: 'Local from inside',
      spec: { internalTrafficPolicy: 'Local' },
      inside: 1,
      outside: 2,
      preserve: false,
    },
  ])('$name', ({ spec, inside, outside, preserve }) => {
    const [port] = buildServiceMap([service('default/web', { ...web, ...spec })], slices, here);
    expect(port?.endpoints).toHaveLength(inside);
    expect(port?.externalEndpoints).toHaveLength(outside);
    expect(port?.preserveClientIP).toBe(preserve);
  });
});

test('buildServiceMap() gives each port a line, in order of ids', () => {
  const ports = [
    { name: 'web', port: 80, nodePort: 30_080 },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ];
  const spec = { clusterIP: '10.96.0.7', ports, sessionAffinity: 'ClientIP' };
  const map = buildServiceMap(
    [
      service('default/web', { ...spec, externalIPs: ['192.0.2.7', 'x'] }),
      service('default/a', web),
    ],
    [],
    here,
  );
  expect(map.map(({ id }) => id)).toEqual(['default/a', 'default/web:dns', 'default/web:web']);
  expect(map[1]).toMatchObject({ protocol: 'udp', port: 53, nodePort: undefined, sticky: true });
  expect(map[2]).toMatchObject({ nodePort: 30_080, externalIPs: ['192.0.2.7'] });
});

test('buildServiceMap() takes the addresses of a load balancer as external IPs', () => {
  const ingress = [{ ip: '192.0.2.9' }, { hostname: 'lb.example' }];
  const balanced = { ...service('default/web', web), status: { loadBalancer: { ingress } } };
  expect(buildServiceMap([balanced], [], here)[0]?.externalIPs).toEqual(['192.0.2.9']);
});
