// HostPorts: ports of the node that lead to pods: one table of nftables, replaced as a whole whenever a pod comes or goes.
//
//   to an address of the node, port P ──DNAT──▶ the pod's address and port         from outside, from the node, from pods
//   from a pod to a pod of this bridge ──masquerade──▶ the answer comes back through the node, and is translated there
//
// Invariants: one mapping belongs to one sandbox; what is open is on disk, one file a sandbox, so the next kubelet has the
// same table; the table names only addresses that are taken. A port that a process of the node listens on is refused; one that
// begins to listen later hears nothing. For 127.0.0.1 the bridge lets local addresses pass (route_localnet), so what claims to go there but
// came over a wire is dropped, as CVE-2020-8558 taught.
//
// Same idea upstream: the portmap plugin of containernetworking/plugins; kubernetes v1.23, pkg/kubelet/dockershim/network/hostport.
// Left out here: IPv6; the flows of UDP that the kernel remembers for a pod that is gone (they end after 30 s of silence).

import { type Logger, messageOf } from '@kube-labs/apiserver';
import type { HostCommand } from '../host-command.ts';
import type { PodIdentity, PortMapping } from '../runtime/runtime.ts';
import { isAddress } from './cidr.ts';
import { findListenedOn } from './listening-ports.ts';
import { portsClash } from './port-mappings.ts';
import { Records } from './records.ts';

/** nftables' own limit is 128 bytes. */
const COMMENT_LENGTH_MAX = 100;

/** What is on disk of a sandbox. */
export interface OpenPorts {
  readonly sandboxId: string;
  readonly pod: PodIdentity;
  readonly ip: string;
  readonly portMappings: readonly PortMapping[];
}

export interface HostPortsOptions {
  readonly bridge: string;
  readonly directory: string;
  readonly run: HostCommand;
  readonly log: Logger;
}

export class HostPorts {
  readonly #options: HostPortsOptions;
  readonly #open: Records<OpenPorts>;
  #podCidr = '';
  /** The kernel has the table of what is open, as far as is known. */
  #isApplied = false;
  /** One nft at a time: each takes what is open when it begins. */
  #applied: Promise<unknown> = Promise.resolve();

  constructor(options: HostPortsOptions) {
    this.#options = options;
    this.#open = new Records(options.directory);
  }

  /** What was open before this kubelet. A table that nobody needs any more goes, too. */
  async restore(podCidr: string): Promise<void> {
    this.#podCidr = podCidr;
    await this.#open.restore();
    await this.#applyOrLog();
  }

