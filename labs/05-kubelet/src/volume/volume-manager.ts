// VolumeManager: makes a pod's volumes on the node before its containers start, keeps them fresh, takes them away.
//
// Each volume is a directory under ROOT/pods/UID/volumes, laid out as upstream's kubelet does it. ROOT is the same path
// on the engine's host, so containers bind it by that path. Setting up again is how a volume is brought up to
// date: what is right already is left alone.
//
// Same idea upstream: kubernetes, pkg/kubelet/volumemanager.
// Left out here: persistent volume claims, fsGroup, mount propagation between containers.

import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@kube-labs/apiserver';
import type { Pod, Volume } from 'kubernetes-types/core/v1';
import type { ConfigReader } from '../container/environment.ts';
import type { PodSurroundings } from '../container/field-ref.ts';
import type { HostCommand } from '../host-command.ts';
import { writeAtomically } from './atomic-writer.ts';
import { payloadOf } from './config-payload.ts';
import { memoryBytesOf, setUpEmptyDir } from './empty-dir.ts';
import { withFsGroup } from './fs-group.ts';
import { setUpHostPath } from './host-path.ts';
import { mountTmpfs, removeDirectory } from './mounts.ts';
import type { ServiceAccountTokens } from './service-account-token.ts';
import { bindSubPath, subPathTarget } from './sub-path.ts';

/** Where a volume lies: its path on the engine's host, and what is in front of it as this process sees the host. */
export interface VolumeLocation {
  readonly hostPath: string;
  readonly root: string;
  readonly readOnly: boolean;
  /** A place inside, for one of a container's mounts: resolves with a path on the host that leads there and nowhere else. */
  subPath(subPath: string, mount: { container: string; index: number }): Promise<string>;
}

type VolumePlace = Omit<VolumeLocation, 'subPath'>;

export type VolumeResult =
  | { readonly kind: 'ready'; readonly volumes: ReadonlyMap<string, VolumeLocation> }
  | { readonly kind: 'failed'; readonly volume: string; readonly message: string };

export interface VolumeManagerOptions {
  readonly rootDirectory: string;
  /** The engine's host as this process sees it. */
  readonly hostRoot: string;
  readonly reader: ConfigReader;
  /** Without them a pod that is to have a token waits. */
  readonly tokens?: ServiceAccountTokens;
  readonly run: HostCommand;
  readonly clock: Clock;
}

export class VolumeManager {
  readonly #options: VolumeManagerOptions;

  constructor(options: VolumeManagerOptions) {
    this.#options = options;
  }

  podDirectory(podUid: string): string {
    return join(this.#options.rootDirectory, 'pods', podUid);
  }

  /** Uids of pods that have a directory here, whether anybody knows them or not. */
  async podsOnDisk(): Promise<readonly string[]> {
    try {
      return await readdir(join(this.#options.rootDirectory, 'pods'));
    } catch {
      return [];
    }
  }

  async setUp(pod: Pod, surroundings: PodSurroundings): Promise<VolumeResult> {
    const volumes = new Map<string, VolumeLocation>();
    for (const volume of pod.spec?.volumes ?? []) {
      try {
        const place = await this.#setUpVolume(pod, volume, surroundings);
        volumes.set(volume.name, this.#located(pod, volume.name, place));
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        return { kind: 'failed', volume: volume.name, message };
      }
    }
    return { kind: 'ready', volumes };
  }

  /** Unmounts and deletes all that the pod has on disk. */
  async tearDown(podUid: string): Promise<void> {
    this.#options.tokens?.forget(podUid);
    await removeDirectory(this.podDirectory(podUid), this.#options.run);
  }

  /** The volumes only: a finished pod keeps its logs and messages. */
  async tearDownVolumes(podUid: string): Promise<void> {
    this.#options.tokens?.forget(podUid);
    for (const part of ['volume-subpaths', 'volumes']) {
      await removeDirectory(join(this.podDirectory(podUid), part), this.#options.run);
    }
  }

  #located(pod: Pod, volume: string, place: VolumePlace): VolumeLocation {
    const { hostPath: base, root } = place;
    const subPath: VolumeLocation['subPath'] = async (subPath, { container, index }) => {
      const podDirectory = this.podDirectory(pod.metadata?.uid ?? '');
      const target = subPathTarget(podDirectory, { volume, container, index });
      await bindSubPath({ base, root, subPath, target }, this.#options.run);
      return target;
    };
    return { ...place, subPath };
  }

  async #setUpVolume(
    pod: Pod,
    volume: Volume,
    surroundings: PodSurroundings,
  ): Promise<VolumePlace> {
    if (volume.hostPath !== undefined) {
      const root = this.#options.hostRoot;
      const hostPath = await setUpHostPath(volume.hostPath, root);
      return { hostPath, root, readOnly: false };
    }
    const kind = pluginOf(volume);
    const plugin = `kubernetes.io~${kind}`;
    const directory = join(
      this.podDirectory(pod.metadata?.uid ?? ''),
      'volumes',
      plugin,
      volume.name,
    );
    const { fsGroup } = pod.spec?.securityContext ?? {};
    const { reader, tokens, clock, run } = this.#options;
    if (volume.emptyDir !== undefined) {
      const memoryBytes = memoryBytesOf(pod, volume.emptyDir, surroundings.allocatable.memory);
      await setUpEmptyDir(volume.emptyDir, directory, { fsGroup, memoryBytes, run });
      return { hostPath: directory, root: '', readOnly: false };
    }
    await mkdir(directory, { recursive: true });
    // A secret must never reach a disk.
    const secret = volume.secret !== undefined || volume.projected !== undefined;
    if (secret) await mountTmpfs(directory, { mode: '0755' }, run);
    const payload = await payloadOf(pod, volume, { reader, tokens, surroundings });
    await writeAtomically(directory, withFsGroup(payload, fsGroup), clock.now());
    return { hostPath: directory, root: '', readOnly: true };
  }
}

function pluginOf(volume: Volume): string {
  if (volume.emptyDir !== undefined) return 'empty-dir';
  if (volume.secret !== undefined) return 'secret';
  if (volume.configMap !== undefined) return 'configmap';
  if (volume.downwardAPI !== undefined) return 'downward-api';
  if (volume.projected !== undefined) return 'projected';
  const kinds = Object.keys(volume).filter((key) => key !== 'name');
  throw new Error(`no volume plugin matched: ${kinds.join(', ') || 'no source'}`);
}
