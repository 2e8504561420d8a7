// Three control planes: any one of them may be killed. kubectl goes on, others lead, the store keeps its quorum, and it comes back.
import type { Lease } from 'kubernetes-types/coordination/v1';
import type { Pod } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import {
  componentContainer,
  controlPlanes,
  killComponent,
  nodeContainer,
  nodesReady,
} from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { getJson, kubectl } from '../support/kubectl.ts';
import { toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';
import { docker } from '../support/process.ts';

const ns = useNamespace('planes');

const COMPONENTS = ['etcd', 'kube-apiserver', 'kube-scheduler', 'kube-controller-manager'] as const;
const LEADERS = ['kube-scheduler', 'kube-controller-manager'] as const;

const curl = (node: string, url: string) =>
  docker('exec', nodeContainer(node), 'curl', '-sk', '-m', '5', url);

/** The control plane on which the leader of a component is. */
async function leaderOf(component: (typeof LEADERS)[number]): Promise<string> {
  const lease = await getJson<Lease>(`lease ${component} -n kube-system`);
  const holder = lease.spec?.holderIdentity ?? '';
  return controlPlanes().find((node) => holder.startsWith(`${nodeContainer(node)}_`)) ?? holder;
}

/** The API server of that machine is ready, and its member of etcd knows a leader. */
async function isWhole(node: string): Promise<void> {
  await eventually(
    async () => {
      expect(await curl(node, 'https://127.0.0.1:6443/readyz')).toBe('ok');
      expect(await curl(node, 'http://127.0.0.1:2381/health')).toContain('"health":"true"');
    },
    { timeoutMs: 180_000 },
  );
  await nodesReady(controlPlanes(), 'node-role.kubernetes.io/control-plane');
}

/** What needs every part of the control plane: a deployment whose pod runs. */
async function aDeploymentRuns(name: string): Promise<void> {
  const template = toolboxPod(name);
  const labels = { app: name };
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: template.spec },
    },
  };
  await eventually(() => ns.apply(deployment));
  await ns.kubectl(`rollout status deployment/${name} --timeout=150s`, { timeoutMs: 160_000 });
}

test('kubectl shows three of each, and one of each leads', async () => {
  await eventually(async () => {
    const { items } = await getJson<{ items: Pod[] }>('pods -n kube-system -l tier=control-plane');
    const ready = items.filter((pod) => pod.status?.containerStatuses?.every((one) => one.ready));
    const names = ready.map((pod) => pod.metadata?.name);
    for (const component of COMPONENTS) {
      expect(names).toEqual(
        expect.arrayContaining(controlPlanes().map((node) => `${component}-${node}`)),
      );
    }
  });
  // A leader that was stopped has given its lease back, and each API server writes its own address.
  await eventually(async () => {
    expect(await kubectl('get nodes')).toMatch(/control-plane-3\s+Ready\s+control-plane\s/);
    for (const component of LEADERS) expect(controlPlanes()).toContain(await leaderOf(component));
    const addresses = await kubectl('get endpoints kubernetes -o jsonpath={.subsets[0].addresses}');
    expect(JSON.parse(addresses)).toHaveLength(3);
  });
});

describe('docker kill', () => {
  test.each(['control-plane', 'control-plane-2', 'control-plane-3'])(
    'of %s: kubectl goes on, others lead, and it comes back',
    async (victim) => {
      await docker('kill', nodeContainer(victim));
      await eventually(() => ns.kubectl(`create configmap during-${victim}`));
      await eventually(async () => expect(await componentContainer('etcd', victim)).toBe(''));
      await eventually(
        async () => {
          for (const component of LEADERS) expect(await leaderOf(component)).not.toBe(victim);
        },
        { timeoutMs: 120_000 },
      );
      await aDeploymentRuns(`during-${victim}`);
      await docker('start', nodeContainer(victim));
      await isWhole(victim);
      expect(await ns.kubectl(`get configmap during-${victim} -o name`)).toContain(victim);
    },
    900_000,
  );

  test('of a member of etcd: the others keep the quorum, and its kubelet restarts it', async () => {
    const killed = await killComponent('etcd', 'control-plane-2');
    await eventually(() => ns.kubectl('create configmap without-a-member'));
    await isWhole('control-plane-2');
    expect(await componentContainer('etcd', 'control-plane-2')).not.toBe(killed);
  });
});
