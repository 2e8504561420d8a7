// The controller manager turns what is wanted into what is. Whoever dies meanwhile, the count ends exact.
import type { Pod } from 'kubernetes-types/core/v1';
import { beforeAll, describe, expect, test } from 'vitest';
import { killComponent, runningPodContainers } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { replicationController, toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('manager');

/** Tries until the API server, which may be the one that was killed, takes it. */
const scale = (replicas: number) =>
  eventually(() => ns.kubectl(`scale rc count --replicas=${replicas}`));

async function exactly(count: number): Promise<void> {
  await eventually(
    async () => {
      const { items } = await ns.getJson<{ items: Pod[] }>('pods');
      expect(items.filter((pod) => pod.status?.phase === 'Running')).toHaveLength(count);
      expect(items).toHaveLength(count);
      const containers = await runningPodContainers({ namespace: ns.name });
      expect(containers).toHaveLength(count);
      const uids = new Set(containers.map((name) => name.split('_').at(-2)));
      expect([...uids].sort()).toEqual(items.map((pod) => pod.metadata?.uid).sort());
    },
    { timeoutMs: 200_000, intervalMs: 500 },
  );
}

beforeAll(async () => {
  const quick = toolboxPod('count', { terminationGracePeriodSeconds: 0 }).spec ?? {
    containers: [],
  };
  await ns.apply(replicationController('count', 0, quick));
});

const components = [
  'kube-controller-manager',
  'kube-scheduler',
  'kube-apiserver',
  'machines',
] as const;

describe('scaling 0 → 20 while a part of the control plane is killed ends exact:', () => {
  test.each(components)(
    '%s',
    async (component) => {
      await scale(0);
      await exactly(0);
      await scale(20);
      await killComponent(component);
      await exactly(20);
    },
    600_000,
  );
});

test('scaling 20 → 5 while all parts of the control plane are killed ends exact, with the same objects as before', async () => {
  const before = await ns.kubectl('get rc count -o jsonpath={.metadata.uid}');
  await scale(5);
  await Promise.all([...components, 'store' as const].map((component) => killComponent(component)));
  await exactly(5);
  expect(await ns.kubectl('get rc count -o jsonpath={.metadata.uid}')).toBe(before);
}, 600_000);
