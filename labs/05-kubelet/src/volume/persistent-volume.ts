// PersistentVolumes: pods' claims on this node: the volume behind each, and its place on the machine.
//
// The place is a hostPath, or a local directory that somebody has prepared: it belongs to one node, and is never made.
// Both lie outside of the pod's directory, and stay. What a pod has got it keeps: the API server is asked until the
// claim is bound, and not again while the pod is here.
//
// Same idea upstream: kubernetes, pkg/volume/{local,hostpath}, and desired_state_of_world_populator.go.
// Left out here: every other kind (they need drivers), block devices behind local paths.

import { stat } from 'node:fs/promises';
import type { Node, PersistentVolume, Pod, Volume } from 'kubernetes-types/core/v1';
import { setVolumeOwnership } from './fs-group.ts';
import { setUpHostPath, type VolumePlace } from './host-path.ts';
import { boundVolumeOf, type ClaimReader, checkNodeAffinity } from './persistent-claim.ts';
import { setUpMessage, VolumeError } from './volume-error.ts';

export interface PersistentVolumesOptions {
  readonly reader: ClaimReader;
  /** The engine's host as this process sees it. */
  readonly hostRoot: string;
  /** As the API has it. */
  node(): Node | undefined;
}

export class PersistentVolumes {
  readonly #options: PersistentVolumesOptions;
  /** By pod, then by the volume's name in it. */
  readonly #places = new Map<string, Map<string, VolumePlace>>();

  constructor(options: PersistentVolumesOptions) {
    this.#options = options;
  }

  /** Throws while the claim is not bound, and when its volume is not for this node. */
  async setUp(pod: Pod, volume: Volume): Promise<VolumePlace> {
    const uid = pod.metadata?.uid ?? '';
    const places = this.#places.get(uid) ?? new Map<string, VolumePlace>();
    const known = places.get(volume.name);
    if (known !== undefined) return known;
    const { reader, hostRoot: root, node } = this.#options;
    const { volume: found, readOnly } = await boundVolumeOf(pod, volume, reader);
    checkNodeAffinity(found, node() ?? {});
    try {
      const place = { hostPath: await setUpPlace(found, { pod, root, readOnly }), root, readOnly };
      this.#places.set(uid, places.set(volume.name, place));
      return place;
    } catch (error) {
      throw new VolumeError(setUpMessage(found.metadata?.name ?? '', error), { cause: error });
    }
  }

  forget(podUid: string): void {
    this.#places.delete(podUid);
  }
}

interface Use {
  readonly pod: Pod;
  readonly root: string;
  readonly readOnly: boolean;
}

/** Resolves with its path on the host. */
async function setUpPlace({ metadata, spec }: PersistentVolume, use: Use): Promise<string> {
  const name = metadata?.name ?? '';
  if (spec?.hostPath !== undefined) return setUpHostPath(spec.hostPath, use.root);
  if (spec?.local !== undefined) return setUpLocal(name, spec.local.path, use);
  const why = `failed to get Plugin from volumeSpec for volume "${name}" err=no volume plugin matched`;
  throw new VolumeError(`Unable to attach or mount volumes: ${why}`);
}

async function setUpLocal(name: string, path: string, use: Use): Promise<string> {
  const { pod, root, readOnly } = use;
  const here = root + path;
  const stats = await stat(here).catch(() => undefined);
  if (stats === undefined) {
    const what = `MountVolume.NewMounter initialization failed for volume "${name}"`;
    throw new VolumeError(`${what} : path "${path}" does not exist`);
  }
  if (!stats.isDirectory()) throw new Error(`path "${path}" is not a directory`);
  const { fsGroup, fsGroupChangePolicy } = pod.spec?.securityContext ?? {};
  if (fsGroup !== undefined && !readOnly) {
    const onRootMismatch = fsGroupChangePolicy === 'OnRootMismatch';
    await setVolumeOwnership(here, { fsGroup, readOnly, onRootMismatch });
  }
  return path;
}
