// What a node's own user may have for its pods: tokens of their accounts, their claims and volumes; and nothing of others'.

import { allResources, Client, resources, startTestApiServer } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, onTestFinished, test, vi } from 'vitest';
import { boundVolumeOf, claimsOf } from '#src/volume/persistent-claim.ts';
import { tokenRequests } from '#src/volume/service-account-token.ts';

const PROJECTION = { path: 'token', expirationSeconds: 3_607 };
const DATA = { name: 'data', persistentVolumeClaim: { claimName: 'data' } };

async function setUp() {
  const user = { token: 'node', user: 'system:node:node-1', groups: ['system:nodes'] };
  const server = await startTestApiServer({
    tokens: [user],
    authorization: { modes: ['Node', 'RBAC'] },
    admission: { enable: ['NodeRestriction'] },
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const admin = server.client();
  const { ca = '' } = server.adminOptions;
  const clientOf = (token: string) => {
    const client = new Client({ server: server.url, ca, token });
    onTestFinished(() => client[Symbol.asyncDispose]());
    return client;
  };
  const node = clientOf('node');
  const metadata = (name: string) => ({ name, namespace: 'default' });
  await admin.create(resources.serviceAccounts, { metadata: metadata('me') });
  const amount = { storage: '1Gi' };
  const common = { accessModes: ['ReadWriteOnce'], storageClassName: 'manual' };
  const claim = await admin.create(allResources.persistentVolumeClaims, {
    metadata: metadata('data'),
    spec: { ...common, resources: { requests: amount }, volumeName: 'data' },
  });
  await admin.create(allResources.persistentVolumes, {
    metadata: { name: 'data' },
    spec: {
      ...common,
      capacity: amount,
      hostPath: { path: '/data' },
      claimRef: { ...metadata('data'), uid: claim.metadata?.uid ?? '' },
    },
  });
  await admin.updateStatus(allResources.persistentVolumeClaims, {
    ...claim,
    status: { phase: 'Bound' },
  });
  const podOn = (name: string, nodeName: string): Promise<Pod> =>
    admin.create(resources.pods, {
      metadata: metadata(name),
      spec: {
        nodeName,
        serviceAccountName: 'me',
        volumes: [DATA],
        containers: [{ name: 'c', image: 'image:v1' }],
      },
    });
  return { node, podOn, clientOf, request: tokenRequests(node) };
}

test('a node gets tokens bound to its pods, and no others', async () => {
  const { podOn, clientOf, request } = await setUp();
  const far = await podOn('far', 'node-2');
  await expect(request(far, PROJECTION)).rejects.toThrow('system:node:node-1');
  const near = await podOn('near', 'node-1');
  // What a node may do follows what is bound to it, a moment later.
  const issued = await vi.waitUntil(() => request(near, PROJECTION).catch(() => undefined));
  expect(issued.expiresAtMs - issued.issuedAtMs).toBe(3_607_000);
  await expect(request(far, PROJECTION)).rejects.toThrow('different node');
  const pod = clientOf(issued.token);
  const question = pod.get(resources.pods, { namespace: 'default', name: 'near' });
  await expect(question).rejects.toThrow('User "system:serviceaccount:default:me" cannot get');
});

test('a node reads the claims of its pods and the volumes behind them, and no others', async () => {
  const { node, podOn } = await setUp();
  const reader = claimsOf(node);
  const far = await podOn('far', 'node-2');
  await expect(boundVolumeOf(far, DATA, reader)).rejects.toThrow(
    /error processing PVC default\/data: failed to fetch PVC from API server: .*forbidden/,
  );
  const near = await podOn('near', 'node-1');
  const bound = await vi.waitUntil(() => boundVolumeOf(near, DATA, reader).catch(() => undefined));
  expect(bound.volume.spec?.hostPath?.path).toBe('/data');
});
