// VolumeManager: makes a pod's volumes on the node before its containers start, keeps them fresh, takes them away.
//
// Each volume is a directory under ROOT/pods/UID/volumes, laid out as upstream's kubelet does it. ROOT is the same path
// on the engine's host, so containers bind it by that path. Setting up again is how a volume is brought up to
// date: what is right already is left alone. What no container mounts is not made. Files that cannot be brought up
// to date stay as they are, and keep nobody from running.
//
// Same idea upstream: kubernetes, pkg/kubelet/volumemanager.
// Left out here: attaching and detaching, drivers (CSI), volumes of images.

import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '@kube-labs/apiserver';
import type { Pod, Volume } from 'kubernetes-types/core/v1';
import type { ConfigReader } from '../container/environment.ts';
import type { PodSurroundings } from '../container/field-ref.ts';
import type { HostCommand } from '../host-command.ts';
import { isWritten, writeAtomically } from './atomic-writer.ts';
import { payloadOf } from './config-payload.ts';
import { memoryBytesOf, setUpEmptyDir } from './empty-dir.ts';
import { withFsGroup } from './fs-group.ts';
import { setUpHostPath, type VolumePlace } from './host-path.ts';
import { mountTmpfs, removeDirectory } from './mounts.ts';
import { claimNameOf } from './persistent-claim.ts';
import type { PersistentVolumes } from './persistent-volume.ts';
import type { ServiceAccountTokens } from './service-account-token.ts';
import { bindSubPath, subPathTarget } from './sub-path.ts';
import { setUpMessage } from './volume-error.ts';
import { diskUsageOf, memoryUsageOf, type VolumeUsage } from './volume-usage.ts';

export interface VolumeLocation extends VolumePlace {
  /** A place inside, for one of a container's mounts: resolves with a path on the host that leads there and nowhere else. */
  subPath(subPath: string, mount: { container: string; index: number }): Promise<string>;
}

export type VolumeResult =
  | {
      readonly kind: 'ready';
      readonly volumes: ReadonlyMap<string, VolumeLocation>;
      /** Of volumes that are there, but not as they should be now. */
      readonly warnings: readonly string[];
    }
  /** The message, and each warning, is a whole sentence. */
  | { readonly kind: 'failed'; readonly volume: string; readonly message: string };

export interface VolumeManagerOptions {
  readonly rootDirectory: string;
  /** The engine's host as this process sees it. */
  readonly hostRoot: string;
  readonly reader: ConfigReader;
  /** Without them a pod that is to have a token waits. */
  readonly tokens?: ServiceAccountTokens;
  /** Without them a pod that has a claim waits. */
  readonly persistent?: PersistentVolumes;
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
    const warnings: string[] = [];
    const used = mountedVolumes(pod);
    for (const volume of pod.spec?.volumes ?? []) {
      const { name } = volume;
      if (!used.has(name)) continue;
      try {
        const { warning, ...place } = await this.#setUpVolume(pod, volume, surroundings);
        if (warning !== undefined) warnings.push(setUpMessage(name, warning));
        volumes.set(name, this.#located(pod, name, place));
      } catch (error) {
        return { kind: 'failed', volume: name, message: setUpMessage(name, error) };
      }
    }
    return { kind: 'ready', volumes, warnings };
  }

  /** Of the volumes that live and die with the pod; what cannot be measured just now is not among them. */
  async usage(pod: Pod): Promise<readonly ({ readonly name: string } & VolumeUsage)[]> {
    const measured = (pod.spec?.volumes ?? []).map(async (volume) => {
      const { name, emptyDir, configMap, downwardAPI } = volume;
      if ((emptyDir ?? configMap ?? downwardAPI) === undefined) return [];
      const measure = emptyDir?.medium === 'Memory' ? memoryUsageOf : diskUsageOf;
      const usage = await measure(this.#directoryOf(pod, volume));
      return usage === undefined ? [] : [{ name, ...usage }];
    });
    return (await Promise.all(measured)).flat();
  }

  /** Unmounts and deletes all that the pod has on disk. */
  async tearDown(podUid: string): Promise<void> {
    this.#forget(podUid);
    await removeDirectory(this.podDirectory(podUid), this.#options.run);
  }

  /** The volumes only: a finished pod keeps its logs and messages. */
  async tearDownVolumes(podUid: string): Promise<void> {
    this.#forget(podUid);
    for (const part of ['volume-subpaths', 'volumes']) {
      await removeDirectory(join(this.podDirectory(podUid), part), this.#options.run);
    }
  }

  #forget(podUid: string): void {
    this.#options.tokens?.forget(podUid);
    this.#options.persistent?.forget(podUid);
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
  ): Promise<VolumePlace & { readonly warning?: unknown }> {
    const { hostRoot: root, persistent, run } = this.#options;
    if (volume.hostPath !== undefined) {
      return { hostPath: await setUpHostPath(volume.hostPath, root), root, readOnly: false };
    }
    if (claimNameOf(pod, volume) !== undefined) {
      if (persistent === undefined) throw new Error('there is nobody to ask for its claim');
      return persistent.setUp(pod, volume);
    }
    const directory = this.#directoryOf(pod, volume);
    if (volume.emptyDir !== undefined) {
      const { fsGroup } = pod.spec?.securityContext ?? {};
      const memoryBytes = memoryBytesOf(pod, volume.emptyDir, surroundings.allocatable.memory);
      await setUpEmptyDir(volume.emptyDir, directory, { fsGroup, memoryBytes, run });
      return { hostPath: directory, root: '', readOnly: false };
    }
    const place = { hostPath: directory, root: '', readOnly: true };
    try {
      await this.#writeFiles(pod, { volume, directory }, surroundings);
      return place;
    } catch (warning) {
      if (!(await isWritten(directory))) throw warning;
      return { ...place, warning };
    }
  }

  async #writeFiles(
    pod: Pod,
    { volume, directory }: { readonly volume: Volume; readonly directory: string },
    surroundings: PodSurroundings,
  ): Promise<void> {
    const { reader, tokens, clock, run } = this.#options;
    await mkdir(directory, { recursive: true });
    // A secret must never reach a disk.
    const isSecret = volume.secret !== undefined || volume.projected !== undefined;
    if (isSecret) await mountTmpfs(directory, { mode: '0755' }, run);
    const payload = await payloadOf(pod, volume, { reader, tokens, surroundings });
    const { fsGroup } = pod.spec?.securityContext ?? {};
    await writeAtomically(directory, withFsGroup(payload, fsGroup), clock.now());
  }

  #directoryOf(pod: Pod, volume: Volume): string {
    const plugin = `kubernetes.io~${pluginOf(volume)}`;
    return join(this.podDirectory(pod.metadata?.uid ?? ''), 'volumes', plugin, volume.name);
  }
}

function mountedVolumes({ spec }: Pod): ReadonlySet<string> {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = spec ?? {};
  const users = [...containers, ...initContainers, ...ephemeralContainers];
  return new Set(
    users.flatMap(({ volumeMounts = [], volumeDevices = [] }) =>
      [...volumeMounts, ...volumeDevices].map(({ name }) => name),
    ),
  );
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
