// A replication controller keeps the wanted number of pods alive.
import type { Pod, ReplicationController } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { DEMO_IMAGE, replicationController, toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('rc');

async function pods(): Promise<readonly Pod[]> {
  const { items } = await ns.getJson<{ items: Pod[] }>('pods -l app=web');
  return items.filter((pod) => pod.metadata?.deletionTimestamp === undefined);
}

const readyReplicas = (count: number) =>
  eventually(async () => {
    const rc = await ns.getJson<ReplicationController>('rc web');
    expect(rc.status?.readyReplicas ?? 0).toBe(count);
    expect(await pods()).toHaveLength(count);
  });

test('it makes the pods, over all the nodes, and says that they are ready', async () => {
  await ns.apply(replicationController('web', 3));
  await readyReplicas(3);
  expect(new Set((await pods()).map((pod) => pod.spec?.nodeName)).size).toBe(3);
  expect(await ns.kubectl('get rc web')).toMatch(/web\s+3\s+3\s+3/);
  expect(await ns.kubectl('describe rc web')).toMatch(/SuccessfulCreate.*Created pod: web-/);
});

test('scale makes more and fewer', async () => {
  await ns.kubectl('scale rc web --replicas=5');
  await readyReplicas(5);
  await ns.kubectl('scale rc web --replicas=2');
  await readyReplicas(2);
});

test('a deleted pod is replaced by another', async () => {
  const [victim] = await pods();
  const name = victim?.metadata?.name ?? '';
  await ns.kubectl(`delete pod ${name} --timeout=55s`);
  await readyReplicas(2);
  expect((await pods()).map((pod) => pod.metadata?.name)).not.toContain(name);
});

test('a pod whose label is taken away is let go and replaced; its labels back, one too many goes', async () => {
  const [freed] = await pods();
  const name = freed?.metadata?.name ?? '';
  await ns.kubectl(`label pod ${name} app=free --overwrite`);
  await readyReplicas(2);
  expect((await ns.getJson<Pod>(`pod ${name}`)).metadata?.ownerReferences ?? []).toEqual([]);
  await ns.kubectl(`label pod ${name} app=web --overwrite`);
  await readyReplicas(2);
  await ns.kubectl(`delete pod ${name} --ignore-not-found --timeout=55s`);
});

test('a pod that was there already is adopted', async () => {
  const first = { ...toolboxPod('early'), metadata: { name: 'early', labels: { app: 'adopter' } } };
  await ns.apply(first);
  await ns.apply(replicationController('adopter', 1));
  await eventually(async () => {
    const owners = (await ns.getJson<Pod>('pod early')).metadata?.ownerReferences;
    expect(owners?.[0]?.name).toBe('adopter');
  });
  const { items } = await ns.getJson<{ items: Pod[] }>('pods -l app=adopter');
  expect(items).toHaveLength(1);
});

test('deleting it deletes its pods; with --cascade=orphan they stay', async () => {
  await ns.kubectl('delete rc adopter --cascade=orphan');
  expect((await ns.getJson<Pod>('pod early')).metadata?.deletionTimestamp).toBeUndefined();
  await ns.kubectl('delete rc web');
  await eventually(async () => expect(await ns.kubectl('get pods -l app=web -o name')).toBe(''));
  await ns.kubectl('delete pod early --timeout=55s');
});

test('a deployment rolls a change out, and back', async () => {
  await ns.kubectl(`create deployment roll --image=${DEMO_IMAGE} --replicas=3 -- sleep infinity`);
  await ns.kubectl('rollout status deployment/roll --timeout=120s', { timeoutMs: 130_000 });
  await ns.kubectl('set env deployment/roll VERSION=2');
  await ns.kubectl('rollout status deployment/roll --timeout=120s', { timeoutMs: 130_000 });
  expect(await ns.kubectl('rollout history deployment/roll')).toMatch(/1\s+<none>\n2\s+<none>/);
  await ns.kubectl('rollout undo deployment/roll');
  await ns.kubectl('rollout status deployment/roll --timeout=120s', { timeoutMs: 130_000 });
  expect(await ns.kubectl('get deployment roll -o jsonpath={.spec.template}')).not.toContain(
    'VERSION',
  );
  await ns.kubectl('delete deployment roll');
}, 500_000);

test('a daemon set runs one pod on each node', async () => {
  const template = toolboxPod('daemon');
  const labels = { app: 'daemon' };
  await ns.apply({
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: { name: 'daemon' },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: template.spec },
    },
  });
  await eventually(async () => {
    const { items } = await ns.getJson<{ items: Pod[] }>('pods -l app=daemon');
    const nodes = items
      .filter((pod) => pod.status?.phase === 'Running')
      .map((pod) => pod.spec?.nodeName);
    expect(nodes.sort()).toEqual(['node-1', 'node-2', 'node-3']);
  });
  await eventually(async () =>
    expect(await ns.kubectl('get daemonset daemon')).toMatch(/daemon\s+3\s+3\s+3/),
  );
});
