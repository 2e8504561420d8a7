// KubeletParts: everything a kubelet is made of, wired together and not yet running.
//
// Three groups, each built on the one before: what talks to the outside (API server, engine, network), what looks after
// pods, what looks after the node.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  Client,
  type Clock,
  createLogger,
  EventRecorder,
  Informer,
  type Logger,
  loadKubeconfig,
  realClock,
  resources,
} from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { ReferencedObjects } from './container/referenced-objects.ts';
import { runHostCommand } from './host-command.ts';
import { ImagePuller } from './image/image-puller.ts';
import { BridgeNetwork } from './network/bridge.ts';
import { readEngineFacts } from './node/engine-facts.ts';
import { NodeAgent } from './node/node-agent.ts';
import { NodeNetwork } from './node/node-network.ts';
import { capacityOf } from './node/node-status.ts';
import { KUBELET_VERSION, type KubeletOptions } from './options.ts';
import { PodEvents } from './pod/pod-events.ts';
import { PodSandboxes } from './pod/pod-sandbox.ts';
import { PodSource, UID_INDEX } from './pod/pod-source.ts';
import { KubeletPodSyncer } from './pod/pod-syncer.ts';
import { PodWorkers } from './pod/pod-worker.ts';
import { StatusManager } from './pod/status-manager.ts';
import { Prober } from './probe/prober.ts';
import { DockerRuntime } from './runtime/docker/docker-runtime.ts';
import type { Runtime } from './runtime/runtime.ts';
import { machineOf, type StatsProvider } from './stats-provider.ts';
import { VolumeManager } from './volume/volume-manager.ts';

/** All optional: what a test or the full cluster gives instead of the real thing. */
export interface KubeletDeps {
  readonly client?: Client;
  readonly runtime?: Runtime;
  readonly stats?: StatsProvider;
  readonly clock?: Clock;
  readonly log?: Logger;
}

export type KubeletParts = Awaited<ReturnType<typeof makeParts>>;

export async function makeParts(options: KubeletOptions, deps: KubeletDeps) {
  const outside = await makeOutside(options, deps);
  const pods = makePodParts(options, outside);
  return { ...outside, ...pods, ...makeNodeParts(options, { ...outside, ...pods }) };
}

async function makeOutside(options: KubeletOptions, deps: KubeletDeps) {
  const { nodeName, rootDirectory } = options;
  const log = deps.log ?? createLogger('kubelet', { verbosity: options.verbosity });
  await mkdir(rootDirectory, { recursive: true });
  const client = deps.client ?? new Client(loadKubeconfig(options.kubeconfig));
  const run = runHostCommand;
  const stateDirectory = join(rootDirectory, 'network');
  return {
    log,
    client,
    run,
    clock: deps.clock ?? realClock,
    stats: deps.stats,
    runtime: deps.runtime ?? (await dockerRuntime(options)),
    machine: await machineOf(deps.stats, rootDirectory),
    recorder: new EventRecorder(client, 'kubelet', nodeName, { log }),
    network: new BridgeNetwork({ name: options.bridgeName, stateDirectory, run }),
    nodes: new Informer(client, resources.nodes, { log }),
    services: new Informer(client, resources.services, { log }),
    pods: new Informer(client, resources.pods, {
      fieldSelector: `spec.nodeName=${nodeName}`,
      indexers: { [UID_INDEX]: (pod: Pod) => [pod.metadata?.uid ?? ''] },
      log,
    }),
  };
}

async function dockerRuntime(options: KubeletOptions): Promise<Runtime> {
  return new DockerRuntime({
    cluster: options.clusterName,
    node: options.nodeName,
    engine: await readEngineFacts(options.nodeContainer),
  });
}

type Outside = Awaited<ReturnType<typeof makeOutside>>;

function makePodParts(options: KubeletOptions, outside: Outside) {
  const { client, runtime, network, pods, services, clock, log, run, machine } = outside;
  const { hostRoot, rootDirectory, nodeAddress: hostAddress } = options;
  const events = new PodEvents(outside.recorder);
  // What a worker uses may wake it.
  const onChange = (podUid: string) => workers.wake(podUid);
  const objects = new ReferencedObjects(client, { log, onChange });
  const prober = new Prober({ runtime, events, clock, log, onChange });
  const volumes = new VolumeManager({ rootDirectory, hostRoot, reader: objects, run, clock });
  const podOf = (uid: string) => pods.byIndex(UID_INDEX, uid)[0];
  const statuses = new StatusManager({ client, clock, log, podOf });
  const sandboxes = new PodSandboxes({
    ...{ runtime, network, hostAddress, pauseImage: options.pauseImage },
    dns: { address: options.clusterDns, domain: options.clusterDomain },
    podDirectory: (uid) => volumes.podDirectory(uid),
  });
  const syncer = new KubeletPodSyncer({
    ...{ runtime, network, sandboxes, volumes, objects, prober, statuses, events, clock },
    images: new ImagePuller({ runtime, events, clock }),
    hostAddress,
    memoryCapacityBytes: machine.memoryBytes,
    allocatable: capacityOf(machine, options.podsMax),
    services: async (signal) => {
      await services.synced(signal);
      return services.list();
    },
  });
  const workers: PodWorkers = new PodWorkers({ syncer, clock, log });
  const source = new PodSource({ pods, workers, statuses, runtime, network, volumes, log });
  return { objects, prober, statuses, workers, source };
}

function makeNodeParts(options: KubeletOptions, parts: Outside & { readonly workers: PodWorkers }) {
  const { client, runtime, network, recorder, clock, log, machine, nodes, run, workers } = parts;
  const { nodeName, rootDirectory, podsMax } = options;
  // The real port is known when the server listens.
  const listening = { port: options.port };
  const agent = new NodeAgent({
    ...{ client, runtime, network, recorder, clock, log, machine, rootDirectory, podsMax },
    name: nodeName,
    address: options.nodeAddress,
    labels: options.nodeLabels,
    kubeletVersion: KUBELET_VERSION,
    statusUpdateFrequencyMs: options.statusUpdateFrequencyMs,
    statusReportFrequencyMs: options.statusReportFrequencyMs,
    leaseDurationSeconds: options.leaseDurationSeconds,
    port: () => listening.port,
  });
  const onReady = () => {
    agent.statusChanged();
    workers.wakeAll();
  };
  const nodeNetwork = new NodeNetwork({ nodeName, nodes, bridge: network, run, log, onReady });
  return { listening, agent, nodeNetwork };
}
