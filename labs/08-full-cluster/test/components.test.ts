// Components: whom to blame, which log is meant, and whether the store has room.

import { describe, expect, test } from 'vitest';
import type { ClusterConfig } from '../src/cluster-config.ts';
import { type ComponentState, guilty } from '../src/components.ts';
import { resolveComponent } from '../src/logs.ts';
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
  const config = (nodes: string[]): ClusterConfig => ({
    name: 'lab',
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
    { text: 'node-2/kubelet', want: ['lab-node-2', 'kubelet'] },
    { text: 'proxy', node: 'node-3', want: ['lab-node-3', 'kube-proxy'] },
  ])('$text is $want', ({ text, node, want }) => {
    const { container, component } = resolveComponent(three, text, node);
    expect([container, component]).toEqual(want);
  });

  test('needs no node when there is one only', () => {
    expect(resolveComponent(config(['node-1']), 'kubelet').container).toBe('lab-node-1');
  });

  test.each([
    { text: 'kubelet', want: /every node: say which one with --node, of node-1, node-2/ },
    { text: 'node-9/kubelet', want: /no node node-9: it has node-1/ },
    { text: 'etcd', want: /no component etcd: it is one of kube-apiserver/ },
  ])('refuses $text', ({ text, want }) => {
    expect(() => resolveComponent(three, text)).toThrow(want);
  });
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
