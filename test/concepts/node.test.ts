// A node: a machine that runs pods. It registers itself, says what it has, and beats its heart.
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Node } from 'kubernetes-types/core/v1';
import { expect, inject, test } from 'vitest';
import { nodesReady } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { getJson, kubectl } from '../support/kubectl.ts';
import { toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';
import { docker, launcher } from '../support/process.ts';

const ns = useNamespace('node');

test('every node says its address, capacity and system; one is the control plane', async () => {
  const { items } = await getJson<{ items: Node[] }>('nodes');
  const names = ['control-plane', 'node-1', 'node-2', 'node-3'];
  expect(items.map((node) => node.metadata?.name)).toEqual(names);
  for (const { metadata, spec, status } of items) {
    expect(Number(status?.capacity?.cpu)).toBeGreaterThan(0);
    expect(status?.capacity?.memory).toMatch(/^\d+Ki$/);
    expect(status?.capacity?.pods).toBe('110');
    expect(spec?.podCIDR).toMatch(/^10\.\d+\.\d+\.0\/24$/);
    expect(metadata?.labels?.['kubernetes.io/hostname']).toBe(metadata?.name);
    expect(status?.nodeInfo?.containerRuntimeVersion).toMatch(/^docker:\/\//);
  }
  expect(new Set(items.map((node) => node.spec?.podCIDR)).size).toBe(4);
});

test('get and describe print what kubectl prints of any node', async () => {
  await nodesReady();
  const wide = await kubectl('get nodes -o wide');
  expect(wide).toMatch(/NAME\s+STATUS\s+ROLES\s+AGE\s+VERSION\s+INTERNAL-IP/);
  expect(wide).toMatch(/control-plane\s+Ready\s+control-plane\s+/);
  expect(wide).toMatch(/node-1\s+Ready\s+<none>\s+/);
  const text = await kubectl('describe node node-1');
  for (const part of [
    'Capacity:',
    'Allocatable:',
    'Conditions:',
    'KubeletReady',
    'Non-terminated Pods',
  ]) {
    expect(text).toContain(part);
  }
});

test('a heartbeat renews the lease of the node', async () => {
  const renewed = async () =>
    (await getJson<Lease>('lease node-1 -n kube-node-lease')).spec?.renewTime ?? '';
  const first = await renewed();
  await eventually(async () => expect((await renewed()) > first).toBe(true), { timeoutMs: 30_000 });
});

test('a cordoned node gets no new pod until it is uncordoned', async () => {
  const pinned = { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } };
  await kubectl('cordon node-1');
  try {
    expect(await kubectl('get node node-1')).toContain('Ready,SchedulingDisabled');
    await ns.apply(toolboxPod('pinned', pinned));
    await eventually(async () => {
      expect(await ns.kubectl('describe pod pinned')).toMatch(
        /FailedScheduling.*1 node\(s\) were unschedulable/,
      );
    });
  } finally {
    await kubectl('uncordon node-1');
  }
  await ns.ready('pod/pinned');
});

test('a node can join and leave', async () => {
  const name = ['--name', inject('cluster')];
  const added = await launcher(['node', 'add', ...name], { timeoutMs: 240_000 });
  expect(added.stderr + added.stdout).toContain('node-4');
  await nodesReady(['node-1', 'node-2', 'node-3', 'node-4']);
  await ns.apply(toolboxPod('guest', { nodeSelector: { 'kubernetes.io/hostname': 'node-4' } }));
  await ns.ready('pod/guest');
  const removed = await launcher(['node', 'remove', 'node-4', ...name], { timeoutMs: 240_000 });
  expect(removed.code).toBe(0);
  await nodesReady();
  const filter = ['--filter', `label=kube-labs=${inject('cluster')}`];
  expect(await docker('ps', '-a', '-q', ...filter, '--filter', 'label=kube-labs.node=node-4')).toBe(
    '',
  );
  await ns.kubectl('wait --for=delete pod/guest --timeout=120s', { timeoutMs: 130_000 });
}, 700_000);
