// What a file's pod becomes, what shows it in the API, and what a file may not ask for.

import type { Node, Pod, PodSpec } from 'kubernetes-types/core/v1';
import { describe, expect, test } from 'vitest';
import { type MirrorPlan, planMirror } from '#src/config/mirror-pods.ts';
import { PodManager } from '#src/config/pod-manager.ts';
import {
  asApiPod,
  isMirror,
  isMirrorOf,
  isSameStaticPod,
  isStatic,
  newMirror,
  staticPodErrors,
  staticPodOf,
} from '#src/config/static-pod.ts';

const ORIGIN = { nodeName: 'Node-A', path: '/m/web.yaml', seenAtMs: Date.UTC(2015, 10, 9) };
const NODE: Node = { metadata: { name: 'Node-A', uid: 'node-uid' } };

function manifest(spec: Partial<PodSpec> = {}, metadata: Pod['metadata'] = {}): Pod {
  return {
    metadata: { name: 'web', ...metadata },
    spec: { containers: [{ name: 'c', image: 'x' }], ...spec },
  };
}

const annotation = (pod: Pod, name: string) =>
  pod.metadata?.annotations?.[`kubernetes.io/config.${name}`];

test('a static pod has a name of its node, a uid of its content, and stays whatever the node’s taints say', () => {
  const pod = staticPodOf(manifest({}, { labels: { app: 'web' } }), ORIGIN);
  expect(pod.metadata).toEqual({
    name: 'web-node-a',
    namespace: 'default',
    uid: expect.stringMatching(/^[0-9a-f]{32}$/),
    labels: { app: 'web' },
    annotations: {
      'kubernetes.io/config.hash': pod.metadata?.uid,
      'kubernetes.io/config.source': 'file',
      'kubernetes.io/config.seen': '2015-11-09T00:00:00.000Z',
    },
  });
  expect(pod.spec?.nodeName).toBe('Node-A');
  expect(pod.spec?.tolerations).toEqual([{ operator: 'Exists', effect: 'NoExecute' }]);
  expect(pod.status).toEqual({ phase: 'Pending' });
});

test.each([
  { name: 'the same file, read later', origin: { seenAtMs: 0 }, same: true },
  { name: 'another file', origin: { path: '/m/other.yaml' }, same: false },
  { name: 'another node', origin: { nodeName: 'node-b' }, same: false },
  { name: 'another image', spec: { containers: [{ name: 'c', image: 'y' }] }, same: false },
  {
    name: 'another order of fields',
    spec: { containers: [{ image: 'x', name: 'c' }] },
    same: true,
  },
  { name: 'another label', metadata: { labels: { a: 'b' } }, same: false },
])('$name: the uid is the same: $same', ({ origin, spec, metadata, same }) => {
  const uid = staticPodOf(manifest(spec, metadata), { ...ORIGIN, ...origin }).metadata?.uid;
  expect(uid === staticPodOf(manifest(), ORIGIN).metadata?.uid).toBe(same);
});

test('a file says what its pod is, not what only a server can give', () => {
  const pod = staticPodOf(
    manifest(
      { nodeName: 'elsewhere', tolerations: [{ operator: 'Exists', effect: 'NoExecute' }] },
      {
        uid: 'my-own',
        namespace: 'kube-system',
        deletionTimestamp: '2015-11-09T00:00:00Z',
        ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'n', uid: 'u' }],
        finalizers: ['a/b'],
        annotations: {
          'kubernetes.io/config.mirror': 'x',
          'kubernetes.io/config.source': 'api',
          a: 'b',
        },
      },
    ),
    ORIGIN,
  );
  expect(pod.metadata).toEqual({
    ...{ name: 'web-node-a', namespace: 'kube-system', uid: 'my-own' },
    annotations: {
      a: 'b',
      'kubernetes.io/config.hash': 'my-own',
      'kubernetes.io/config.source': 'file',
      'kubernetes.io/config.seen': '2015-11-09T00:00:00.000Z',
    },
  });
  expect(pod.spec?.nodeName).toBe('Node-A');
  expect(pod.spec?.tolerations).toHaveLength(1);
  expect([isStatic(pod), isMirror(pod)]).toEqual([true, false]);
});

