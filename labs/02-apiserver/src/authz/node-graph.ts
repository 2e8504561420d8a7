// NodeGraph: which objects a node has to do with, because a pod on it uses them.
//
//   node ← pod ← secret, config map, service account, claim
//   node ← pod ← claim ← volume ← secret of the volume
//   node ← volume attachment
//
// A pod links its objects to its node when it is bound; none of these fields can change afterwards but by deleting the pod. A mirror
// pod links nothing but itself: a node makes those, and must not give itself rights by it.
//
// Invariant: an object is reachable from a node exactly as long as a pod (or a volume through its claim) says so; each link is
// held under the one that said it, and goes with it.
//
// Same idea upstream: plugin/pkg/auth/authorizer/node/graph.go. Left out: resource claims and slices, pod certificates.

import type { PersistentVolume, Pod, PodSpec } from 'kubernetes-types/core/v1';
import { configMapsOf, secretsOf } from './pod-references.ts';

export type LinkedKind =
  | 'configmap'
  | 'persistentvolume'
  | 'persistentvolumeclaim'
  | 'pod'
  | 'secret'
  | 'serviceaccount'
  | 'volumeattachment';

const MIRROR_POD = 'kubernetes.io/config.mirror';

interface PodLinks {
  readonly node: string;
  readonly objects: readonly string[];
}

interface VolumeLinks {
  readonly claim: string;
  readonly secrets: readonly string[];
}

export class NodeGraph {
  readonly #pods = new Map<string, PodLinks>();
  /** Object → the pods that use it. */
  readonly #usedBy = new Map<string, Set<string>>();
  readonly #volumes = new Map<string, VolumeLinks>();
  /** Secret → the volumes that need it. */
  readonly #volumesOfSecret = new Map<string, Set<string>>();
  readonly #attachments = new Map<string, string>();

  /** Takes the pod's links over; a pod without a node has none. */
  setPod(pod: Pod): void {
    const { namespace = '', name = '' } = pod.metadata ?? {};
    this.deletePod(namespace, name);
    const node = pod.spec?.nodeName ?? '';
    if (node === '') return;
    const key = keyOf('pod', namespace, name);
    const objects = linkedObjects(pod);
    this.#pods.set(key, { node, objects });
    for (const object of objects) add(this.#usedBy, object, key);
  }

  deletePod(namespace: string, name: string): void {
    const key = keyOf('pod', namespace, name);
    for (const object of this.#pods.get(key)?.objects ?? []) remove(this.#usedBy, object, key);
    this.#pods.delete(key);
  }

  setVolume({ metadata, spec }: PersistentVolume): void {
    const name = metadata?.name ?? '';
    this.deleteVolume(name);
    const claim = spec?.claimRef;
    if (claim === undefined) return;
    const namespace = claim.namespace ?? '';
    const secrets = volumeSecrets(spec, namespace);
    const claimKey = keyOf('persistentvolumeclaim', namespace, claim.name ?? '');
    this.#volumes.set(name, { claim: claimKey, secrets });
    for (const secret of secrets) add(this.#volumesOfSecret, secret, name);
  }

  deleteVolume(name: string): void {
    for (const secret of this.#volumes.get(name)?.secrets ?? []) {
      remove(this.#volumesOfSecret, secret, name);
    }
    this.#volumes.delete(name);
  }

  setAttachment(name: string, node: string | undefined): void {
    if (node === undefined || node === '') this.#attachments.delete(name);
    else this.#attachments.set(name, node);
  }

  /** True when something on the node needs the object. */
  reaches(node: string, kind: LinkedKind, namespace: string, name: string): boolean {
    const key = keyOf(kind, namespace, name);
    switch (kind) {
      case 'pod':
        return this.#pods.get(key)?.node === node;
      case 'volumeattachment':
        return this.#attachments.get(name) === node;
      case 'persistentvolume':
        return this.#volumeReaches(node, name);
      case 'secret':
        return this.#usedOn(node, key) || this.#secretOfVolume(node, key);
      default:
        return this.#usedOn(node, key);
    }
  }

  #usedOn(node: string, object: string): boolean {
    for (const pod of this.#usedBy.get(object) ?? []) {
      if (this.#pods.get(pod)?.node === node) return true;
    }
    return false;
  }

  #volumeReaches(node: string, volume: string): boolean {
    const links = this.#volumes.get(volume);
    return links !== undefined && this.#usedOn(node, links.claim);
  }

  #secretOfVolume(node: string, secret: string): boolean {
    for (const volume of this.#volumesOfSecret.get(secret) ?? []) {
      if (this.#volumeReaches(node, volume)) return true;
    }
    return false;
  }
}

function linkedObjects(pod: Pod): string[] {
  const { namespace = '', annotations = {}, name: podName = '' } = pod.metadata ?? {};
  if (Object.hasOwn(annotations, MIRROR_POD) || pod.spec === undefined) return [];
  const key = (kind: LinkedKind) => (name: string) => keyOf(kind, namespace, name);
  const account = pod.spec.serviceAccountName ?? '';
  return [
    ...(account === '' ? [] : [key('serviceaccount')(account)]),
    ...secretsOf(pod.spec).map(key('secret')),
    ...configMapsOf(pod.spec).map(key('configmap')),
    ...claimsOf(pod.spec, podName).map(key('persistentvolumeclaim')),
  ];
}

/** The claim of an ephemeral volume is called POD-VOLUME. */
function claimsOf({ volumes = [] }: PodSpec, podName: string): string[] {
  return volumes.flatMap(({ name, persistentVolumeClaim, ephemeral }) => {
    if (persistentVolumeClaim !== undefined) return [persistentVolumeClaim.claimName];
    return ephemeral === undefined ? [] : [`${podName}-${name}`];
  });
}

/** The secrets that a kubelet reads to mount the volume; a secret of another namespace is named with it. */
function volumeSecrets(spec: PersistentVolume['spec'], claimNamespace: string): string[] {
  const { csi, cephfs, rbd, flexVolume, scaleIO, iscsi, storageos, azureFile } = spec ?? {};
  const named = [
    cephfs?.secretRef,
    rbd?.secretRef,
    flexVolume?.secretRef,
    scaleIO?.secretRef,
    iscsi?.secretRef,
    storageos?.secretRef,
    csi?.nodePublishSecretRef,
    csi?.nodeStageSecretRef,
    csi?.nodeExpandSecretRef,
    azureFile === undefined
      ? undefined
      : { name: azureFile.secretName, namespace: azureFile.secretNamespace },
  ];
  return named.flatMap((secret) =>
    (secret?.name ?? '') === ''
      ? []
      : [keyOf('secret', secret?.namespace || claimNamespace, secret?.name ?? '')],
  );
}

function keyOf(kind: LinkedKind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

function add(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  if (set === undefined) map.set(key, new Set([value]));
  else set.add(value);
}

function remove(map: Map<string, Set<string>>, key: string, value: string): void {
  const set = map.get(key);
  set?.delete(value);
  if (set?.size === 0) map.delete(key);
}
