// NodeAgent: the node's life in the API: it registers, reports its status, and renews its lease, for ever.
//
// The lease is the heartbeat (small and often); the status is written when something changed, and else every
// five minutes. None of the loops ends because the API server is away: it may come later, or come again.
//
// A node that is there already is taken over: its labels become those of this kubelet, its taints stay those that somebody gave it.
// With --register-node=false somebody else makes it, and until then there is nothing to report to.
//
// Same idea upstream: kubernetes, pkg/kubelet/kubelet_node_status.go, and k8s.io/component-helpers/apimachinery/lease.

import { readFile } from 'node:fs/promises';
import {
  ApiError,
  type Client,
  type Clock,
  type EventRecorder,
  type Logger,
  messageOf,
  resources,
  sleep,
} from '@kube-labs/apiserver';
import type { Node, NodeStatus } from 'kubernetes-types/core/v1';
import type { PressureType } from '../eviction/pressure.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { renewLease } from './node-lease.ts';
import {
  type NodeView,
  newNode,
  nodeLabelsOf,
  nodeStatusOf,
  type Registration,
  type ResourceList,
} from './node-status.ts';

export interface NodeAgentOptions {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly recorder: Pick<EventRecorder, 'event'>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly name: string;
  readonly address: string;
  /** Undefined: somebody else registers it. */
  readonly registration: Registration | undefined;
  readonly capacity: ResourceList;
  readonly allocatable: ResourceList;
  readonly kubeletVersion: string;
  readonly statusUpdateFrequencyMs: number;
  readonly statusReportFrequencyMs: number;
  readonly leaseDurationSeconds: number;
  port(): number;
  pressures(): readonly PressureType[];
  shuttingDown(): boolean;
}

/** Of each condition, what is said when it becomes this. */
const CONDITION_EVENTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  MemoryPressure: { True: 'NodeHasInsufficientMemory', False: 'NodeHasSufficientMemory' },
  DiskPressure: { True: 'NodeHasDiskPressure', False: 'NodeHasNoDiskPressure' },
  PIDPressure: { True: 'NodeHasInsufficientPID', False: 'NodeHasSufficientPID' },
  Ready: { True: 'NodeReady', False: 'NodeNotReady' },
};
const REGISTER_PAUSE_MIN_MS = 100;
const REGISTER_PAUSE_MAX_MS = 7_000;

export class NodeAgent {
  readonly #options: NodeAgentOptions;
  #node: Node | undefined;
  #reported: { status: NodeStatus; atMs: number } | undefined;
  #poke: () => void = () => {};

  constructor(options: NodeAgentOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#register(signal);
    const uid = () => this.#node?.metadata?.uid ?? '';
    await Promise.all([this.#reportLoop(signal), renewLease({ ...this.#options, uid }, signal)]);
  }

  /** Something that the status tells has changed: report now, not at the next tick. */
  statusChanged(): void {
    this.#poke();
  }

  async #register(signal: AbortSignal): Promise<void> {
    const { log, clock, name } = this.#options;
    let pauseMs = REGISTER_PAUSE_MIN_MS;
    while (!signal.aborted) {
      try {
        await this.#createOrAdopt();
        this.#event('Starting', 'Starting kubelet.');
        log.info('Successfully registered node', { node: name });
        return;
      } catch (error) {
        log.warn('Unable to register node with API server', { node: name, err: messageOf(error) });
      }
      await sleep(pauseMs, signal, clock);
      pauseMs = Math.min(pauseMs * 2, REGISTER_PAUSE_MAX_MS);
    }
  }

  async #createOrAdopt(): Promise<void> {
    const { client, name, registration } = this.#options;
    if (registration === undefined) {
      this.#node = await client.get(resources.nodes, { name });
      return;
    }
    try {
      this.#node = await client.create(resources.nodes, newNode(await this.#view(), registration));
      this.#tellConditions(undefined, this.#node.status ?? {});
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
      const patch = { metadata: { labels: nodeLabelsOf(name, registration.labels) } };
      this.#node = await client.patch(resources.nodes, { name }, patch, { type: 'merge' });
    }
  }

