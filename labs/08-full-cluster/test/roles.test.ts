// Roles: what the components of the cluster may do, asked of a real API server with the flags of a cluster.
import {
  type Client,
  type KubernetesObject,
  type ResourceType,
  startTestApiServer,
  type TestApiServer,
} from '@kube-labs/apiserver';
import type { SubjectAccessReview } from 'kubernetes-types/authorization/v1';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { componentRoles, ensureComponentRoles } from '../src/roles.ts';

const group = 'rbac.authorization.k8s.io';
const cluster = { version: 'v1', namespaced: false };
const clusterRoles: ResourceType<KubernetesObject> = {
  ...cluster,
  group,
  resource: 'clusterroles',
  kind: 'ClusterRole',
};
const reviews: ResourceType<SubjectAccessReview> = {
  ...cluster,
  group: 'authorization.k8s.io',
  resource: 'subjectaccessreviews',
  kind: 'SubjectAccessReview',
};
const signal = new AbortController().signal;

describe('ensureComponentRoles()', () => {
  let server: TestApiServer;
  let client: Client;
  beforeAll(async () => {
    server = await startTestApiServer({ authorization: { modes: ['Node', 'RBAC'] } });
    client = server.client();
    await ensureComponentRoles(client, signal);
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** `verb resource[.group][/subresource]` */
  async function isAllowed(user: string, asked: string, groups: string[] = []): Promise<boolean> {
    const [verb = '', what = ''] = asked.split(' ');
    const [full = '', subresource = ''] = what.split('/');
    const [resource = '', ...rest] = full.split('.');
    const resourceAttributes = { verb, resource, subresource, group: rest.join('.') };
    const review = await client.create(reviews, { spec: { user, groups, resourceAttributes } });
    return review.status?.allowed === true;
  }

  test('may be called again', async () => {
    expect(await ensureComponentRoles(client, signal)).toBe(true);
  });

  test('binds only roles that are there', async () => {
    for (const object of componentRoles()) {
      if (!('roleRef' in object)) continue;
      const { metadata } = await client.get(clusterRoles, { name: object.roleRef.name });
      expect(metadata?.name).toBe(object.roleRef.name);
    }
  });

  test.each([
    'create pods',
    'delete pods',
    'update pods/status',
    'create replicasets.apps',
    'patch deployments.apps',
    'update deployments.apps/status',
    'update daemonsets.apps/status',
    'create endpoints',
    'create endpointslices.discovery.k8s.io',
    'patch nodes',
    'update nodes/status',
    'update namespaces/finalize',
    'deletecollection secrets',
    'create serviceaccounts',
    'create events',
    'create leases.coordination.k8s.io',
  ])('the controller manager may %s', async (asked) => {
    const user = 'system:kube-controller-manager';
    await vi.waitFor(async () => expect(await isAllowed(user, asked)).toBe(true));
  });

  test.each(['create clusterroles.rbac.authorization.k8s.io', 'create nodes', 'create namespaces'])(
    'the controller manager may not %s',
    async (asked) => {
      expect(await isAllowed('system:kube-controller-manager', asked)).toBe(false);
    },
  );

  test('a kubelet may read all nodes, and change only what the Node authorizer lets it', async () => {
    const ask = (asked: string) => isAllowed('system:node:node-1', asked, ['system:nodes']);
    await vi.waitFor(async () => expect(await ask('list nodes')).toBe(true));
    expect(await ask('delete nodes')).toBe(false);
    expect(await ask('list secrets')).toBe(false);
  });
});
