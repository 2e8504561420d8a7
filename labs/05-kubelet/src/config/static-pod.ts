// StaticPod: a pod that a file of this node asks for, and its mirror, which shows it in the API. Pure.
//
// Its uid is a hash of what the file says, where it lies and which node reads it: a kubelet that starts again knows its containers
// without asking anybody, and a file that changes gives another pod. The name ends in the node's, as the same file may
// lie on many. What only the API server gives (deletion, owners, finalizers) a file cannot ask for.
//
// Same idea upstream: applyDefaults in kubernetes, pkg/kubelet/config/common.go, and pkg/kubelet/pod/mirror_client.go.

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Node, Pod, Toleration } from 'kubernetes-types/core/v1';
import { referencesOf } from '../container/referenced-objects.ts';

const HASH = 'kubernetes.io/config.hash';
const SOURCE = 'kubernetes.io/config.source';
const SEEN = 'kubernetes.io/config.seen';
const MIRROR = 'kubernetes.io/config.mirror';
const MARKS: ReadonlySet<string> = new Set([HASH, SOURCE, SEEN, MIRROR]);
/** So that nobody evicts what the node itself wants. */
const STAYS: Toleration = { operator: 'Exists', effect: 'NoExecute' };
/** It names directories and containers. */
const UID = /^[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$/;

export interface StaticPodOrigin {
  readonly nodeName: string;
  readonly path: string;
  readonly seenAtMs: number;
}

/** @param pod as its file has it, with defaults. */
export function staticPodOf(pod: Pod, origin: StaticPodOrigin): Pod {
  const { nodeName, path, seenAtMs } = origin;
  const {
    name = '',
    namespace = 'default',
    labels,
    annotations,
    uid: own = '',
  } = pod.metadata ?? {};
  const hash = createHash('md5').update(`host:${nodeName}file:${path}`);
  const uid = own === '' ? hash.update(canonicalText(pod)).digest('hex') : own;
  const seen = new Date(seenAtMs).toISOString();
  return {
    ...pod,
    metadata: {
      name: `${name}-${nodeName.toLowerCase()}`,
      ...{ namespace, uid },
      ...(labels === undefined ? {} : { labels }),
      annotations: { ...withoutMarks(annotations), [HASH]: uid, [SOURCE]: 'file', [SEEN]: seen },
    },
    spec: { containers: [], ...pod.spec, nodeName, tolerations: tolerationsOf(pod) },
    status: { phase: 'Pending' },
  };
}

/** What the API server would have let pass, but cannot be without one. */
export function staticPodErrors(pod: Pod): readonly string[] {
  const { serviceAccountName = '', volumes = [], imagePullSecrets = [] } = pod.spec ?? {};
  const uid = pod.metadata?.uid ?? '';
  const references = [...referencesOf(pod)];
  const has = (kind: string) => references.some((key) => key.startsWith(`${kind}/`));
  const claims = volumes.some(
    (volume) => volume.persistentVolumeClaim !== undefined || volume.ephemeral !== undefined,
  );
  const tokens = volumes.some(({ projected }) =>
    projected?.sources?.some((source) => source.serviceAccountToken !== undefined),
  );
  const found = {
    serviceaccounts: serviceAccountName !== '' || tokens,
    secrets: has('secret') || imagePullSecrets.length > 0,
    configmaps: has('configmap'),
    persistentvolumeclaims: claims,
  };
  return [
    ...(UID.test(uid) ? [] : [`invalid pod: metadata.uid: Invalid value: ${JSON.stringify(uid)}`]),
    ...Object.entries(found).flatMap(([what, is]) =>
      is ? [`static pods may not reference ${what}`] : [],
    ),
  ];
}

export function isStatic({ metadata }: Pod): boolean {
  return metadata?.annotations?.[SOURCE] === 'file';
}

export function isMirror({ metadata }: Pod): boolean {
  return metadata?.annotations?.[MIRROR] !== undefined;
}

/** Does the mirror show this very pod, and not one that its file had before? */
export function isMirrorOf(mirror: Pod, pod: Pod): boolean {
  const hash = mirror.metadata?.annotations?.[MIRROR];
  return hash !== undefined && hash === pod.metadata?.annotations?.[HASH];
}

/** When it was seen makes no difference. */
export function isSameStaticPod(one: Pod, other: Pod): boolean {
  const timeless = ({ metadata, spec }: Pod) => [
    { ...metadata, annotations: { ...metadata?.annotations, [SEEN]: '' } },
    spec,
  ];
  return isDeepStrictEqual(timeless(one), timeless(other));
}

/** Goes with its node, and belongs to nobody else. */
export function newMirror(pod: Pod, node: Node): Pod {
  const { name = '', namespace = '', labels, annotations = {} } = pod.metadata ?? {};
  const { name: nodeName = '', uid = '' } = node.metadata ?? {};
  const owner = { apiVersion: 'v1', kind: 'Node', name: nodeName, uid, controller: true };
  return {
    metadata: {
      ...{ name, namespace },
      ...(labels === undefined ? {} : { labels }),
      annotations: { ...annotations, [MIRROR]: annotations[HASH] ?? '' },
      ownerReferences: [owner],
    },
    spec: pod.spec ?? { containers: [] },
  };
}

/** A pod of the API cannot pass for a static one by what it says of itself. */
export function asApiPod(pod: Pod): Pod {
  if (!isStatic(pod) || isMirror(pod)) return pod;
  const annotations = { ...pod.metadata?.annotations, [SOURCE]: 'api' };
  return { ...pod, metadata: { ...pod.metadata, annotations } };
}

function withoutMarks(annotations: Readonly<Record<string, string>> = {}) {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => !MARKS.has(key)));
}

function tolerationsOf({ spec }: Pod): Toleration[] {
  const others = (spec?.tolerations ?? []).filter(
    ({ key = '', operator, effect }) =>
      key !== '' || operator !== STAYS.operator || effect !== STAYS.effect,
  );
  return [...others, STAYS];
}

/** The same for the same content, however it was written down. */
function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
