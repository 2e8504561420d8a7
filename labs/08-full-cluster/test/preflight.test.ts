// Preflight: which subnet and port a cluster gets, and who is in the way.

import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import {
  chooseApiPort,
  chooseSubnet,
  type Facts,
  isPortFree,
  parseRoutes,
} from '../src/preflight.ts';
import { checkOptions } from '../src/up-options.ts';

const facts = (given: Partial<Facts>): Facts => ({
  networks: [],
  routes: [],
  apiPorts: new Map(),
  ...given,
});

describe('chooseSubnet()', () => {
  const bridge = { name: 'bridge', subnet: '172.17.0.0/16' };
  test.each([
    { name: 'takes the first', networks: [bridge], want: '172.30.0.0/24' },
    {
      name: "takes the next beside another cluster's",
      networks: [{ name: 'a', cluster: 'a', subnet: '172.30.0.0/24' }],
      want: '172.30.1.0/24',
    },
    {
      name: 'fills a gap',
      networks: [
        { name: 'a', cluster: 'a', subnet: '172.30.0.0/24' },
        { name: 'c', cluster: 'c', subnet: '172.30.2.0/24' },
      ],
      want: '172.30.1.0/24',
    },
  ])('$name', ({ networks, want }) => {
    expect(chooseSubnet(checkOptions({}), facts({ networks }))).toBe(want);
  });

  test.each([
    {
      name: 'a foreign network on the default',
      given: { networks: [{ name: 'office', subnet: '172.30.0.0/16' }] },
      options: {},
      want: /172\.30\.0\.0\/24 is in use by the Docker network office .*--node-subnet/,
    },
    {
      name: 'a route on the pod range',
      given: { routes: ['10.0.0.0/8'] },
      options: {},
      want: /10\.244\.0\.0\/16 is in use by this machine's route to 10\.0\.0\.0\/8.*--pod-cidr/,
    },
    {
      name: 'a route on the service range',
      given: { routes: ['10.96.3.0/24'] },
      options: {},
      want: /--service-cidr/,
    },
    {
      name: 'a chosen subnet that another cluster has',
      given: { networks: [{ name: 'a', cluster: 'a', subnet: '172.30.5.0/24' }] },
      options: { nodeSubnet: '172.30.5.0/24' },
      want: /in use by the Docker network a /,
    },
  ])('refuses $name', ({ given, options, want }) => {
    expect(() => chooseSubnet(checkOptions(options), facts(given))).toThrow(want);
  });
});

describe('chooseApiPort()', () => {
  const busy =
    (...ports: number[]) =>
    (port: number) =>
      Promise.resolve(!ports.includes(port));
  test.each([
    { name: 'takes 6443', wanted: undefined, taken: [], occupied: [], want: 6443 },
    {
      name: "passes other clusters' ports",
      wanted: undefined,
      taken: [6443, 6444],
      occupied: [6443, 6444],
      want: 6445,
    },
    {
      name: 'takes the one that was asked for',
      wanted: 7000,
      taken: [6443],
      occupied: [],
      want: 7000,
    },
  ])('$name', async ({ wanted, taken, occupied, want }) => {
    const owners = new Map(taken.map((port) => [port, 'other']));
    expect(await chooseApiPort(wanted, owners, busy(...occupied))).toBe(want);
  });

  test.each([
    {
      name: 'a program on 6443',
      wanted: undefined,
      taken: [],
      occupied: [6443],
      want: /6443.*another program.*--api-port/,
    },
    {
      name: 'the port of another cluster',
      wanted: 6443,
      taken: [6443],
      occupied: [],
      want: /the cluster other/,
    },
  ])('refuses $name', async ({ wanted, taken, occupied, want }) => {
    const owners = new Map(taken.map((port) => [port, 'other']));
    await expect(chooseApiPort(wanted, owners, busy(...occupied))).rejects.toThrow(want);
  });

  test('isPortFree() sees a listener', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    expect(await isPortFree(port)).toBe(false);
    await new Promise((resolve) => server.close(resolve));
    expect(await isPortFree(port)).toBe(true);
  });
});

test("parseRoutes() reads the kernel's table without the default route", () => {
  const text = [
    'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT',
    'eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0',
    'docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0',
    'eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0',
  ].join('\n');
  expect(parseRoutes(text)).toEqual(['172.17.0.0/16', '192.0.2.0/24']);
});
