// NodeParts: what looks after the node itself: its object in the API, its bridge and routes.

import { NodeAgent } from '../node/node-agent.ts';
import { NodeNetwork } from '../node/node-network.ts';
import { KUBELET_VERSION, type KubeletOptions } from '../options.ts';
import { SyncLoopHealth } from '../server/sync-loop-health.ts';
import type { Outside } from './outside.ts';
import type { PodParts } from './pod-parts.ts';

/** Twice the time in which everything is looked at. */
const SILENCE_MS_MAX = 120_000;

export function makeNodeParts(options: KubeletOptions, parts: Outside & PodParts) {
  const { client, runtime, network, recorder, clock, log, nodes, run } = parts;
  const { capacity, allocatable, eviction, shutdown } = parts;
  const { nodeName, nodeLabels: labels, registerWithTaints: taints } = options;
  // The real port is known when the server listens.
  const listening = { port: options.port };
  const agent = new NodeAgent({
    ...{ client, runtime, recorder, clock, log, capacity, allocatable },
    registration: options.registerNode ? { labels, taints } : undefined,
    pressures: () => eviction.conditions(),
    shuttingDown: () => shutdown?.shuttingDown() ?? false,
    name: nodeName,
    address: options.nodeAddress,
    kubeletVersion: KUBELET_VERSION,
    statusUpdateFrequencyMs: options.statusUpdateFrequencyMs,
    statusReportFrequencyMs: options.statusReportFrequencyMs,
    leaseDurationSeconds: options.leaseDurationSeconds,
    port: () => listening.port,
  });
  eviction.onChange(() => agent.statusChanged());
  shutdown?.onChange(() => agent.statusChanged());
  const onChange = (isReady: boolean) => {
    agent.statusChanged();
    if (!isReady) return;
    // Sandboxes have their addresses back.
    for (const { identity } of parts.cache.list()) parts.cache.outdate(identity.uid);
    parts.workers.wakeAll();
  };
  const nodeNetwork = new NodeNetwork({ nodeName, nodes, network, run, log, onChange });
  const syncLoop = new SyncLoopHealth(clock, SILENCE_MS_MAX);
  return { listening, agent, nodeNetwork, syncLoop };
}
