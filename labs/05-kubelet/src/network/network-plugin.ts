// NetworkPlugin: gives a sandbox its address and wire, and takes them back.
//
// Rules: setUp() and tearDown() may be called again for the same sandbox; an address belongs to one sandbox
// until tearDown(); a sandbox that has its wire is never touched by a kubelet that starts again.
//
// Same idea upstream: the Container Network Interface (ADD, DEL, CHECK, GC), and the kubelet's own
// network plugins of the 1.1 days, kubernetes v1.1, pkg/kubelet/network.

export interface NetworkSandbox {
  readonly id: string;
  /** Process whose network namespace is the sandbox's. */
  readonly pid: number;
}

export interface NetworkPlugin {
  /** Why pods cannot have a network yet, or undefined when they can. */
  notReady(): string | undefined;
  setUp(sandbox: NetworkSandbox): Promise<string>;
  tearDown(sandboxId: string): Promise<void>;
  /** The sandbox's address, if it has one and its wire still exists. */
  addressOf(sandboxId: string): string | undefined;
  /** Looks again at the wires that really exist (a node that restarted has lost them all). */
  refresh(): Promise<void>;
  /** Sandboxes that have an address on record, whether they still exist or not. */
  sandboxIds(): readonly string[];
}