  async #reportLoop(signal: AbortSignal): Promise<void> {
    const { clock, statusUpdateFrequencyMs, log } = this.#options;
    while (!signal.aborted) {
      const poked = new Promise<void>((resolve) => {
        this.#poke = resolve;
      });
      try {
        await this.#report();
      } catch (error) {
        if (!signal.aborted)
          log.warn('Error updating node status, will retry', { err: messageOf(error) });
        if (ApiError.is(error, 'NotFound')) await this.#register(signal);
      }
      const tick = new AbortController();
      const next = sleep(statusUpdateFrequencyMs, AbortSignal.any([signal, tick.signal]), clock);
      await Promise.race([next, poked]);
      tick.abort();
    }
  }

  async #report(): Promise<void> {
    const { client, name, clock, statusReportFrequencyMs } = this.#options;
    const current = await client.get(resources.nodes, { name });
    const status = nodeStatusOf(await this.#view(), current.status);
    const isDue = clock.now() - (this.#reported?.atMs ?? 0) >= statusReportFrequencyMs;
    const same = this.#reported !== undefined && isSameStatus(current.status, status);
    if (same && !isDue) return;
    await client.patch(
      resources.nodes,
      { name },
      { status },
      { type: 'strategic', subresource: 'status' },
    );
    this.#tellConditions(current.status, status);
    this.#reported = { status, atMs: clock.now() };
  }

  #tellConditions(before: NodeStatus | undefined, after: NodeStatus): void {
    for (const { type, status } of after.conditions ?? []) {
      const was = before?.conditions?.find((condition) => condition.type === type)?.status;
      const reason = CONDITION_EVENTS[type]?.[status];
      // A new node that is not ready yet is no news.
      const isNews = was !== status && (was !== undefined || reason !== 'NodeNotReady');
      if (!isNews || reason === undefined) continue;
      this.#event(reason, `Node ${this.#options.name} status is now: ${reason}`);
    }
  }

  async #view(): Promise<NodeView> {
    const { runtime, clock, capacity, allocatable } = this.#options;
    const { name, address, kubeletVersion } = this.#options;
    const { runtime: engine, network } = await runtime.status();
    const version = engine.ready ? await runtime.version().catch(() => undefined) : undefined;
    return {
      ...{ name, address, kubeletVersion, capacity, allocatable, network },
      port: this.#options.port(),
      ids: await machineIds(),
      runtime: version,
      images: version === undefined ? [] : await runtime.listImages().catch(() => []),
      pressures: this.#options.pressures(),
      shuttingDown: this.#options.shuttingDown(),
      nowMs: clock.now(),
    };
  }

  #event(reason: string, message: string): void {
    if (this.#node !== undefined)
      this.#options.recorder.event(this.#node, 'Normal', reason, message);
  }
}

/** Apart from heartbeat times, which are no news. */
export function isSameStatus(before: NodeStatus | undefined, after: NodeStatus): boolean {
  const text = (status: NodeStatus | undefined) =>
    JSON.stringify([
      status?.addresses,
      sortedEntries(status?.capacity),
      sortedEntries(status?.allocatable),
      status?.nodeInfo?.containerRuntimeVersion,
      status?.daemonEndpoints?.kubeletEndpoint?.Port,
      (status?.images ?? []).map(({ names = [], sizeBytes }) => [names, sizeBytes]),
      (after.conditions ?? []).map(({ type }) => {
        const own = status?.conditions?.find((condition) => condition.type === type);
        return [own?.type, own?.status, own?.reason, own?.message];
      }),
    ]);
  return text(before) === text(after);
}

function sortedEntries(map: Readonly<Record<string, string>> | undefined) {
  return Object.entries(map ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
}

async function machineIds(): Promise<NodeView['ids']> {
  const read = async (path: string) => (await readFile(path, 'utf8').catch(() => '')).trim();
  const machineID = await read('/etc/machine-id');
  const bootID = await read('/proc/sys/kernel/random/boot_id');
  const systemUUID = (await read('/sys/class/dmi/id/product_uuid')) || machineID;
  return { machineID, systemUUID, bootID };
}