describe('staticPodErrors()', () => {
  const volume = (source: object) => ({ volumes: [{ name: 'v', ...source }] });
  const env = (valueFrom: object) => ({
    containers: [{ name: 'c', env: [{ name: 'E', valueFrom }] }],
  });
  test.each<{ name: string; spec?: Partial<PodSpec>; uid?: string; want: readonly string[] }>([
    { name: 'nothing of the API', want: [] },
    { name: 'folders of the node', spec: volume({ hostPath: { path: '/x' } }), want: [] },
    { name: 'an account', spec: { serviceAccountName: 'a' }, want: ['serviceaccounts'] },
    {
      name: 'a token',
      spec: volume({ projected: { sources: [{ serviceAccountToken: { path: 't' } }] } }),
      want: ['serviceaccounts'],
    },
    { name: 'a secret', spec: volume({ secret: { secretName: 's' } }), want: ['secrets'] },
    { name: 'a pull secret', spec: { imagePullSecrets: [{ name: 's' }] }, want: ['secrets'] },
    {
      name: 'a variable of a secret',
      spec: env({ secretKeyRef: { name: 's', key: 'k' } }),
      want: ['secrets'],
    },
    {
      name: 'a config map',
      spec: env({ configMapKeyRef: { name: 's', key: 'k' } }),
      want: ['configmaps'],
    },
    {
      name: 'a claim',
      spec: volume({ persistentVolumeClaim: { claimName: 'c' } }),
      want: ['persistentvolumeclaims'],
    },
    {
      name: 'a claim of its own',
      spec: volume({ ephemeral: {} }),
      want: ['persistentvolumeclaims'],
    },
    {
      name: 'a token among other sources',
      spec: volume({
        projected: { sources: [{ downwardAPI: {} }, { serviceAccountToken: { path: 't' } }] },
      }),
      want: ['serviceaccounts'],
    },
    {
      name: 'sources of the pod itself, or none',
      spec: {
        volumes: [
          { name: 'own', projected: { sources: [{ downwardAPI: {} }] } },
          { name: 'empty', projected: {} },
        ],
      },
      want: [],
    },
  ])('$name', ({ spec = {}, want }) => {
    const pod = staticPodOf(manifest(spec), ORIGIN);
    expect(staticPodErrors(pod)).toEqual(
      want.map((what) => `static pods may not reference ${what}`),
    );
  });
  test.each(['../../../etc', 'a/b', '.', '', ' ', 'x'.repeat(64)])(
    'a uid that would name another folder: %j',
    (uid) => {
      const pod: Pod = { ...manifest(), metadata: { uid } };
      expect(staticPodErrors(pod)).toEqual([
        `invalid pod: metadata.uid: Invalid value: ${JSON.stringify(uid)}`,
      ]);
    },
  );
});

test('a mirror shows its static pod, belongs to its node, and takes no uid or status along', () => {
  const pod = staticPodOf(manifest(), ORIGIN);
  const mirror = newMirror(pod, NODE);
  expect(mirror.metadata?.ownerReferences).toEqual([
    { apiVersion: 'v1', kind: 'Node', name: 'Node-A', uid: 'node-uid', controller: true },
  ]);
  expect(annotation(mirror, 'mirror')).toBe(annotation(pod, 'hash'));
  expect([mirror.metadata?.uid, mirror.status, mirror.spec]).toEqual([
    undefined,
    undefined,
    pod.spec,
  ]);
  expect([isMirror(mirror), isMirrorOf(mirror, pod)]).toEqual([true, true]);
  expect(isMirrorOf(mirror, staticPodOf(manifest({ hostPID: true }), ORIGIN))).toBe(false);
});

test('a mirror has the labels of its pod; one without a mark, or of a pod without one, shows nothing', () => {
  const pod = staticPodOf(manifest({}, { labels: { app: 'web' } }), ORIGIN);
  expect(newMirror(pod, NODE).metadata?.labels).toEqual({ app: 'web' });
  expect(newMirror(staticPodOf(manifest(), ORIGIN), NODE).metadata).not.toHaveProperty('labels');
  const bare: Pod = { metadata: { name: 'web-node-a' } };
  const [none, empty]: Pod[] = [{}, { metadata: { annotations: {} } }];
  expect([isMirror(bare), isMirrorOf(bare, bare), isMirrorOf(bare, pod)]).toEqual([
    false,
    false,
    false,
  ]);
  expect([isMirror(none!), isStatic(none!), isMirrorOf(none!, empty!)]).toEqual([
    false,
    false,
    false,
  ]);
  expect(isMirrorOf(newMirror(pod, NODE), none!)).toBe(false);
  expect(isMirrorOf(newMirror(pod, NODE), bare)).toBe(false);
});

test.each<{ name: string; metadata?: Pod['metadata']; spec?: Partial<PodSpec>; same: boolean }>([
  { name: 'the same', same: true },
  { name: 'another annotation', metadata: { annotations: { a: 'b' } }, same: false },
  { name: 'another label', metadata: { labels: { a: 'b' } }, same: false },
  { name: 'another name', metadata: { name: 'other' }, same: false },
  { name: 'another spec', spec: { hostPID: true }, same: false },
])('$name, seen at another time: the same static pod: $same', ({ metadata, spec, same }) => {
  // A uid of its own does not tell what changed.
  const uid = 'my-own';
  const one = staticPodOf(manifest({}, { uid }), ORIGIN);
  const other = staticPodOf(manifest(spec, { uid, ...metadata }), { ...ORIGIN, seenAtMs: 0 });
  expect(isSameStaticPod(one, other)).toBe(same);
});

