// A namespace keeps the names of different people apart, and goes with all that is in it.
import type { Namespace } from 'kubernetes-types/core/v1';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { getJson, kubectl, tryKubectl } from '../support/kubectl.ts';
import { replicationController, service, toolboxPod } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('nsa');
const other = useNamespace('nsb');

test('the namespaces of every cluster are there and Active', async () => {
  const text = await kubectl('get namespaces');
  for (const name of ['default', 'kube-system', 'kube-public', 'kube-node-lease']) {
    expect(text).toMatch(new RegExp(`${name}\\s+Active`));
  }
});

test('the same name lives in two namespaces, and -A shows both', async () => {
  await ns.apply(toolboxPod('twin'));
  await other.apply(toolboxPod('twin'));
  const all = await kubectl('get pods -A --field-selector metadata.name=twin --no-headers');
  expect(all).toContain(ns.name);
  expect(all).toContain(other.name);
  await ns.kubectl('delete pod twin --timeout=55s');
  expect(await other.kubectl('get pod twin -o name')).toBe('pod/twin\n');
});

test('nothing is made in a namespace that does not exist', async () => {
  const refused = await tryKubectl('-n nowhere create configmap lost');
  expect(refused.stderr).toContain('namespaces "nowhere" not found');
});

test('deleting a namespace ends everything in it, and then the namespace', async () => {
  const name = `${ns.name}-gone`;
  await kubectl(`create namespace ${name}`);
  const objects = [replicationController('web', 2), service('web', { app: 'web' })];
  await kubectl('apply -f -', {
    namespace: name,
    input: { apiVersion: 'v1', kind: 'List', items: objects },
  });
  await kubectl('create secret generic hidden --from-literal=a=b', { namespace: name });
  await eventually(async () => {
    expect(await kubectl('get pods --no-headers', { namespace: name })).toMatch(/1\/1[\s\S]*1\/1/);
  });
  await kubectl(`delete namespace ${name} --wait=false`);
  const going = await getJson<Namespace>(`namespace ${name}`).catch(() => undefined);
  if (going !== undefined) expect(going.status?.phase).toBe('Terminating');
  const late = await tryKubectl('create configmap late', { namespace: name });
  expect(late.stderr).toMatch(/because it is being terminated|not found/);
  await kubectl(`wait --for=delete namespace/${name} --timeout=120s`, { timeoutMs: 130_000 });
  expect(await kubectl('get pods -A --no-headers')).not.toContain(name);
});

test('the namespaces of the system cannot be deleted', async () => {
  const refused = await tryKubectl('delete namespace default --wait=false');
  expect(refused.stderr).toContain('namespaces "default" is forbidden');
});
