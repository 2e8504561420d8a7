// Mirrors in a real API server, as a node's own user makes them: with what a node may do, and no more.

import {
  ApiError,
  Client,
  Informer,
  realClock,
  resources,
  silentLogger,
  startTestApiServer,
} from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ApiSource } from '#src/config/api-source.ts';
import { MirrorPods } from '#src/config/mirror-pods.ts';
import { PodManager } from '#src/config/pod-manager.ts';
import { isStatic, staticPodOf } from '#src/config/static-pod.ts';
import { StatusManager } from '#src/pod/status-manager.ts';

const NODE = 'node-1';
const REF = { namespace: 'default', name: 'web-node-1' };

const staticPod = (image: string, name = 'web'): Pod =>
  staticPodOf(
    { metadata: { name }, spec: { containers: [{ name: 'c', image }] } },
    { nodeName: NODE, path: '/web.yaml', seenAtMs: 0 },
  );

async function setUp() {
  const user = { token: 'node', user: `system:node:${NODE}`, groups: ['system:nodes'] };
  const server = await startTestApiServer({
    tokens: [user],
    authorization: { modes: ['Node', 'RBAC'] },
    admission: { enable: ['NodeRestriction'] },
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  const admin = server.client();
  const { ca = '' } = server.adminOptions;
  const client = new Client({ server: server.url, ca, token: 'node' });
  onTestFinished(() => client[Symbol.asyncDispose]());
  const running = new AbortController();
  const log = silentLogger;
  const fieldSelector = `spec.nodeName=${NODE}`;
  const informer = new Informer(client, resources.pods, { fieldSelector, log });
  const pods = new PodManager();
  const api = new ApiSource(informer, pods);
  const alive = new Set<string>();
  const node = await admin.create(resources.nodes, { metadata: { name: NODE } });
  const mirrors = new MirrorPods({
    ...{ client, pods, log, clock: realClock },
    node: () => node,
    isAlive: (name) => alive.has(name),
  });
  const statuses = new StatusManager({
    ...{ client, clock: realClock, log },
    podOf: (pod) => (isStatic(pod) ? pods.mirrorOf(pod) : pods.byUid(pod.metadata?.uid ?? '')),
  });
  pods.onChange(mirrors);
  pods.onChange({
    set() {},
    gone() {},
    mirror: () => statuses.recheck(pods.byName(REF.namespace, REF.name)?.metadata?.uid ?? ''),
  });
  const { signal } = running;
  const stopped = Promise.all([informer.run(signal), mirrors.run(signal), statuses.run(signal)]);
  onTestFinished(async () => {
    running.abort();
    await stopped;
  });
  await api.synced(signal);
  const found = async () => {
    try {
      return await admin.get(resources.pods, REF);
    } catch (error) {
      if (ApiError.is(error, 'NotFound')) return undefined;
      throw error;
    }
  };
  const when = (condition: (pod: Pod | undefined) => boolean) =>
    vi.waitUntil(
      async () => {
        const pod = await found();
        return condition(pod) && { pod };
      },
      { timeout: 30_000 },
    );
  /** One name after the other: when the last has been seen to, so have all before it. */
  const fence = async () => {
    pods.set(staticPod('x', 'fence'));
    const name = `fence-${NODE}`;
    await vi.waitFor(() => admin.get(resources.pods, { namespace: 'default', name }));
  };
  return { admin, pods, mirrors, statuses, alive, found, when, fence };
}

test('a static pod is shown with its status; its mirror comes again when it is deleted, whole', async () => {
  const { admin, pods, statuses, when } = await setUp();
  const pod = staticPod('x');
  // Told before there is anything to write it to.
  statuses.set(pod, { phase: 'Running', podIP: '10.0.0.1' });
  pods.set(pod);
  const { pod: first } = await when((mirror) => mirror?.status?.phase === 'Running');
  await admin.delete(resources.pods, REF);
  // Long enough for whoever deleted it to see that it has gone.
  await when((mirror) => mirror === undefined);
  const { pod: second } = await when(
    (mirror) =>
      mirror?.metadata?.uid !== first?.metadata?.uid && mirror?.status?.phase === 'Running',
  );
  expect(second?.status?.podIP).toBe('10.0.0.1');
  await admin.delete(resources.pods, REF, { gracePeriodSeconds: 0 });
  await when((mirror) => mirror !== undefined && mirror.metadata?.uid !== second?.metadata?.uid);
});

test('a mirror that shows what the file said before is replaced; one of no file goes when nothing of its pod runs', async () => {
  const { pods, mirrors, alive, found, when, fence } = await setUp();
  const [before, after] = [staticPod('x'), staticPod('y')];
  pods.set(before);
  await when((mirror) => mirror !== undefined);
  pods.remove(before);
  pods.set(after);
  await when((mirror) => mirror?.spec?.containers[0]?.image === 'y');
  alive.add('default/web-node-1');
  pods.remove(after);
  await fence();
  expect(await found()).toBeDefined();
  alive.clear();
  mirrors.look('default/web-node-1');
  await when((mirror) => mirror === undefined);
});

test('a pod that has the name already stays; the mirror comes when it goes', async () => {
  const { admin, pods, when, fence } = await setUp();
  const foreign = await admin.create(resources.pods, {
    metadata: REF,
    spec: { nodeName: 'node-2', containers: [{ name: 'c', image: 'x' }] },
  });
  pods.set(staticPod('x'));
  await fence();
  expect((await admin.get(resources.pods, REF)).metadata?.uid).toBe(foreign.metadata?.uid);
  await admin.delete(resources.pods, REF, { gracePeriodSeconds: 0 });
  await when((mirror) => mirror?.spec?.nodeName === NODE);
});

test('a mirror of nobody’s that the API still has goes; pods of the API that only look like static ones are pods', async () => {
  const { admin, pods, when } = await setUp();
  const mirror = (name: string, annotations: Record<string, string>) =>
    admin.create(resources.pods, {
      metadata: { name, namespace: 'default', annotations },
      spec: { nodeName: NODE, containers: [{ name: 'c', image: 'x' }] },
    });
  await mirror('web-node-1', { 'kubernetes.io/config.mirror': 'gone' });
  await when((pod) => pod === undefined);
  const posing = await mirror('posing', { 'kubernetes.io/config.source': 'file' });
  await vi.waitFor(() => expect(pods.byUid(posing.metadata?.uid ?? '')).toBeDefined());
  expect(pods.pods().filter(isStatic)).toEqual([]);
});
