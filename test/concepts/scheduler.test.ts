// The scheduler gives every pod a node that can take it, and says why when there is none.
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { DEMO_IMAGE, pod, replicationController, toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('scheduler');
const nodeOf = (name: string) => ns.kubectl(`get pod ${name} -o jsonpath={.spec.nodeName}`);

function demanding(name: string, requests: Record<string, string>) {
  const container = { name: 'main', image: DEMO_IMAGE, command: ['sleep', 'infinity'] };
  return pod(name, {}, { containers: [{ ...container, resources: { requests } }] });
}

test('the pods of a controller are spread over the nodes', async () => {
  await ns.apply(replicationController('spread', 6));
  await eventually(async () => {
    const { items } = await ns.getJson<{ items: Pod[] }>('pods -l app=spread');
    const perNode = ['node-1', 'node-2', 'node-3'].map(
      (node) => items.filter((item) => item.spec?.nodeName === node).length,
    );
    expect(perNode).toEqual([2, 2, 2]);
  });
  await ns.kubectl('delete rc spread');
});

test('a pod that asks for too much waits, and the event says why', async () => {
  await ns.apply(demanding('greedy', { cpu: '1000' }));
  await eventually(async () => {
    const text = await ns.kubectl('describe pod greedy');
    expect(text).toMatch(/FailedScheduling.*0\/4 nodes are available: .*3 Insufficient cpu/);
    expect(text).toContain(
      '1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }',
    );
  });
  expect(await ns.kubectl('get pod greedy')).toMatch(/greedy\s+0\/1\s+Pending/);
});

test('a node selector waits for a label, and takes the node that gets it', async () => {
  await ns.apply(toolboxPod('picky', { nodeSelector: { disk: 'ssd' } }));
  await eventually(async () => {
    expect(await ns.kubectl('describe pod picky')).toContain(
      "didn't match Pod's node affinity/selector",
    );
  });
  await kubectl('label node node-2 disk=ssd');
  try {
    await ns.ready('pod/picky');
    expect(await nodeOf('picky')).toBe('node-2');
  } finally {
    await kubectl('label node node-2 disk-');
  }
});

test('a host port is given once a node', async () => {
  const withPort = (name: string) => {
    const container = { name: 'main', image: DEMO_IMAGE, command: ['sleep', 'infinity'] };
    return pod(
      name,
      {},
      { containers: [{ ...container, ports: [{ containerPort: 80, hostPort: 18080 }] }] },
    );
  };
  await ns.apply(['p1', 'p2', 'p3', 'p4'].map(withPort));
  await eventually(async () => {
    const nodes = await Promise.all(['p1', 'p2', 'p3', 'p4'].map(nodeOf));
    expect(nodes.filter(Boolean).sort()).toEqual(['node-1', 'node-2', 'node-3']);
  });
  await eventually(async () => {
    const events = await ns.kubectl('get events --field-selector reason=FailedScheduling');
    expect(events).toContain("didn't have free ports for the requested pod ports");
  });
  await ns.kubectl('delete pods p1 p2 p3 p4 --timeout=60s');
});

test('a taint keeps pods away that do not tolerate it', async () => {
  await kubectl('taint node node-1 node-2 team=blue:NoSchedule');
  try {
    const tolerations = [{ key: 'team', operator: 'Equal', value: 'blue', effect: 'NoSchedule' }];
    const pinned = { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } };
    await ns.apply([toolboxPod('plain'), toolboxPod('blue', { tolerations, ...pinned })]);
    await ns.ready('pod/plain pod/blue');
    expect(await nodeOf('plain')).toBe('node-3');
    expect(await nodeOf('blue')).toBe('node-1');
  } finally {
    await kubectl('taint node node-1 node-2 team-');
  }
});

test('a pod for another scheduler is left alone', async () => {
  await ns.apply([toolboxPod('foreign', { schedulerName: 'mine' }), toolboxPod('ours')]);
  await ns.ready('pod/ours');
  expect(await nodeOf('foreign')).toBe('');
});
