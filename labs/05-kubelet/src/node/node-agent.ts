// NodeAgent: the node's life in the API: it registers, reports its status, and renews its lease, for ever.
//
// The lease is the heartbeat (small and often); the status is written when something changed, and else every
// five minutes. None of the loops ends because the API server is away: it may come later, or come again.
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
import { readPressure } from '../eviction/pressure.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { MachineInfo } from '../stats-provider.ts';
import { renewLease } from './node-lease.ts';
import { type NodeView, newNode, nodeLabelsOf, nodeStatusOf } from './node-status.ts';

export interface NodeAgentOptions {
  readonly client: Client;
  readonly runtime: Runtime;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly name: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly machine: MachineInfo;
  readonly rootDirectory: string;
  readonly kubeletVersion: string;
  readonly podsMax: number;
  readonly statusUpdateFrequencyMs: number;
  readonly statusReportFrequencyMs: number;
  readonly leaseDurationSeconds: number;
  port(): number;
}

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
        this.#event('Normal', 'Starting', 'Starting kubelet.');
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
    const { client, name, labels } = this.#options;
    try {
      this.#node = await client.create(resources.nodes, newNode(await this.#view(), labels));
    } catch (error) {
      if (!ApiError.is(error, 'AlreadyExists')) throw error;
      const patch = { metadata: { labels: nodeLabelsOf(name, labels) } };
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
    this.#tellReadiness(current.status, status);
    this.#reported = { status, atMs: clock.now() };
  }

  #tellReadiness(before: NodeStatus | undefined, after: NodeStatus): void {
    const { name } = this.#options;
    const was = readinessOf(before);
    const is = readinessOf(after);
    if (was === is) return;
    const reason = is === 'True' ? 'NodeReady' : 'NodeNotReady';
    this.#event('Normal', reason, `Node ${name} status is now: ${reason}`);
  }

  async #view(): Promise<NodeView> {
    const { runtime, rootDirectory, machine, clock, port } = this.#options;
    const { name, address, kubeletVersion, podsMax } = this.#options;
    const { runtime: engine, network } = await runtime.status();
    const version = engine.ready ? await runtime.version().catch(() => undefined) : undefined;
    return {
      name,
      address,
      kubeletVersion,
      podsMax,
      machine,
      port: port(),
      ids: await machineIds(),
      runtime: version,
      images: version === undefined ? [] : await runtime.listImages().catch(() => []),
      network,
      pressure: await readPressure(rootDirectory),
      nowMs: clock.now(),
    };
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    if (this.#node === undefined) return;
    this.#options.recorder.event(this.#node, type, reason, message);
  }
}

function readinessOf(status: NodeStatus | undefined): string | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status;
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
