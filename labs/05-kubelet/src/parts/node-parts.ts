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
  const { client, runtime, network, recorder, clock, log, machine, nodes, run } = parts;
  const { nodeName, rootDirectory, podsMax } = options;
  // The real port is known when the server listens.
  const listening = { port: options.port };
  const agent = new NodeAgent({
    ...{ client, runtime, recorder, clock, log, machine, rootDirectory, podsMax },
    name: nodeName,
    address: options.nodeAddress,
    labels: options.nodeLabels,
    kubeletVersion: KUBELET_VERSION,
    statusUpdateFrequencyMs: options.statusUpdateFrequencyMs,
    statusReportFrequencyMs: options.statusReportFrequencyMs,
    leaseDurationSeconds: options.leaseDurationSeconds,
    port: () => listening.port,
  });
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
