// Outside: what a kubelet talks to: the API server, the engine, the network of its node.
//
// All can be handed in: what a test or the full cluster gives instead of the real thing.

import { mkdir } from 'node:fs/promises';
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
import { type HostCommand, runHostCommand } from '../host-command.ts';
import { KubeletMetrics } from '../metrics/kubelet-metrics.ts';
import { measuredRuntime } from '../metrics/measured.ts';
import { choosePlugin } from '../network/choose-plugin.ts';
import type { NetworkPlugin } from '../network/network-plugin.ts';
import { allocatableOf, capacityOf, limitedMachine } from '../node/allocatable.ts';
import { readEngineFacts, readNodeLimits } from '../node/engine-facts.ts';
import type { KubeletOptions } from '../options.ts';
import { DockerRuntime } from '../runtime/docker/docker-runtime.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { machineOf, type StatsProvider } from '../stats-provider.ts';
import { makeNodeSecurity } from './node-security.ts';

export interface KubeletDeps {
  readonly client?: Client;
  /** @param network of the node's pods, which the runtime plugs its sandboxes into. */
  readonly runtime?: (network: NetworkPlugin) => Runtime;
  readonly stats?: StatsProvider;
  readonly clock?: Clock;
  readonly log?: Logger;
  /** Runs the node's commands, perhaps in another network namespace. */
  readonly run?: HostCommand;
}

export type Outside = Awaited<ReturnType<typeof makeOutside>>;

export async function makeOutside(options: KubeletOptions, deps: KubeletDeps) {
  const { nodeName, rootDirectory } = options;
  const log = deps.log ?? createLogger('kubelet', { verbosity: options.verbosity });
  await mkdir(rootDirectory, { recursive: true });
  const client = deps.client ?? new Client(loadKubeconfig(options.kubeconfig));
  const run = deps.run ?? runHostCommand;
  const network = choosePlugin(options, { run, log });
  const clock = deps.clock ?? realClock;
  const metrics = new KubeletMetrics(nodeName);
  const runtime = deps.runtime?.(network) ?? (await dockerRuntime(options, network));
  return {
    ...{ log, client, run, network, clock, metrics },
    stats: deps.stats,
    runtime: measuredRuntime(runtime, metrics, clock),
    ...(await measureNode(options, deps)),
    ...(await makeNodeSecurity(options)),
    recorder: new EventRecorder(client, 'kubelet', nodeName, { log }),
    nodes: new Informer(client, resources.nodes, { log }),
    services: new Informer(client, resources.services, { log }),
    apiPods: new Informer(client, resources.pods, {
      fieldSelector: `spec.nodeName=${nodeName}`,
      log,
    }),
  };
}

/** How large the node is, and what of it is there for pods. */
async function measureNode(options: KubeletOptions, { stats }: KubeletDeps) {
  const limits = await readNodeLimits();
  const machine = limitedMachine(await machineOf(stats, options.rootDirectory), limits);
  const { podsMax, kubeReserved, systemReserved, evictionThresholds: thresholds } = options;
  const reservations = { kubeReserved, systemReserved, thresholds };
  const allocatable = allocatableOf(machine, podsMax, reservations);
  return { limits, machine, capacity: capacityOf(machine, podsMax), allocatable };
}

async function dockerRuntime(options: KubeletOptions, network: NetworkPlugin): Promise<Runtime> {
  const { clusterName: cluster, nodeName: node, nodeAddress, pauseImage: sandboxImage } = options;
  const facts = await readEngineFacts(options.nodeContainer);
  const engine = { ...facts, sandboxImage, limits: options.containerLimits };
  return new DockerRuntime({ cluster, node, nodeAddress, engine, network });
}
