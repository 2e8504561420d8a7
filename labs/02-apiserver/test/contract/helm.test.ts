// Helm, as it is released: the chart that `helm create` makes, installed, upgraded, rolled back and uninstalled, by Helm 4 and Helm 3.
//
// No controllers run beside the server. `--wait` therefore waits for a deployment whose status the test writes as the controller would.
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { wire } from '../server/wire.ts';
import {
  type ContractServer,
  type StoreKind,
  startContractServer,
} from '../support/contract-server.ts';
import type { Layer } from '../support/tools.ts';

const CASE_TIMEOUT_MS = 300_000;
const DEADLINE = { timeout: 60_000, interval: 50 };
const APPS = '/apis/apps/v1/namespaces/default';
const ROUNDS = [
  { name: 'Helm 4 on our store', layer: '35', store: 'our store' },
  { name: 'Helm 4 on etcd', layer: '35', store: 'etcd' },
  { name: 'Helm 3 on our store', layer: '28', store: 'our store' },
] as const;

/** The deployment controller's part, and the kubelet's: the replica set of the template, and that all its pods are ready. */
async function rollOut({ api }: ContractServer, name: string): Promise<void> {
  const { metadata, spec } = (await wire(api, `${APPS}/deployments/${name}`)).json;
  const labels = { ...spec.template.metadata.labels, 'pod-template-hash': 'one' };
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name,
    uid: metadata.uid,
    controller: true,
  };
  const replicaSet = {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: { name: `${name}-one`, labels, ownerReferences: [owner] },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  };
  const counts = { replicas: 1, readyReplicas: 1, availableReplicas: 1, observedGeneration: 1 };
  const conditions = [
    { type: 'Available', status: 'True', reason: 'MinimumReplicasAvailable' },
    { type: 'Progressing', status: 'True', reason: 'NewReplicaSetAvailable' },
  ];
  const made = await wire(api, `${APPS}/replicasets`, { method: 'POST', body: replicaSet });
  expect(made.status).toBe(201);
  const headers = { 'content-type': 'application/merge-patch+json' };
  for (const [path, status] of [
    [`replicasets/${name}-one`, counts],
    [`deployments/${name}`, { ...counts, updatedReplicas: 1, conditions }],
  ] as const) {
    const options = { method: 'PATCH', headers, body: { status } };
    expect((await wire(api, `${APPS}/${path}/status`, options)).status).toBe(200);
  }
}

for (const { name, layer, store } of ROUNDS) describe(name, () => contract(layer, store));

function contract(layer: Layer, store: StoreKind): void {
  let server: ContractServer;
  beforeAll(async () => {
    server = await startContractServer(store);
    await helm('create web');
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const tryHelm = (line: string) => server.run('helm', layer, line.split(' '));
  async function helm(line: string): Promise<string> {
    const { code, stdout, stderr } = await tryHelm(line);
    if (code !== 0) throw new Error(`helm ${line} ended with ${code}: ${stderr}${stdout}`);
    return stdout;
  }
  const replicas = async () =>
    (await wire(server.api, `${APPS}/deployments/site-web`)).json.spec.replicas;

  test('install, upgrade, history, rollback, list, get, uninstall', {
    timeout: CASE_TIMEOUT_MS,
  }, async () => {
    expect(await helm('install site ./web')).toContain('STATUS: deployed');
    expect(await replicas()).toBe(1);
    expect(await helm('upgrade site ./web --set replicaCount=3')).toContain('REVISION: 2');
    expect(await replicas()).toBe(3);
    expect(await helm('list -o json').then(JSON.parse)).toEqual([
      expect.objectContaining({ name: 'site', revision: '2', status: 'deployed' }),
    ]);
    expect(await helm('rollback site 1')).toContain('Rollback was a success');
    expect(await replicas()).toBe(1);
    const history = JSON.parse(await helm('history site -o json'));
    expect(history.map(({ status }: { status: string }) => status)).toEqual([
      'superseded',
      'superseded',
      'deployed',
    ]);
    expect(await helm('get manifest site')).toContain('kind: Deployment');
    expect(await helm('status site')).toContain('STATUS: deployed');
    expect(await helm('uninstall site')).toContain('uninstalled');
    expect((await wire(server.api, `${APPS}/deployments/site-web`)).status).toBe(404);
    const secrets = await wire(
      server.api,
      '/api/v1/namespaces/default/secrets?labelSelector=owner=helm',
    );
    expect(secrets.json.items).toEqual([]);
  });

  test('install --wait ends when the deployment is there', {
    timeout: CASE_TIMEOUT_MS,
  }, async () => {
    const installing = helm('install late ./web --wait --timeout 80s');
    installing.catch(() => undefined);
    const path = `${APPS}/deployments/late-web`;
    await vi.waitFor(async () => expect((await wire(server.api, path)).status).toBe(200), DEADLINE);
    await rollOut(server, 'late-web');
    expect(await installing).toContain('STATUS: deployed');
    await helm('uninstall late');
  });

  test('what the server refuses, Helm says, and the release is marked as failed', {
    timeout: CASE_TIMEOUT_MS,
  }, async () => {
    const { code, stderr } = await tryHelm('install bad ./web --set service.port=99999');
    expect(code).not.toBe(0);
    expect(stderr).toContain('must be between 1 and 65535');
    expect(JSON.parse(await helm('list --failed -o json'))).toEqual([
      expect.objectContaining({ name: 'bad', status: 'failed' }),
    ]);
    await helm('uninstall bad');
  });
}
