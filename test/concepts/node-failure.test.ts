// A node fails: its pods are recreated on the others, and the service over them goes on. When the node comes back, what ran there goes.
import type { Pod } from 'kubernetes-types/core/v1';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { nodeContainer, nodesReady, runningPodContainers } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { replicationController, service, toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';
import { docker, launcher } from '../support/process.ts';

const ns = useNamespace('failure');
const name = ['--name', inject('cluster')];

async function livePods(): Promise<readonly Pod[]> {
  const { items } = await ns.getJson<{ items: Pod[] }>('pods -l app=web');
  return items.filter((pod) => pod.metadata?.deletionTimestamp === undefined);
}

const isReady = (pod: Pod) =>
  pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ===
  true;

async function sixReadyOn(nodes: readonly string[]): Promise<void> {
  await eventually(
    async () => {
      const ready = (await livePods()).filter(isReady);
      expect(ready).toHaveLength(6);
      for (const pod of ready) expect(nodes).toContain(pod.spec?.nodeName);
    },
    { timeoutMs: 150_000, intervalMs: 500 },
  );
}

/** A client that never stops asking, and writes down how it went. */
async function startClientLoop(): Promise<void> {
  const once = 'if curl -sf -m 1 http://web/ > /dev/null; then echo ok; else echo failed; fi';
  const loop = `rm -f /tmp/loop; while true; do ${once}; sleep 0.1; done >> /tmp/loop`;
  await ns.sh('client', `nohup sh -c '${loop}' > /dev/null 2>&1 &`);
}

/** The client's last twenty requests all had an answer. */
async function clientIsServed(): Promise<void> {
  await eventually(
    async () => {
      const lines = (await ns.sh('client', 'tail -n 20 /tmp/loop')).trim().split('\n');
      expect(lines).toEqual(Array.from({ length: 20 }, () => 'ok'));
    },
    { timeoutMs: 60_000, intervalMs: 500 },
  );
}

beforeAll(async () => {
  await ns.apply([
    replicationController('web', 6),
    service('web', { app: 'web' }),
    toolboxPod('client', { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } }),
  ]);
  await ns.ready('pod/client');
  await sixReadyOn(['node-1', 'node-2', 'node-3']);
  await startClientLoop();
  await clientIsServed();
});

afterAll(async () => {
  await launcher(['node', 'restart', 'node-3', ...name], { timeoutMs: 180_000 });
  await nodesReady();
});

describe('a node dies', () => {
  const deaths = [
    { by: 'node kill', kill: () => launcher(['node', 'kill', 'node-3', ...name]) },
    {
      by: 'docker kill, without the launcher',
      kill: () => docker('kill', nodeContainer('node-3')),
    },
  ];
  test.each(deaths)(
    'by $by: its pods are recreated elsewhere, clients are served, the node comes back clean',
    async ({ kill }) => {
      // Those that were replaced may still be stopping.
      await eventually(async () => {
        const there = await runningPodContainers({ node: 'node-3', namespace: ns.name });
        expect(there).toHaveLength(2);
      });
      await kill();
      await eventually(
        async () =>
          expect(await runningPodContainers({ node: 'node-3', namespace: ns.name })).toEqual([]),
        { timeoutMs: 30_000 },
      );
      await sixReadyOn(['node-1', 'node-2']);
      await clientIsServed();
      expect(await kubectl('get node node-3')).toMatch(/node-3\s+NotReady/);
      await launcher(['node', 'restart', 'node-3', ...name], { timeoutMs: 180_000 });
      await nodesReady();
      await eventually(
        async () => {
          const { items } = await ns.getJson<{ items: Pod[] }>('pods -l app=web');
          expect(items).toHaveLength(6);
          expect(await runningPodContainers({ node: 'node-3', namespace: ns.name })).toEqual([]);
        },
        { timeoutMs: 60_000 },
      );
      await rebalance();
    },
    900_000,
  );
});

test('a paused node is NotReady, and Ready again when it goes on', async () => {
  await launcher(['node', 'pause', 'node-2', ...name]);
  try {
    await nodesReady(['node-1', 'node-3']);
  } finally {
    await launcher(['node', 'unpause', 'node-2', ...name]);
  }
  await nodesReady();
  await sixReadyOn(['node-1', 'node-2', 'node-3']);
}, 500_000);

/** New pods for old ones, so that the returned node has its share again. */
async function rebalance(): Promise<void> {
  await ns.kubectl('scale rc web --replicas=0');
  await eventually(async () => expect(await livePods()).toHaveLength(0));
  await ns.kubectl('scale rc web --replicas=6');
  await sixReadyOn(['node-1', 'node-2', 'node-3']);
}
