// PersistentClaim: from a pod's claim to the volume that it is bound to.
//
// Others bind claims. The pod waits until its claim says that it is bound and the volume says the same of it; that both
// mean each other is looked at, by uid, because either may have been deleted and made again. A generic ephemeral
// volume is a claim with the pod's and the volume's name that must be this pod's own.
//
// Same idea upstream: createVolumeSpec in kubernetes, pkg/kubelet/volumemanager/populator, and pkg/volume/util (CheckNodeAffinity).
// Left out here: block devices, expansion, ReadWriteOncePod (the scheduler's to keep).

import { allResources, type Client, messageOf } from '@kube-labs/apiserver';
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Volume,
} from 'kubernetes-types/core/v1';
import { matchesTerm } from '../pod/node-selection.ts';
import { VolumeError } from './volume-error.ts';

/** Both throw what the API server says when there is none. */
export interface ClaimReader {
  claim(namespace: string, name: string): Promise<PersistentVolumeClaim>;
  volume(name: string): Promise<PersistentVolume>;
}

export interface BoundVolume {
  readonly volume: PersistentVolume;
  readonly readOnly: boolean;
}

export function claimsOf(client: Client): ClaimReader {
  return {
    claim: (namespace, name) =>
      client.get(allResources.persistentVolumeClaims, { namespace, name }),
    volume: (name) => client.get(allResources.persistentVolumes, { name }),
  };
}

/** The claim's name; undefined for a volume that has none. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.ephemeral !== undefined) return `${pod.metadata?.name}-${volume.name}`;
  return volume.persistentVolumeClaim?.claimName;
}

export async function boundVolumeOf(
  pod: Pod,
  volume: Volume,
  reader: ClaimReader,
): Promise<BoundVolume> {
  const name = claimNameOf(pod, volume) ?? '';
  const namespace = pod.metadata?.namespace ?? '';
  try {
    const claim = await explained('failed to fetch PVC from API server', () =>
      reader.claim(namespace, name),
    );
    const problem = claimProblem(claim);
    if (problem !== undefined) throw new Error(problem);
    if (volume.ephemeral !== undefined) checkOwner(pod, claim);
    const { volumeName = '' } = claim.spec ?? {};
    const found = await explained(`failed to fetch PV ${volumeName} from API server`, () =>
      reader.volume(volumeName),
    );
    checkBinding(found, claim);
    checkMode(pod, volume, found);
    return { volume: found, readOnly: volume.persistentVolumeClaim?.readOnly ?? false };
  } catch (error) {
    const what = error instanceof ModeError ? '' : `error processing PVC ${namespace}/${name}: `;
    const lists = `unmounted volumes=[${volume.name}], unattached volumes=[], failed to process volumes=[${volume.name}]`;
    throw new VolumeError(
      `Unable to attach or mount volumes: ${lists}: ${what}${messageOf(error)}`,
    );
  }
}

/** The claim is fine, and its volume is of another kind than the pod takes it for. */
class ModeError extends Error {}

/** Why a pod cannot use the claim yet, or any more. */
export function claimProblem(claim: PersistentVolumeClaim): string | undefined {
  if (claim.metadata?.deletionTimestamp !== undefined) return 'PVC is being deleted';
  if (claim.status?.phase !== 'Bound') return 'PVC is not bound';
  if (!claim.spec?.volumeName) return 'PVC has empty pvc.Spec.VolumeName';
  return undefined;
}

/** Throws when the volume is not to be used on this node. */
export function checkNodeAffinity({ metadata, spec }: PersistentVolume, node: Node): void {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms;
  if (terms === undefined || terms.some((term) => matchesTerm(term, node))) return;
  const what = `MountVolume.NodeAffinity check failed for volume "${metadata?.name}"`;
  throw new VolumeError(`${what} : no matching NodeSelectorTerms`);
}

async function explained<T>(what: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    throw new Error(`${what}: ${messageOf(error)}`);
  }
}

function checkBinding({ metadata, spec }: PersistentVolume, claim: PersistentVolumeClaim): void {
  const what = `found PV object ${metadata?.name} but`;
  if (spec?.claimRef === undefined) {
    throw new Error(
      `${what} it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim`,
    );
  }
  const [is, wanted] = [spec.claimRef.uid, claim.metadata?.uid];
  if (is === wanted) return;
  throw new Error(`${what} its pv.Spec.ClaimRef.UID ${is} does not point to claim.UID ${wanted}`);
}

function checkOwner(pod: Pod, { metadata }: PersistentVolumeClaim): void {
  const owner = (metadata?.ownerReferences ?? []).find(({ controller }) => controller === true);
  if (owner?.uid === pod.metadata?.uid) return;
  const { namespace, name } = pod.metadata ?? {};
  throw new Error(
    `PVC ${namespace}/${metadata?.name} was not created for pod ${namespace}/${name} (pod is not owner)`,
  );
}

function checkMode(pod: Pod, { name }: Volume, { spec }: PersistentVolume): void {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const all = [...containers, ...initContainers];
  const isDevice = all.some(({ volumeDevices = [] }) =>
    volumeDevices.some((device) => device.name === name),
  );
  const mode = spec?.volumeMode ?? 'Filesystem';
  const what = `volume ${name} has volumeMode ${mode}`;
  if (mode === 'Block') {
    if (!isDevice) throw new ModeError(`${what}, but is specified in volumeMounts`);
    throw new ModeError(`${what}: containers of this node get no block devices`);
  }
  if (isDevice) throw new ModeError(`${what}, but is specified in volumeDevices`);
}
