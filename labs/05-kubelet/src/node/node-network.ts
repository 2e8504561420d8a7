// NodeNetwork: keeps the node's network plugin and routes as the Node objects say.
//
// The node's own object brings its pod range (the controller manager allocates it), the others' bring the routes. Each is
// tried again until it works, and looked at again from time to time, since routes can be lost under us.
//
// Same idea upstream: the kubelet's network plugin is told of the pod CIDR in kubernetes, pkg/kubelet/kubelet_network.go.

import { type Informer, type Logger, WorkQueue } from '@kube-labs/apiserver';
import type { Node } from 'kubernetes-types/core/v1';
import type { HostCommand } from '../host-command.ts';
import type { NodePlugin } from '../network/network-plugin.ts';
import { syncRoutes, wantedRoutes } from '../network/routes.ts';

export interface NodeNetworkOptions {
  readonly nodeName: string;
  readonly nodes: Informer<Node>;
  readonly network: NodePlugin;
  readonly run: HostCommand;
  readonly log: Logger;
  /** Pods may get a network from now on, or no longer. */
  onChange(isReady: boolean): void;
}

const RELIST_MS = 60_000;
const RETRY_BASE_MS = 200;
const RETRY_MAX_MS = 10_000;

export class NodeNetwork {
  readonly #options: NodeNetworkOptions;
  readonly #queue = new WorkQueue({
    name: 'node-network',
    baseDelayMs: RETRY_BASE_MS,
    maxDelayMs: RETRY_MAX_MS,
  });

  constructor(options: NodeNetworkOptions) {
    this.#options = options;
    const changed = (before: Node | undefined, after: Node | undefined) => {
      const name = (after ?? before)?.metadata?.name;
      if (networkOf(before) !== networkOf(after)) {
        this.#queue.add(name === options.nodeName ? 'plugin' : 'routes');
      }
    };
    options.nodes.addHandler({
      onAdd: (node) => changed(undefined, node),
      onUpdate: changed,
      onDelete: (node) => changed(node, undefined),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { log, network } = this.#options;
    // It may be ready before this node has its object.
    if (network.syncPeriodMs !== undefined) this.#queue.add('plugin');
    return this.#queue.run({ workers: 1, log }, (key) => this.#sync(key, signal), signal);
  }

  async #sync(key: string, signal: AbortSignal): Promise<void> {
    const { nodes, nodeName, network, run } = this.#options;
    if (key === 'plugin') return this.#configure();
    await nodes.synced(signal);
    if (network.bringsRoutes) return;
    this.#queue.addAfter('routes', RELIST_MS);
    await syncRoutes(wantedRoutes(nodes.list(), nodeName), run);
  }

  async #configure(): Promise<void> {
    const { nodes, nodeName, network, onChange } = this.#options;
    const wasReady = network.status().ready;
    const { syncPeriodMs } = network;
    if (syncPeriodMs !== undefined) this.#queue.addAfter('plugin', syncPeriodMs);
    await network.configure(nodes.get(nodeName)?.spec?.podCIDR ?? '');
    const isReady = network.status().ready;
    if (isReady !== wasReady) onChange(isReady);
    this.#queue.add('routes');
  }
}

/** What of a node matters to the network. */
function networkOf(node: Node | undefined): string {
  const address = node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
  return `${node?.spec?.podCIDR ?? ''} ${address ?? ''}`;
}
