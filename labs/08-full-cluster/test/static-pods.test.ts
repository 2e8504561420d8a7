// StaticPods: each component of a control plane as the pod that its kubelet runs, and the mark of its node.

import type { Node } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { type ClusterConfig, firstControlPlanes } from '../src/cluster-config.ts';
import { marked } from '../src/mark-control-plane.ts';
import { controlPlanePrograms } from '../src/programs.ts';
import { staticPod } from '../src/static-pods.ts';

const config: ClusterConfig = {
  name: 'lab',
  controlPlanes: firstControlPlanes('172.30.4.0/24', 3),
  nodes: [],
  nodeSubnet: '172.30.4.0/24',
  podCidr: '10.244.0.0/16',
  serviceCidr: '10.96.0.0/16',
  apiPort: 6444,
  clock: 'fast',
};
const paths = {
  checkout: '/home/me/kube-labs',
  etcKubernetes: '/home/me/kube-labs/.kube-labs/lab/machines/control-plane',
  storeData: '/var/lib/docker/volumes/lab-control-plane/_data',
  dockerSocket: '/run/user/1000/docker.sock',
};
const programs = controlPlanePrograms(config, config.controlPlanes[0]!);
const podOf = (name: string) =>
  staticPod(programs.find((program) => program.name === name)!, paths).spec;

describe('staticPod()', () => {
  test('puts every component into the network of its machine, before all other pods', () => {
    for (const program of programs) {
      const { metadata, spec } = staticPod(program, paths);
      expect(metadata).toMatchObject({ name: program.name, namespace: 'kube-system' });
      expect(spec).toMatchObject({
        hostNetwork: true,
        priorityClassName: 'system-node-critical',
        containers: [{ name: program.name, command: program.command }],
      });
    }
  });

  test.each([
    { name: 'etcd', want: ['etcd', 'data'] },
    { name: 'kube-apiserver', want: ['kube-labs', 'cover', 'pki'] },
    { name: 'kube-scheduler', want: ['kube-labs', 'cover', 'scheduler-kubeconfig'] },
    {
      name: 'kube-controller-manager',
      want: ['kube-labs', 'cover', 'controller-manager-kubeconfig'],
    },
    { name: 'machines', want: ['kube-labs', 'cover', 'docker'] },
  ])('shows $name its own and nothing else: $want', ({ name, want }) => {
    expect(podOf(name)?.volumes?.map((volume) => volume.name)).toEqual(want);
    expect(podOf(name)?.containers[0]?.volumeMounts?.map((mount) => mount.name)).toEqual(want);
  });

  test('lets nobody write, but the store its data', () => {
    const mounts = programs.flatMap(({ name }) => podOf(name)?.containers[0]?.volumeMounts ?? []);
    const writable = mounts.filter(({ readOnly }) => readOnly !== true);
    expect(writable.map(({ mountPath }) => mountPath)).toEqual(['/var/lib/etcd']);
  });

  test('asks on loopback whether it is ready; what is restarted is what a restart can help', () => {
    const server = podOf('kube-apiserver')?.containers[0];
    const where = { host: '127.0.0.1', port: 6443, scheme: 'HTTPS' };
    expect(server?.readinessProbe?.httpGet).toEqual({ ...where, path: '/readyz' });
    expect(server?.livenessProbe?.httpGet).toEqual({ ...where, path: '/livez' });
    expect(podOf('etcd')?.containers[0]?.readinessProbe).toBeDefined();
    expect(podOf('etcd')?.containers[0]?.livenessProbe).toBeUndefined();
  });
});

describe('marked()', () => {
  const role = 'node-role.kubernetes.io/control-plane';
  const taint = { key: role, effect: 'NoSchedule' };
  const notReady = { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute' };
  const node = (
    labels: Record<string, string>,
    taints: { key: string; effect: string }[],
  ): Node => ({
    metadata: { name: 'control-plane', labels },
    spec: { taints },
  });

  test('adds the label and the taint, and keeps what is there', () => {
    expect(marked(node({ a: 'b' }, [notReady]))).toMatchObject({
      metadata: { labels: { a: 'b', [role]: '' } },
      spec: { taints: [notReady, taint] },
    });
  });

  test('adds no second taint', () => {
    expect(marked(node({}, [taint]))?.spec?.taints).toEqual([taint]);
  });

  test('leaves a node that is marked', () => {
    expect(marked(node({ [role]: '' }, [taint]))).toBeUndefined();
  });
});