test('a pod of the API does not become a static one by saying so; a mirror, or any other, stays as it is', () => {
  const annotations = { 'kubernetes.io/config.source': 'file', a: 'b' };
  const pod = asApiPod({ metadata: { name: 'web', annotations }, spec: { containers: [] } });
  expect(isStatic(pod)).toBe(false);
  expect(pod).toEqual({
    metadata: { name: 'web', annotations: { 'kubernetes.io/config.source': 'api', a: 'b' } },
    spec: { containers: [] },
  });
  const mirror = newMirror(staticPodOf(manifest(), ORIGIN), NODE);
  expect(asApiPod(mirror)).toBe(mirror);
  const ordinary: Pod = { metadata: { annotations: { a: 'b' } } };
  expect(asApiPod(ordinary)).toBe(ordinary);
});

test('a toleration of some other kind is kept beside the one that lets it stay', () => {
  const tolerations = [
    { key: 'a', operator: 'Exists', effect: 'NoExecute' },
    { operator: 'Exists', effect: 'NoSchedule' },
    { key: '', operator: 'Exists', effect: 'NoExecute' },
  ];
  expect(staticPodOf(manifest({ tolerations }), ORIGIN).spec?.tolerations).toEqual([
    ...tolerations.slice(0, 2),
    { operator: 'Exists', effect: 'NoExecute' },
  ]);
});

describe('planMirror()', () => {
  const pod = staticPodOf(manifest(), ORIGIN);
  const mirror = newMirror(pod, NODE);
  const other = newMirror(staticPodOf(manifest({ hostPID: true }), ORIGIN), NODE);
  const deleted = { ...mirror, metadata: { ...mirror.metadata, deletionTimestamp: 'x' } };
  test.each<{ name: string; pod?: Pod; mirror?: Pod; isAlive?: boolean; want: MirrorPlan }>([
    { name: 'neither is there', want: { kind: 'none' } },
    { name: 'no mirror', pod, want: { kind: 'create', pod } },
    { name: 'both are there', pod, mirror, want: { kind: 'none' } },
    { name: 'it shows what was', pod, mirror: other, want: { kind: 'delete', mirror: other } },
    {
      name: 'it is being deleted',
      pod,
      mirror: deleted,
      want: { kind: 'delete', mirror: deleted },
    },
    { name: 'no file any more', mirror, want: { kind: 'delete', mirror } },
    { name: 'no file, but it still ends', mirror, isAlive: true, want: { kind: 'none' } },
  ])('$name', ({ pod, mirror, isAlive = false, want }) => {
    expect(planMirror({ pod, mirror, isAlive })).toEqual(want);
  });
});

test('PodManager keeps mirrors apart: who asks by name finds what runs', () => {
  const manager = new PodManager();
  const pod = staticPodOf(manifest(), ORIGIN);
  const mirror = newMirror(pod, NODE);
  const inApi = { ...mirror, metadata: { ...mirror.metadata, uid: 'api' } };
  const told: string[] = [];
  manager.set(pod);
  manager.set(inApi);
  manager.onChange({
    set: ({ metadata }) => told.push(`set ${metadata?.name}`),
    gone: ({ metadata }) => told.push(`gone ${metadata?.name}`),
    mirror: (name) => told.push(`mirror ${name}`),
  });
  expect(manager.byName('default', 'web-node-a')).toBe(pod);
  expect(manager.pods()).toEqual([pod]);
  expect(manager.mirrorOf(pod)).toBe(inApi);
  expect(manager.byUid('api')).toBeUndefined();
  const next = staticPodOf(manifest({ hostPID: true }), ORIGIN);
  manager.remove(pod);
  manager.set(next);
  // It shows the other one.
  expect(manager.mirrorOf(next)).toBeUndefined();
  expect(manager.mirror('default/web-node-a')).toBe(inApi);
  const { annotations: _, ...unmarked } = inApi.metadata;
  manager.set({ ...inApi, metadata: unmarked });
  expect(manager.byUid('api')).toBeUndefined();
  manager.remove(inApi);
  manager.remove(inApi);
  expect(manager.mirrors()).toEqual([]);
  expect(told).toEqual([
    'set web-node-a',
    'mirror default/web-node-a',
    'gone web-node-a',
    'set web-node-a',
    'mirror default/web-node-a',
    'mirror default/web-node-a',
  ]);
});
