// NetworkPlugin: gives a sandbox its address and wire, and takes them back.
//
// Rules: setUp() and tearDown() may be called again for the same sandbox; an address belongs to one sandbox
// until tearDown(); a sandbox that has its wire is never touched by a kubelet that starts again.
//
// Same idea upstream: the Container Network Interface (ADD, DEL, CHECK, GC), and the kubelet's own
// network plugins of the 1.1 days, kubernetes v1.1, pkg/kubelet/network.

import type { Condition, PodIdentity, PortMapping } from '../runtime/runtime.ts';

export interface NetworkSandbox {
  readonly sandboxId: string;
  /** Process whose network namespace is the sandbox's. */
  readonly pid: number;
  /** That namespace as a file. */
  readonly netns: string;
  readonly pod: PodIdentity;
  readonly portMappings: readonly PortMapping[];
}

export interface SandboxNetwork {
  readonly ip: string;
  readonly ips: readonly string[];
}

export interface NetworkPlugin {
  /** Can pods have a network? */
  status(): Condition;
  setUp(sandbox: NetworkSandbox): Promise<SandboxNetwork>;
  /** While the sandbox's namespace is still there, where possible. */
  tearDown(sandboxId: string): Promise<void>;
  /** What the sandbox has, if it has an address and its wire still exists. Asks nobody. */
  check(sandboxId: string): SandboxNetwork | undefined;
  /** Looks again at the wires that really exist (a node that restarted has lost them all). */
  refresh(): Promise<void>;
  /** Sandboxes that have an address on record, whether they still exist or not. */
  sandboxIds(): readonly string[];
}

/** A network plugin as the node's own parts know it. */
export interface NodePlugin extends NetworkPlugin {
  /** Does it bring the ways to the pods of other nodes itself? Else the kubelet keeps routes. */
  readonly bringsRoutes: boolean;
  /** How often it wants to look at its configuration, if it has one that changes by itself. */
  readonly syncPeriodMs?: number;
  /** What is known from the kubelet before, without asking anybody. */
  restore(): Promise<void>;
  /** @param podCidr range of this node's pods; '' while it has none. Again is harmless. */
  configure(podCidr: string): Promise<void>;
}