  /** The rules may have been flushed by somebody. */
  async refresh(): Promise<void> {
    if (this.#open.ids().length > 0 || !this.#isApplied) await this.#applyOrLog();
  }

  /** Throws when somebody else has one of them, pod or process; then none is open. */
  async open(ports: OpenPorts): Promise<void> {
    if (ports.portMappings.length === 0) return;
    assertIpv4(ports);
    for (const other of this.#open.list()) assertNoClash(ports, other);
    // At once, before anything is awaited: two pods that start together must not both have a port.
    await this.#open.set(ports.sandboxId, ports);
    try {
      await this.#assertFree(ports);
    } catch (error) {
      await this.#open.delete(ports.sandboxId);
      throw error;
    }
    await this.#apply();
  }

  async #assertFree(ports: OpenPorts): Promise<void> {
    const taken = await findListenedOn(ports.portMappings, this.#options.run);
    if (taken !== undefined) throw cannotOpen(taken, ports, 'a process of the node listens on it');
  }

  /** Again, and of one that had none, is harmless. */
  async close(sandboxId: string): Promise<void> {
    if (this.#open.get(sandboxId) === undefined) return;
    await this.#open.delete(sandboxId);
    // A sandbox must be able to go, whatever nft says; the next refresh tries again.
    await this.#applyOrLog();
  }

  async #applyOrLog(): Promise<void> {
    try {
      await this.#apply();
    } catch (error) {
      this.#options.log.warn('Cannot change the host ports', { err: messageOf(error) });
    }
  }

  /** Without it the ports are open, but not at 127.0.0.1. */
  async #letLocalPass(): Promise<void> {
    const { bridge, run, log } = this.#options;
    try {
      await run('sh', ['-c', LET_LOCAL_PASS, 'sh', bridge]);
    } catch (error) {
      log.warn('Host ports cannot be reached at 127.0.0.1', { err: messageOf(error) });
    }
  }

  #apply(): Promise<void> {
    const { bridge, run } = this.#options;
    // Those who wait behind each other all want what is open by then.
    const next = this.#applied.then(async () => {
      const all = this.#open.list();
      this.#isApplied = false;
      if (all.length > 0) await this.#letLocalPass();
      await run('nft', ['-f', '-'], { input: hostPortScript(bridge, this.#podCidr, all) });
      this.#isApplied = true;
    });
    this.#applied = next.catch(() => {});
    return next;
  }
}

/** In a node that is a container /proc/sys is read-only, which another mount of it is not. */
const LET_LOCAL_PASS = `
set='echo 1 >"/proc/sys/net/ipv4/conf/$0/route_localnet"'
sh -c "$set" "$1" 2>/dev/null || unshare -m sh -c "mount -t proc proc /proc && $set" "$1"`;

/** One rule that nft refuses would keep all others away, too. */
function assertIpv4(ports: OpenPorts): void {
  for (const mapping of ports.portMappings) {
    const { hostIp } = mapping;
    if (hostIp === undefined || isAddress(hostIp)) continue;
    throw cannotOpen(mapping, ports, `pods have IPv4 only, got ${hostIp}`);
  }
}

function assertNoClash(wanted: OpenPorts, other: OpenPorts): void {
  // A pod's new sandbox takes over from the one before.
  if (wanted.pod.uid === other.pod.uid) return;
  const clash = wanted.portMappings.find((one) =>
    other.portMappings.some((another) => portsClash(one, another)),
  );
  if (clash === undefined) return;
  throw cannotOpen(clash, wanted, `pod ${nameOf(other)} has it`);
}

function cannotOpen({ hostPort, protocol }: PortMapping, ports: OpenPorts, why: string): Error {
  const port = `port ${hostPort}/${protocol} of the node`;
  return new Error(`Cannot open ${port} for pod ${nameOf(ports)}: ${why}`);
}

/** One transaction: no packet meets half a table. Later sandboxes of a pod win over earlier ones. Pure. */
export function hostPortScript(
  bridge: string,
  podCidr: string,
  open: readonly OpenPorts[],
): string {
  const table = `ip hostports-${bridge}`;
  const fresh = `add table ${table}\ndelete table ${table}\n`;
  if (open.length === 0) return fresh;
  const newest = [...new Map(open.map((one) => [one.pod.uid, one])).values()];
  const rules = newest.flatMap((one) => one.portMappings.map((mapping) => rulesOf(one, mapping)));
  const translate = rules.map((rule) => rule.translate);
  const masquerade = rules.map((rule) => rule.masquerade);
  const fromHere = `ip saddr { ${podCidr}, 127.0.0.0/8 }`;
  const chains = [
    chain('ports', translate),
    chain('prerouting', [
      'type nat hook prerouting priority dstnat',
      'fib daddr type local jump ports',
    ]),
    chain('output', ['type nat hook output priority -100', 'fib daddr type local jump ports']),
    chain('hairpin', masquerade),
    chain('postrouting', [
      'type nat hook postrouting priority srcnat',
      `oifname "${bridge}" ct status dnat ${fromHere} jump hairpin`,
    ]),
    chain('martians', [
      'type filter hook prerouting priority raw',
      'iifname != "lo" ip daddr 127.0.0.0/8 drop',
    ]),
  ];
  return `${fresh}table ${table} {\n${chains.join('')}}\n`;
}

/** The second is for connections that the first has turned, which still remember the port they were made to. */
function rulesOf({ ip, pod }: OpenPorts, mapping: PortMapping) {
  const { hostIp, hostPort, containerPort: port } = mapping;
  const protocol = mapping.protocol.toLowerCase();
  const at = hostIp === undefined ? '' : `ip daddr ${hostIp} `;
  const comment = `${pod.namespace}/${pod.name}`.slice(0, COMMENT_LENGTH_MAX);
  return {
    translate: `${at}${protocol} dport ${hostPort} dnat to ${ip}:${port} comment "${comment}"`,
    masquerade: `ip daddr ${ip} ${protocol} dport ${port} ct original proto-dst ${hostPort} masquerade`,
  };
}

function chain(name: string, rules: readonly string[]): string {
  return `  chain ${name} {\n${rules.map((rule) => `    ${rule};\n`).join('')}  }\n`;
}

function nameOf({ pod }: OpenPorts): string {
  return `${pod.namespace}/${pod.name}`;
}
