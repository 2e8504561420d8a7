// ReferencedObjects: the secrets and config maps that this node's pods name, each watched by itself.
//
// A kubelet may see only the objects that its pods use, so there is one small watch for each object, shared by all
// pods that name it, ended when the last of them is gone. A change wakes those pods. What is immutable is watched until
// it has been read, and no longer.
//
// Same idea upstream: kubernetes, pkg/kubelet/util/manager/watch_based_manager.go.

import {
  type Client,
  type Clock,
  Informer,
  type KubernetesObject,
  type Logger,
  type ResourceType,
  realClock,
  resources,
  sleep,
} from '@kube-labs/apiserver';
import type { ConfigMap, Container, Pod, Secret, VolumeProjection } from 'kubernetes-types/core/v1';
import type { ConfigData, ConfigReader } from './environment.ts';

export interface ReferencedObjectsOptions {
  readonly log: Logger;
  readonly clock?: Clock;
  onChange(podUid: string): void;
}

type Kind = 'configmap' | 'secret';

interface Watched {
  readonly informer: Informer<ConfigMap | Secret>;
  readonly pods: Set<string>;
  readonly stop: AbortController;
}

/** How long a pod waits for the first answer about an object. */
const SYNC_TIMEOUT_MS = 5_000;

export class ReferencedObjects implements ConfigReader {
  readonly #client: Client;
  readonly #options: ReferencedObjectsOptions;
  readonly #watched = new Map<string, Watched>();

  constructor(client: Client, options: ReferencedObjectsOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Watches what the pod names. Call it again when the pod changes. */
  register(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    const wanted = referencesOf(pod);
    for (const [key, watched] of this.#watched) {
      if (!wanted.has(key)) this.#release(key, watched, uid);
    }
    for (const key of wanted) this.#acquire(key).pods.add(uid);
  }

  unregister(podUid: string): void {
    for (const [key, watched] of this.#watched) this.#release(key, watched, podUid);
  }

  async configMap(namespace: string, name: string): Promise<ConfigData | undefined> {
    const found = (await this.#read('configmap', namespace, name)) as ConfigMap | undefined;
    if (found === undefined) return undefined;
    return new Map([
      ...textEntries(found.data, 'utf8'),
      ...textEntries(found.binaryData, 'base64'),
    ]);
  }

  async secret(namespace: string, name: string): Promise<ConfigData | undefined> {
    const found = (await this.#read('secret', namespace, name)) as Secret | undefined;
    return found === undefined ? undefined : new Map(textEntries(found.data, 'base64'));
  }

  stop(): void {
    for (const { stop } of this.#watched.values()) stop.abort();
    this.#watched.clear();
  }

  async #read(kind: Kind, namespace: string, name: string): Promise<KubernetesObject | undefined> {
    const watched = this.#watched.get(referenceKey(kind, namespace, name));
    if (watched === undefined) return undefined;
    if (!watched.informer.hasSynced) await this.#waitForFirstAnswer(kind, watched);
    const found = watched.informer.get(`${namespace}/${name}`);
    if (found?.immutable === true) watched.stop.abort();
    return found;
  }

  async #waitForFirstAnswer(kind: Kind, { informer, stop }: Watched): Promise<void> {
    const { clock = realClock } = this.#options;
    const answered = new AbortController();
    const synced = informer.synced(AbortSignal.any([stop.signal, answered.signal])).catch(() => {});
    await Promise.race([synced, sleep(SYNC_TIMEOUT_MS, answered.signal, clock)]);
    answered.abort();
    if (informer.hasSynced) return;
    throw new Error(`failed to sync ${kind} cache: timed out waiting for the condition`);
  }

  #acquire(key: string): Watched {
    const known = this.#watched.get(key);
    if (known !== undefined) return known;
    const [kind, namespace = '', name = ''] = key.split('/');
    const watched =
      kind === 'secret'
        ? this.#watch(resources.secrets, namespace, name)
        : this.#watch(resources.configMaps, namespace, name);
    this.#watched.set(key, watched);
    return watched;
  }

  #watch(
    type: ResourceType<ConfigMap> | ResourceType<Secret>,
    namespace: string,
    name: string,
  ): Watched {
    const fieldSelector = `metadata.name=${name}`;
    const informer = new Informer<ConfigMap | Secret>(this.#client, type, {
      namespace,
      fieldSelector,
      log: this.#options.log,
    });
    const pods = new Set<string>();
    const wake = () => {
      for (const uid of pods) this.#options.onChange(uid);
    };
    informer.addHandler({ onAdd: wake, onUpdate: wake });
    const stop = new AbortController();
    void informer.run(stop.signal);
    return { informer, pods, stop };
  }

  #release(key: string, watched: Watched, podUid: string): void {
    if (!watched.pods.delete(podUid) || watched.pods.size > 0) return;
    watched.stop.abort();
    this.#watched.delete(key);
  }
}

export function referenceKey(kind: Kind, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

/** Keys of everything that the pod's containers and volumes read. */
export function referencesOf(pod: Pod): ReadonlySet<string> {
  const { containers = [], initContainers = [], ephemeralContainers = [] } = pod.spec ?? {};
  const { volumes = [] } = pod.spec ?? {};
  const namespace = pod.metadata?.namespace ?? '';
  const sources: (Pick<VolumeProjection, 'configMap' | 'secret'> | undefined)[] = [
    ...(pod.spec?.imagePullSecrets ?? []).map((secret) => named(undefined, secret)),
    ...[...containers, ...initContainers, ...ephemeralContainers].flatMap(containerSources),
    ...volumes.flatMap(({ configMap, secret, projected }) => [
      configMap === undefined ? {} : { configMap },
      secret === undefined ? {} : { secret: { name: secret.secretName ?? '' } },
      ...(projected?.sources ?? []),
    ]),
  ];
  const keys = sources.flatMap((source) => [
    ...(source?.configMap?.name
      ? [referenceKey('configmap', namespace, source.configMap.name)]
      : []),
    ...(source?.secret?.name ? [referenceKey('secret', namespace, source.secret.name)] : []),
  ]);
  return new Set(keys);
}

function containerSources(
  container: Pick<Container, 'env' | 'envFrom'>,
): Pick<VolumeProjection, 'configMap' | 'secret'>[] {
  return [
    ...(container.envFrom ?? []).map(({ configMapRef, secretRef }) =>
      named(configMapRef, secretRef),
    ),
    ...(container.env ?? []).map(({ valueFrom }) =>
      named(valueFrom?.configMapKeyRef, valueFrom?.secretKeyRef),
    ),
  ];
}

function named(
  configMap: { name?: string } | undefined,
  secret: { name?: string } | undefined,
): Pick<VolumeProjection, 'configMap' | 'secret'> {
  return {
    ...(configMap?.name === undefined ? {} : { configMap: { name: configMap.name } }),
    ...(secret?.name === undefined ? {} : { secret: { name: secret.name } }),
  };
}

function textEntries(
  data: Readonly<Record<string, string>> | undefined,
  encoding: 'utf8' | 'base64',
): [string, Uint8Array][] {
  return Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, encoding)]);
}
