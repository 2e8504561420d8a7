// Components: whom to blame, which log is meant, and whether the store has room.

import { describe, expect, test } from 'vitest';
import type { ClusterConfig } from '../src/cluster-config.ts';
import { type ComponentState, guilty } from '../src/components.ts';
import { resolveComponent } from '../src/logs.ts';
import { newestOf } from '../src/pod-components.ts';
import { checkFreeSpace, parseDriverOptions } from '../src/store-checks.ts';

const state = (name: string, node: string, restarts = 0): ComponentState => ({
  name,
  node,
  restarts,
  state: 'running',
  since: '',
});

describe('guilty()', () => {
  const well = [state('kube-apiserver', 'control-plane'), state('kubelet', 'node-1')];
  const suspect = { name: 'kubelet', node: 'node-1' };
  test.each([
    { name: 'the suspect when everybody runs', states: well, want: 'kubelet' },
    {
      name: 'the one that keeps dying before the suspect',
      states: [...well, state('kube-proxy', 'node-2', 3), state('machines', 'control-plane', 1)],
      want: 'kube-proxy',
    },
    { name: 'nobody when nothing is known', states: [], want: undefined },
  ])('is $name', ({ states, want }) => {
    expect(guilty(states, suspect)?.name).toBe(want);
  });
});

describe('resolveComponent()', () => {
  const config = (nodes: string[], controlPlanes = ['control-plane']): ClusterConfig => ({
    name: 'lab',
    controlPlanes: controlPlanes.map((name) => ({ name, address: '' })),
    nodes: nodes.map((name) => ({ name, address: '' })),
    nodeSubnet: '',
    podCidr: '',
    serviceCidr: '',
    apiPort: 1,
    clock: 'fast',
  });
  const three = config(['node-1', 'node-2', 'node-3']);
  test.each([
    { text: 'apiserver', want: ['lab-control-plane', 'kube-apiserver'] },
    { text: 'kube-apiserver', want: ['lab-control-plane', 'kube-apiserver'] },
    { text: 'controllers', want: ['lab-control-plane', 'kube-controller-manager'] },
    { text: 'controller-manager', want: ['lab-control-plane', 'kube-controller-manager'] },
    { text: 'machines', want: ['lab-control-plane', 'machines'] },
    { text: 'etcd', want: ['lab-control-plane', 'store'] },
    { text: 'control-plane/kubelet', want: ['lab-control-plane', 'kubelet'] },
    { text: 'node-2/kubelet', want: ['lab-node-2', 'kubelet'] },
    { text: 'proxy', node: 'node-3', want: ['lab-node-3', 'kube-proxy'] },
  ])('$text is $want', ({ text, node, want }) => {
    const { container, component } = resolveComponent(three, text, node);
    expect([container, component]).toEqual(want);
  });

  const many = config(['node-1'], ['control-plane', 'control-plane-2', 'control-plane-3']);

  test.each([
    { text: 'control-plane-2/scheduler', want: ['lab-control-plane-2', 'kube-scheduler', true] },
    { text: 'etcd', node: 'control-plane-3', want: ['lab-control-plane-3', 'etcd', true] },
    { text: 'load-balancer', want: ['lab-load-balancer', 'load-balancer', false] },
  ])('$text of three control planes is $want', ({ text, node, want }) => {
    const { container, component, isPod } = resolveComponent(many, text, node);
    expect([container, component, isPod]).toEqual(want);
  });

  test('of several control planes one must be named', () => {
    expect(() => resolveComponent(many, 'apiserver')).toThrow(
      /several machines: say which one with --node, of control-plane, control-plane-2, control-plane-3/,
    );
  });

  test.each([
    {
      text: 'kubelet',
      want: /machines: say which one with --node, of control-plane, node-1, node-2/,
    },
    { text: 'node-9/kubelet', want: /no kubelet on node-9: it has one on control-plane, node-1/ },
    { text: 'node-1/scheduler', want: /no kube-scheduler on node-1: it has one on control-plane/ },
    { text: 'cloud', want: /no component cloud: it is one of store, kube-apiserver/ },
  ])('refuses $text', ({ text, want }) => {
    expect(() => resolveComponent(three, text)).toThrow(want);
  });
});

test('newestOf() takes of each component on each machine the last attempt', () => {
  const fact = (node: string, name: string, attempt: number) => ({
    ...{ node, name, attempt },
    id: `${node}/${name}/${attempt}`,
  });
  const facts = [
    fact('control-plane', 'etcd', 0),
    fact('control-plane', 'etcd', 10),
    fact('control-plane', 'etcd', 9),
    fact('control-plane-2', 'etcd', 1),
    fact('control-plane', 'machines', 0),
  ];
  expect(newestOf(facts).map(({ id }) => id)).toEqual([
    'control-plane/etcd/10',
    'control-plane-2/etcd/1',
    'control-plane/machines/0',
  ]);
});

describe('the store', () => {
  test('needs room', () => {
    expect(() => checkFreeSpace(8 * 1024 * 1024)).toThrow(/disk is full.*8 MiB.*256 MiB/);
    expect(() => checkFreeSpace(1e9)).not.toThrow();
    expect(() => checkFreeSpace(undefined)).not.toThrow();
  });

  test("takes its volume's driver options from one line", () => {
    expect(parseDriverOptions('type=tmpfs,device=tmpfs,o=size=8m;mode=700')).toEqual({
      type: 'tmpfs',
      device: 'tmpfs',
      o: 'size=8m,mode=700',
    });
    expect(parseDriverOptions('')).toEqual({});
    expect(() => parseDriverOptions('tmpfs')).toThrow(/name=value/);
  });
});
