// PodSources: where this node's pods come from, and the mirrors of those that the API server did not bring.

import { ApiSource } from '../config/api-source.ts';
import { FileSource } from '../config/file-source.ts';
import { MirrorPods } from '../config/mirror-pods.ts';
import { nameOf, PodManager } from '../config/pod-manager.ts';
import { nodeLabelsOf } from '../node/node-status.ts';
import type { KubeletOptions } from '../options.ts';
import type { PodWorkers } from '../pod/pod-worker.ts';
import type { PodIdentity } from '../runtime/runtime.ts';
import type { Outside } from './outside.ts';

/** @param workersOf they work on what the sources bring, and tell here what has gone. */
export function makePodSources(
  options: KubeletOptions,
  { client, apiPods, nodes, clock, log }: Outside,
  workersOf: () => PodWorkers,
) {
  const { nodeName, podManifestPath: path, fileCheckFrequencyMs: intervalMs } = options;
  const pods = new PodManager();
  const api = new ApiSource(apiPods, pods);
  const isAlive = (uid: string, name = '/') => {
    const [namespace = '', podName = ''] = name.split('/');
    const workers = workersOf();
    return workers.has(uid) || workers.hasName({ namespace, name: podName });
  };
  const manager = pods;
  const files =
    path === undefined
      ? undefined
      : new FileSource({ path, nodeName, intervalMs, manager, isAlive, clock, log });
  const mirrors = new MirrorPods({
    ...{ client, pods, clock, log },
    node: () => nodes.get(nodeName),
    isAlive: (name) => isAlive('', name),
  });
  nodes.addHandler({
    onAdd: ({ metadata }) => {
      if (metadata?.name === nodeName) mirrors.lookAll();
    },
  });
  const onGone = (identity: PodIdentity) => {
    files?.look();
    mirrors.look(nameOf({ metadata: identity }));
  };
  /** @param onSynced called when a source is complete. */
  const run = async (onSynced: () => void, signal: AbortSignal): Promise<void> => {
    const synced = () => {
      if (pods.sourcesReady())
        log.info('All sources of pods are ready', { pods: pods.pods().length });
      mirrors.lookAll();
      onSynced();
    };
    pods.onChange(mirrors);
    if (path !== undefined) log.info('Adding static pod path', { path });
    log.info('Waiting for node sync before watching apiserver pods');
    await Promise.all([
      // Whether a pod may run here depends on labels that others give the node.
      nodes
        .synced(signal)
        .catch(() => {})
        .then(() => api.synced(signal))
        .then(synced),
      files?.run(synced, signal),
      mirrors.run(signal),
    ]);
  };
  const unregistered = {
    metadata: { name: nodeName, labels: nodeLabelsOf(nodeName, options.nodeLabels) },
  };
  const node = () => nodes.get(nodeName) ?? unregistered;
  return { pods, sources: { run, onGone, node } };
}
