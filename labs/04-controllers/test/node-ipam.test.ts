// Node ranges: never the first, never one twice, the same for life.
import { resources } from '@kube-labs/apiserver';
import { describe, expect, test } from 'vitest';
import { parseClusterCidr, plan } from '../src/node-ipam.ts';
import { eventually, node, startCluster } from './support.ts';

describe('plan()', () => {
  const cluster = parseClusterCidr('10.244.7.9/16', 24);
  test.each([
    {
      name: 'leaves the first range out',
      taken: [],
      want: { kind: 'assign', podCidr: '10.244.1.0/24' },
    },
    {
      name: 'takes the lowest free one',
      taken: ['10.244.1.0/24', '10.244.3.0/24'],
      want: { kind: 'assign', podCidr: '10.244.2.0/24' },
    },
    { name: 'keeps what a node has', podCIDR: '10.9.0.0/24', taken: [], want: { kind: 'keep' } },
  ])('$name', ({ podCIDR, taken, want }) => {
    const subject = node(podCIDR === undefined ? {} : { podCIDR });
    expect(plan(subject, new Set(taken), cluster, 24)).toEqual(want);
  });

  test('says when there is none left', () => {
    const small = parseClusterCidr('10.0.0.0/22', 24);
    const taken = new Set(['10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24']);
    expect(plan(node(), taken, small, 24)).toEqual({ kind: 'exhausted' });
  });
});

describe('parseClusterCidr()', () => {
  test.each([
    ['', 24, 'it must be an IPv4 range'],
    ['10.244.0.0', 24, 'it must be an IPv4 range'],
    ['10.256.0.0/16', 24, 'it must be an IPv4 range'],
    ['fd00::/48', 64, 'it must be an IPv4 range'],
    ['10.244.0.0/24', 24, '--node-cidr-mask-size must be greater than 24'],
    ['10.244.0.0/16', 32, 'and at most 30'],
  ])('%s with /%i is refused', (text, mask, message) => {
    expect(() => parseClusterCidr(text, mask)).toThrow(message);
  });
});

test('on the real API server 20 nodes get 20 ranges, over a restart; a deleted node frees its own', async () => {
  await using cluster = await startCluster();
  const { client } = cluster;
  const options = {
    controllers: ['node-ipam-controller'],
    allocateNodeCidrs: true,
    clusterCidr: '10.244.0.0/16',
  };
  const ranges = async () => {
    const { items } = await client.list(resources.nodes);
    return new Map(
      items.flatMap(({ metadata, spec }) =>
        spec?.podCIDR ? [[metadata?.name, spec.podCIDR]] : [],
      ),
    );
  };
  const stop = cluster.start(options);
  const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
  await Promise.all(
    names.slice(0, 10).map((name) => client.create(resources.nodes, node({ name }))),
  );
  await eventually(async () => (await ranges()).size, 10);
  await stop();
  const before = await ranges();
  cluster.start(options);
  await Promise.all(names.slice(10).map((name) => client.create(resources.nodes, node({ name }))));
  await eventually(async () => (await ranges()).size, 20);
  const after = await ranges();
  expect(new Set(after.values()).size).toBe(20);
  expect([...after.values()]).not.toContain('10.244.0.0/24');
  for (const [name, range] of before) expect(after.get(name)).toBe(range);
  await client.delete(resources.nodes, { name: 'n5' });
  await client.create(resources.nodes, node({ name: 'late' }));
  await eventually(async () => (await ranges()).get('late'), after.get('n5'));
});
