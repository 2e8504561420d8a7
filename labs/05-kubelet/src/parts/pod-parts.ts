// PodParts: what looks after the pods of a node, from their sources to their statuses.

import type { Pod } from 'kubernetes-types/core/v1';
import { Housekeeping } from '../config/housekeeping.ts';
import { isStatic } from '../config/static-pod.ts';
import { ReferencedObjects } from '../container/referenced-objects.ts';
import { pressureAdmission } from '../eviction/pressure-admission.ts';
import { measuredSyncer } from '../metrics/measured.ts';
import { podStart } from '../metrics/pod-start.ts';
import type { KubeletOptions } from '../options.ts';
import { nodeFit } from '../pod/node-fit.ts';
import { PodEvents } from '../pod/pod-events.ts';
import { podHandler } from '../pod/pod-handler.ts';
import { KubeletPodSyncer } from '../pod/pod-syncer.ts';
import { PodWorkers } from '../pod/pod-worker.ts';
import { StatusManager } from '../pod/status-manager.ts';
import { Prober } from '../probe/prober.ts';
import { PodCache } from '../runtime/pod-cache.ts';
import { ServiceAccountTokens, tokenRequests } from '../volume/service-account-token.ts';
import { VolumeManager } from '../volume/volume-manager.ts';
import { makeGuards } from './guard-parts.ts';
import { makeImageParts } from './image-parts.ts';
import type { Outside } from './outside.ts';
import { makePersistentVolumes } from './persistent-volumes.ts';
import { makePodSources } from './pod-sources.ts';

export type PodParts = ReturnType<typeof makePodParts>;

export function makePodParts(options: KubeletOptions, outside: Outside) {
  const { client, runtime, network, services, clock, log, run, machine, metrics } = outside;
  const { hostRoot, rootDirectory, nodeAddress: hostAddress } = options;
  const { security } = outside;
  const events = new PodEvents(outside.recorder);
  const { pods, sources } = makePodSources(options, outside, () => workers);
  pods.onChange(podStart(metrics, clock));
  // What a worker uses may wake it.
  const onChange = (podUid: string) => workers.wake(podUid);
  const objects = new ReferencedObjects(client, { log, clock, onChange });
  const prober = new Prober({
    ...{ runtime, events, clock, log, onChange, metrics: metrics.probes },
  });
  const cache = new PodCache({ runtime, log });
  const tokens = new ServiceAccountTokens({ request: tokenRequests(client), clock, log });
  const volumes = new VolumeManager({
    ...{ rootDirectory, hostRoot, reader: objects, tokens, run, clock },
    persistent: makePersistentVolumes(options, outside),
  });
  const imageUsers = { events, cache, reader: objects };
  const { images, reclaimDisk, collectGarbage } = makeImageParts(options, outside, imageUsers);
  const guards = makeGuards(options, outside, {
    ...{ pods, events, workers: () => workers, reclaimDisk },
    volumeUsage: (pod) => volumes.usage(pod),
  });
  const podOf = (pod: Pod) =>
    isStatic(pod) ? pods.mirrorOf(pod) : pods.byUid(pod.metadata?.uid ?? '');
  const statuses = new StatusManager({ client, clock, log, podOf });
  const syncer = new KubeletPodSyncer({
    ...{ runtime, cache, volumes, objects, prober, statuses, events, clock, log, hostAddress },
    files: {
      dns: { address: options.clusterDns, domain: options.clusterDomain },
      resolverFile: options.resolverFile && hostRoot + options.resolverFile,
      warn: (pod, warning) => events.pod(pod, { type: 'Warning', ...warning }),
      podDirectory: (uid) => volumes.podDirectory(uid),
    },
    images,
    deadContainersMax: options.deadContainers.perContainerMax,
    memoryCapacityBytes: machine.memoryBytes,
    security,
    allocatable: outside.allocatable,
    services: async (pod, signal) => {
      // No static pod waits for an API server, which may be one itself.
      if (!isStatic(pod)) await services.synced(signal);
      return services.list();
    },
  });
  const workers: PodWorkers = new PodWorkers({
    onGone: sources.onGone,
    ...{ syncer: measuredSyncer(syncer, metrics, clock), clock, log },
  });
  const housekeeping = new Housekeeping({ pods, workers, cache, network, volumes, log });
  cache.onChange((pod) => {
    if (workers.has(pod.uid)) workers.wake(pod.uid);
    else housekeeping.look(pod);
  });
  const admission = [
    ...(guards.shutdown === undefined ? [] : [guards.shutdown]),
    pressureAdmission(() => guards.eviction.conditions()),
    nodeFit({ node: sources.node, allocatable: outside.allocatable }),
    ...outside.securityAdmission,
  ];
  const handler = podHandler({ pods, workers, statuses, events, admission });
  const parts = { pods, sources, objects, prober, cache, statuses, workers, housekeeping, handler };
  return { ...parts, ...guards, volumes, collectGarbage };
}
