// kube-proxy makes a service's address work: from every pod and every node, by rules in the kernel.
import type { Service } from 'kubernetes-types/core/v1';
import { beforeAll, describe, expect, test } from 'vitest';
import { nodeContainer } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { replicationController, service, toolboxPod, webPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';
import { docker } from '../support/process.ts';

const ns = useNamespace('proxy');
const NODES = ['node-1', 'node-2', 'node-3'] as const;
let clusterIp = '';

const curlFromNode = (node: string, url: string) =>
  docker('exec', nodeContainer(node), 'curl', '-s', '-m', '5', url);

beforeAll(async () => {
  const clients = NODES.map((node) =>
    toolboxPod(`client-${node}`, { nodeSelector: { 'kubernetes.io/hostname': node } }),
  );
  await ns.apply([replicationController('web', 3), service('web', { app: 'web' }), ...clients]);
  await ns.ready(clients.map((client) => `pod/${client.metadata?.name}`).join(' '));
  await ns.ready('pod -l app=web');
  clusterIp = (await ns.getJson<Service>('service web')).spec?.clusterIP ?? '';
});

describe('the cluster IP answers', () => {
  test.each(NODES)('from a pod on %s', async (node) => {
    const answer = () => ns.sh(`client-${node}`, `curl -s -m 5 http://${clusterIp}/`);
    await eventually(async () => expect(await answer()).toContain('web-'));
  });

  test.each(NODES)('from %s itself', async (node) => {
    await eventually(async () =>
      expect(await curlFromNode(node, `http://${clusterIp}/`)).toContain('web-'),
    );
  });

  test('a pod that asks for itself (hairpin)', async () => {
    await ns.apply([webPod('lonely', { app: 'lonely' }), service('mirror', { app: 'lonely' })]);
    await ns.ready('pod/lonely');
    await eventually(async () => {
      expect(await ns.sh('lonely', 'curl -s -m 3 http://mirror/')).toContain('lonely');
    });
  });
});

test('a node port answers on every node', async () => {
  await ns.apply(service('open', { app: 'web' }, { type: 'NodePort' }));
  const port = (await ns.getJson<Service>('service open')).spec?.ports?.[0]?.nodePort ?? 0;
  expect(port).toBeGreaterThanOrEqual(30_000);
  expect(port).toBeLessThanOrEqual(32_767);
  for (const node of NODES) {
    const format = '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}';
    const address = await docker('inspect', '-f', format, nodeContainer(node));
    await eventually(async () => {
      expect(await ns.sh('client-node-1', `curl -s -m 5 http://${address}:${port}/`)).toContain(
        'web-',
      );
    });
  }
});

test('a service without pods refuses at once', async () => {
  await ns.apply(service('empty', { app: 'nobody' }));
  await eventually(async () => {
    const result = await ns.sh('client-node-1', 'curl -s -m 10 http://empty/; echo $?');
    expect(result).toBe('7\n');
  });
});

test('nothing addressed to the service range leaves the node: an unallocated address refuses at once', async () => {
  await eventually(async () => {
    const result = await ns.sh('client-node-1', 'curl -s -m 5 http://10.96.250.250/; echo $?');
    expect(result).toBe('7\n');
  });
  const route = await docker(
    'exec',
    nodeContainer('node-1'),
    'ip',
    'route',
    'get',
    '10.96.250.250',
  );
  expect(route).not.toContain('eth0');
});

test('rules come back when somebody flushes them', async () => {
  await docker('exec', nodeContainer('node-2'), 'nft', 'delete', 'table', 'ip', 'kube-proxy');
  await ns.apply(service('trigger', { app: 'web' }));
  await eventually(async () => {
    expect(await ns.sh('client-node-2', `curl -s -m 2 http://${clusterIp}/`)).toContain('web-');
  });
});
