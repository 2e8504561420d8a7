// UpOptions: what `up` takes, and the sentence for what it does not.

import { describe, expect, test } from 'vitest';
import { checkOptions, type UpOptions } from '../src/up-options.ts';

test('checkOptions() fills in the defaults and leaves subnet and port to be chosen', () => {
  expect(checkOptions({})).toEqual({
    name: 'kube-labs',
    nodes: 3,
    controlPlanes: 1,
    clock: 'today',
    demo: true,
    serviceCidr: '10.96.0.0/16',
    podCidr: '10.244.0.0/16',
  });
});

describe('checkOptions() refuses', () => {
  const bad: { name: string; options: UpOptions; want: RegExp }[] = [
    {
      name: 'a name with capitals',
      options: { name: 'Not_A_Name' },
      want: /"Not_A_Name".*lower-case/,
    },
    { name: 'an empty name', options: { name: '' }, want: /cannot name a cluster/ },
    { name: 'a path as a name', options: { name: '../etc' }, want: /"\.\.\/etc"/ },
    { name: 'a name that ends with a dash', options: { name: 'a-' }, want: /starts and ends/ },
    { name: 'a very long name', options: { name: 'a'.repeat(41) }, want: /at most 40/ },
    { name: 'no nodes', options: { nodes: 0 }, want: /--nodes must be a whole number from 1/ },
    { name: 'half a node', options: { nodes: 1.5 }, want: /--nodes/ },
    { name: 'a thousand nodes', options: { nodes: 1000 }, want: /to 50/ },
    {
      name: 'two control planes',
      options: { controlPlanes: 2 },
      want: /2 is not possible: .*1 or 3/,
    },
    { name: 'port 0', options: { apiPort: 0 }, want: /--api-port/ },
    { name: 'port 70000', options: { apiPort: 70_000 }, want: /65535/ },
    { name: 'no range', options: { podCidr: 'ten' }, want: /--pod-cidr ten is not an IPv4 range/ },
    {
      name: 'host bits',
      options: { nodeSubnet: '172.30.0.1/24' },
      want: /--node-subnet.*host bits/,
    },
    { name: 'a pod range too small', options: { podCidr: '10.244.0.0/24' }, want: /to \/21/ },
    {
      name: 'a node subnet too small',
      options: { nodeSubnet: '172.30.0.0/28', nodes: 9 },
      want: /eleventh/,
    },
    { name: 'half of everything', options: { podCidr: '0.0.0.0/1' }, want: /wrong size/ },
    {
      name: 'ranges that overlap',
      options: { podCidr: '10.96.0.0/16' },
      want: /--pod-cidr 10\.96\.0\.0\/16 overlaps --service-cidr/,
    },
    {
      name: 'nodes inside the default pod range',
      options: { nodeSubnet: '10.244.7.0/24' },
      want: /overlaps --pod-cidr/,
    },
    {
      name: "an etcd on this machine's loopback",
      options: { etcd: ['http://127.0.0.1:2379'] },
      want: /loopback.*--listen-client-urls/,
    },
    {
      name: 'an etcd by the name localhost',
      options: { etcd: ['http://localhost:2379'] },
      want: /loopback/,
    },
    { name: 'an etcd without a port', options: { etcd: ['http://10.0.0.1'] }, want: /name a port/ },
    { name: 'an etcd that is no URL', options: { etcd: ['etcd'] }, want: /not a URL/ },
  ];
  test.each(bad)('$name', ({ options, want }) => {
    expect(() => checkOptions(options)).toThrow(want);
  });
});
