// The controller manager turns what is wanted into what is. Whoever dies meanwhile, the count ends exact.
import type { Pod } from 'kubernetes-types/core/v1';
import { beforeAll, describe, expect, test } from 'vitest';
import { killComponent, runningPodContainers } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { tryKubectl } from '../support/kubectl.ts';
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
    { timeoutMs: 100_000, intervalMs: 500 },
  );
}

beforeAll(async () => {
  const quick = toolboxPod('count', { terminationGracePeriodSeconds: 0 }).spec ?? {
    containers: [],
  };
  await ns.apply(replicationController('count', 0, quick));
});

describe('scaling 0 → 20 → 5 while a process of the control plane is killed ends exact:', () => {
  test.each(['controllers', 'scheduler', 'apiserver', 'machines'] as const)(
    '%s',
    async (component) => {
      await scale(0);
      await exactly(0);
      await scale(20);
      await killComponent(component);
      await exactly(20);
      await scale(5);
      await killComponent(component);
      await exactly(5);
    },
    300_000,
  );
});

test('the API server that comes back has everything, at the same revision or later', async () => {
  const before = await ns.kubectl('get rc count -o jsonpath={.metadata.uid}');
  await killComponent('apiserver');
  await eventually(async () => {
    expect((await tryKubectl('get --raw /readyz')).stdout).toBe('ok');
  });
  expect(await ns.kubectl('get rc count -o jsonpath={.metadata.uid}')).toBe(before);
});
