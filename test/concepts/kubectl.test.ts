// Stock kubectl, verb by verb: what a person types, and what they must see.
import type { Deployment } from 'kubernetes-types/apps/v1';
import type { ConfigMap } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { kubectl, tryKubectl } from '../support/kubectl.ts';
import { DEMO_IMAGE, service } from '../support/manifests.ts';
import { useNamespace } from '../support/namespace.ts';

const ns = useNamespace('verbs');

describe('asking about the cluster', () => {
  test('version, cluster-info, api-resources, api-versions', async () => {
    expect(await kubectl('version')).toMatch(/Server Version: v1\.\d+/);
    expect(await kubectl('cluster-info')).toContain('Kubernetes control plane');
    const kinds = await kubectl('api-resources');
    for (const row of [/pods\s+po\s+v1\s+true\s+Pod/, /deployments\s+deploy\s+apps\/v1\s+true/]) {
      expect(kinds).toMatch(row);
    }
    expect(await kubectl('api-versions')).toMatch(/^apps\/v1\n/m);
  });

  test('explain tells the fields', async () => {
    const text = await kubectl('explain pod.spec.containers.image');
    expect(text).toMatch(/FIELD: image <string>/);
    expect(await kubectl('explain pod.spec')).toContain('restartPolicy');
  });
});

describe('every way to get', () => {
  test('default, wide, yaml, json, name, jsonpath, field selector, all namespaces', async () => {
    await ns.kubectl('create configmap one --from-literal=a=b');
    expect(await ns.kubectl('get configmap one')).toMatch(/NAME\s+DATA\s+AGE\none\s+1\s/);
    expect(await ns.kubectl('get configmap one -o yaml')).toContain('kind: ConfigMap');
    expect(JSON.parse(await ns.kubectl('get configmap one -o json')).data).toEqual({ a: 'b' });
    expect(await ns.kubectl('get configmap one -o name')).toBe('configmap/one\n');
    expect(await ns.kubectl('get configmap one -o jsonpath={.data.a}')).toBe('b');
    expect(await ns.kubectl('get configmap --field-selector metadata.name=one -o name')).toBe(
      'configmap/one\n',
    );
    expect(await kubectl('get configmap -A')).toContain(ns.name);
  });
});

test('create, edit, patch in three ways, replace, delete', async () => {
  const data = async () => (await ns.getJson<ConfigMap>('configmap c')).data;
  await ns.kubectl('create configmap c --from-literal=color=red');
  await ns.kubectl('edit configmap c', { env: { KUBE_EDITOR: 'sed -i s/red/green/' } });
  expect(await data()).toEqual({ color: 'green' });
  await ns.kubectl(['patch', 'configmap', 'c', '-p', '{"data":{"a":"1"}}']);
  await ns.kubectl(['patch', 'configmap', 'c', '--type=merge', '-p', '{"data":{"color":null}}']);
  const jsonPatch = '[{"op":"add","path":"/data/b","value":"2"}]';
  await ns.kubectl(['patch', 'configmap', 'c', '--type=json', '-p', jsonPatch]);
  expect(await data()).toEqual({ a: '1', b: '2' });
  const whole = await ns.getJson<ConfigMap>('configmap c');
  await ns.kubectl('replace -f -', { input: { ...whole, data: { only: 'this' } } });
  expect(await data()).toEqual({ only: 'this' });
  const stale = await ns.tryKubectl('replace -f -', { input: whole });
  expect(stale.stderr).toContain(
    'the object has been modified; please apply your changes to the latest version',
  );
  expect(await ns.kubectl('delete configmap c')).toContain('configmap "c" deleted');
});

test('run makes a pod; dry-run makes none', async () => {
  await ns.kubectl(`run once --image=${DEMO_IMAGE} --restart=Never --command -- echo hello`);
  await ns.kubectl('wait --for=jsonpath={.status.phase}=Succeeded pod/once --timeout=55s');
  expect(await ns.kubectl('logs once')).toBe('hello\n');
  await ns.kubectl(`run never --image=${DEMO_IMAGE} --dry-run=server`);
  expect((await ns.tryKubectl('get pod never')).stderr).toContain('not found');
});

describe('typed creates, which kubectl sends as protobuf', () => {
  test.each([
    [
      'deployment',
      `create deployment typed --image=${DEMO_IMAGE} --replicas=0`,
      'deployment.apps/typed',
    ],
    ['configmap', 'create configmap typed --from-literal=a=b', 'configmap/typed'],
    ['secret', 'create secret generic typed --from-literal=a=b', 'secret/typed'],
    ['service', 'create service clusterip typed --tcp=80:8080', 'service/typed'],
    ['service account', 'create serviceaccount typed', 'serviceaccount/typed'],
  ])('%s', async (_, command, want) => {
    expect(await ns.kubectl(command)).toBe(`${want} created\n`);
  });
});

describe('older clients do the same', () => {
  test.each(['1.27', '1.30'] as const)('kubectl %s', async (version) => {
    const name = `old-${version.replace('.', '-')}`;
    const old = { version };
    await ns.kubectl(
      `create deployment ${name} --image=${DEMO_IMAGE} --replicas=1 -- sleep infinity`,
      old,
    );
    await ns.kubectl(`rollout status deployment/${name} --timeout=120s`, {
      ...old,
      timeoutMs: 130_000,
    });
    await ns.apply(service(name, { app: name }), old);
    expect(await ns.apply(service(name, { app: name }), old)).toContain('unchanged');
    expect(await ns.kubectl(`get deployment ${name}`, old)).toMatch(/1\/1\s+1\s+1/);
    await eventually(async () =>
      expect(await ns.kubectl(`describe deployment ${name}`, old)).toContain('ScalingReplicaSet'),
    );
    expect(await ns.kubectl('explain pod.spec', old)).toContain('containers');
    await ns.kubectl(`scale deployment ${name} --replicas=2`, old);
    const { spec } = await ns.getJson<Deployment>(`deployment ${name}`);
    expect(spec?.replicas).toBe(2);
    await ns.kubectl(`delete deployment,service ${name}`, old);
  });
});

test('get -w shows changes as they come', async () => {
  const watching = ns.tryKubectl('get configmap -w -o name', {
    until: (told) => told.includes('configmap/seen'),
  });
  await ns.kubectl('create configmap seen --from-literal=a=b');
  expect((await watching).stdout).toContain('configmap/seen');
});

test('what does not exist is said, with exit code 1', async () => {
  const missing = await tryKubectl('get pod nothing');
  expect(missing.code).toBe(1);
  expect(missing.stderr).toBe('Error from server (NotFound): pods "nothing" not found\n');
});
