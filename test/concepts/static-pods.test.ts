// Static pods: the control plane is pods of its own node's kubelet, which runs them without asking anybody.
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { componentContainer, killComponent } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { getJson, kubectl } from '../support/kubectl.ts';
import { toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('static');

const COMPONENTS = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'machines',
  'store',
] as const;

const podOf = (component: string) => getJson<Pod>(`pod ${component}-control-plane -n kube-system`);

test('kubectl shows the parts of the control plane as pods of their node', async () => {
  await eventually(async () => {
    const text = await kubectl('-n kube-system get pods -l tier=control-plane -o wide');
    for (const component of COMPONENTS) {
      const row = `${component}-control-plane\\s+1/1\\s+Running\\s.*\\scontrol-plane\\s`;
      expect(text).toMatch(new RegExp(row));
    }
  });
  const { metadata } = await podOf('kube-apiserver');
  expect(metadata?.ownerReferences).toMatchObject([{ kind: 'Node', name: 'control-plane' }]);
  expect(metadata?.annotations).toMatchObject({
    'kubernetes.io/config.source': 'file',
    'kubernetes.io/config.mirror': metadata?.annotations?.['kubernetes.io/config.hash'],
  });
});

test.each(COMPONENTS)('kubectl logs shows what %s says', async (component) => {
  await eventually(async () => {
    const said = await kubectl(`-n kube-system logs ${component}-control-plane`);
    expect(said).toMatch(/^[IW]\d{4} /m);
  });
});

test('the mirror of a static pod can be deleted: it comes back, and nothing is restarted', async () => {
  const [before, container] = [await podOf('store'), await componentContainer('store')];
  await kubectl('-n kube-system delete pod store-control-plane --wait=false');
  await eventually(async () => {
    const now = await podOf('store');
    expect(now.metadata?.uid).not.toBe(before.metadata?.uid);
    expect(now.status?.phase).toBe('Running');
  });
  expect(await componentContainer('store')).toBe(container);
});

test('a scheduler whose container is killed is restarted by the kubelet, and goes on', async () => {
  const before = (await podOf('kube-scheduler')).status?.containerStatuses?.[0]?.restartCount ?? 0;
  const killed = await killComponent('kube-scheduler');
  await ns.apply(toolboxPod('after'));
  await ns.ready('pod/after', 120);
  await eventually(async () => {
    expect(await ns.kubectl('get events --field-selector involvedObject.name=after')).toMatch(
      /Scheduled\s+pod\/after\s+Successfully assigned/,
    );
  });
  await eventually(async () => {
    const status = (await podOf('kube-scheduler')).status?.containerStatuses?.[0];
    expect(status?.restartCount).toBe(before + 1);
    expect(status?.lastState?.terminated).toMatchObject({ exitCode: 137, reason: 'Error' });
    expect(status?.containerID).not.toContain(killed);
  });
});
