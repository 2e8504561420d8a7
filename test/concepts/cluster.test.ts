// A cluster: a control plane and nodes, in containers, that comes back by itself with everything that was in it.
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, inject, test } from 'vitest';
import { controlPlanes, nodeContainer, nodesReady } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl, tryKubectl } from '../support/kubectl.ts';
import { replicationController, service, toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';
import { docker, launcher } from '../support/process.ts';

const ns = useNamespace('cluster');

test('status tells every component and node, for people and as JSON', async () => {
  const name = inject('cluster');
  const text = await launcher(['status', '--name', name]);
  expect(text.code).toBe(0);
  for (const part of ['apiserver', 'scheduler', 'node-1', 'node-2', 'node-3']) {
    expect(text.stdout).toContain(part);
  }
  // What another test has killed may still be on its way back.
  const json = await eventually(async () => {
    const { stdout } = await launcher(['status', '--name', name, '--json']);
    const told = JSON.parse(stdout);
    expect(told.state).toBe('running');
    return told;
  });
  expect(json.nodes.map((node: { name: string }) => node.name)).toEqual([
    ...controlPlanes(),
    ...['node-1', 'node-2', 'node-3'],
  ]);
});

test('up on a running cluster says so and changes nothing', async () => {
  const name = inject('cluster');
  const running = async () => {
    const format = '{{.ID}} ({{.Label "io.kubernetes.pod.namespace"}})';
    const rows = await docker('ps', '--filter', `label=kube-labs=${name}`, '--format', format);
    const idsIn = (namespace: string) =>
      rows
        .split('\n')
        .flatMap((row) => (row.endsWith(`(${namespace})`) ? [row.split(' ')[0]] : []));
    return { machines: idsIn(''), components: idsIn('kube-system') };
  };
  const before = await running();
  expect(before.machines.length).toBeGreaterThanOrEqual(4);
  expect(before.components.length).toBeGreaterThanOrEqual(4);
  const again = await launcher(['up', '--name', name], { timeoutMs: 180_000 });
  expect(again.code).toBe(0);
  expect(again.stdout).toMatch(/already|runs/);
  const after = await running();
  expect(after.machines).toEqual(before.machines);
  // One that was killed before may come back in this moment; none that runs is touched.
  expect(after.components).toEqual(expect.arrayContaining(before.components));
});

test('a client without a certificate is refused', async () => {
  const server = await kubectl(['config', 'view', '-o', 'jsonpath={.clusters[0].cluster.server}']);
  const anonymous = ['--server', server, '--insecure-skip-tls-verify', '--kubeconfig', '/dev/null'];
  const refused = await tryKubectl([...anonymous, '--token', 'no-such-token', 'get', 'pods']);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toMatch(/Unauthorized|must be logged in/);
});

test('logs shows what a component says', async () => {
  for (const component of ['apiserver', 'scheduler', 'controller-manager']) {
    const asked = `control-plane/${component}`;
    const { code, stdout } = await launcher(['logs', asked, '--name', inject('cluster')]);
    expect(code).toBe(0);
    expect(stdout.length).toBeGreaterThan(0);
  }
});

test('restarting every container brings the same cluster back, with everything in it', async () => {
  await ns.apply([
    replicationController('web', 3),
    service('web', { app: 'web' }),
    toolboxPod('client'),
  ]);
  await ns.ready('pod -l app=web');
  await ns.ready('pod/client');
  await ns.kubectl('create configmap kept --from-literal=a=b');
  const uid = await ns.kubectl('get rc web -o jsonpath={.metadata.uid}');
  const clusterIp = await ns.kubectl('get service web -o jsonpath={.spec.clusterIP}');
  const machines = [...controlPlanes(), 'node-1', 'node-2', 'node-3'];
  await docker('restart', '-t', '5', ...machines.map(nodeContainer));
  await eventually(
    async () => expect(await ns.kubectl('get configmap kept -o jsonpath={.data.a}')).toBe('b'),
    { timeoutMs: 180_000 },
  );
  await nodesReady();
  await eventually(async () => {
    expect(await ns.kubectl('get rc web -o jsonpath={.metadata.uid}')).toBe(uid);
    expect(await ns.kubectl('get service web -o jsonpath={.spec.clusterIP}')).toBe(clusterIp);
  });
  await eventually(
    async () => {
      const { items } = await ns.getJson<{ items: Pod[] }>('pods -l app=web');
      expect(items).toHaveLength(3);
      expect(await ns.sh('client', 'curl -s -m 2 http://web/')).toContain('web-');
    },
    { timeoutMs: 180_000 },
  );
}, 700_000);
