// Bridge: the pod network of one node: a bridge, a veth pair for each sandbox, an address from the node's range.
//
//   sandbox's namespace: eth0 ── veth pair ── vethID on the bridge (gateway = first address) ── node's routes
//
// The host end is named after the sandbox, so what is plugged in can be read back from the kernel. A
// veth pair dies as a whole: when the host end is there, the sandbox's end is, too. Ports are in hairpin mode,
// so that a pod may reach itself through a service. Masquerading is the proxy's business.
//
// Same idea upstream: containernetworking/plugins, plugins/main/bridge; kubernetes v1.1, "kubenet".
// Left out here: host ports, traffic shaping, IPv6.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError, type HostCommand } from '../host-command.ts';
import type { Condition } from '../runtime/runtime.ts';
import { type Cidr, gatewayOf, isCidr, parseAddress, parseCidr } from './cidr.ts';
import { Ipam, replaceFile } from './ipam.ts';
import type { NetworkPlugin, NetworkSandbox, SandboxNetwork } from './network-plugin.ts';
import { Wires, wireName } from './wires.ts';

const IP_FORWARD = '/proc/sys/net/ipv4/ip_forward';
const MTU_DEFAULT = 1500;
/** One process to start for the kubelet, which is large: first the node's side, then the sandbox's. The scripts come as arguments. */
const PLUG = 'printf %s "$2" | ip -batch - && printf %s "$3" | nsenter --net="$1" ip -batch -';
const NO_RANGE = 'kubenet does not have netConfig. This is most likely due to lack of PodCIDR';

export interface BridgeOptions {
  readonly name: string;
  readonly stateDirectory: string;
  readonly run: HostCommand;
}

export class BridgeNetwork implements NetworkPlugin {
  readonly #options: BridgeOptions;
  readonly #wires = new Wires();
  #range: { cidr: Cidr; ipam: Ipam; mtu: number } | undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
  }

  /** Called when the node has its pod range; again is harmless. */
  async configure(podCidr: string): Promise<void> {
    if (this.#range?.cidr.text === podCidr) return;
    const cidr = parseCidr(podCidr);
    const directory = join(this.#options.stateDirectory, this.#options.name);
    const mtu = await this.#defaultRouteMtu();
    await this.#makeBridge(cidr, mtu);
    this.#range = { cidr, mtu, ipam: await Ipam.open(directory, cidr) };
    await this.refresh();
    await replaceFile(this.#cidrFile(), podCidr);
  }

  /**
   * The same range as before, without asking anybody: a kubelet that starts again must know the addresses of what
   * runs before it looks at any pod. Does nothing on a fresh node.
   */
  async restore(): Promise<void> {
    const podCidr = await readFile(this.#cidrFile(), 'utf8').catch(() => undefined);
    if (podCidr !== undefined && isCidr(podCidr)) await this.configure(podCidr);
  }

  status(): Condition {
    return this.#range === undefined
      ? { ready: false, reason: 'NetworkPluginNotReady', message: NO_RANGE }
      : { ready: true };
  }

  check(sandboxId: string): SandboxNetwork | undefined {
    if (!this.#wires.has(wireName(sandboxId))) return undefined;
    const ip = this.#range?.ipam.addressOf(sandboxId);
    return ip === undefined ? undefined : { ip, ips: [ip] };
  }

  async setUp(sandbox: NetworkSandbox): Promise<SandboxNetwork> {
    const range = this.#range;
    if (range === undefined) throw new Error(NO_RANGE);
    const address = await range.ipam.allocate(sandbox.sandboxId);
    const wire = wireName(sandbox.sandboxId);
    const { name: bridge, run } = this.#options;
    const { netns, pid } = sandbox;
    const outside = plugScript({ ...range, wire, bridge, pid, address });
    const plug = () =>
      run('sh', ['-c', PLUG, 'sh', netns, outside, sandboxScript(range.cidr, address)]);
    try {
      await plug();
    } catch (error) {
      // An earlier try has left its wire.
      if (!(error instanceof CommandError && error.stderr.includes('File exists'))) throw error;
      await this.#deleteWire(wire);
      await plug();
    }
    this.#wires.note(wire, true);
    return { ip: address, ips: [address] };
  }

  async tearDown(sandboxId: string): Promise<void> {
    const wire = wireName(sandboxId);
    await this.#deleteWire(wire);
    this.#wires.note(wire, false);
    await this.#range?.ipam.release(sandboxId);
  }

  async refresh(): Promise<void> {
    await this.#wires.list(async () => {
      const args = ['-j', 'link', 'show', 'master', this.#options.name];
      const links = JSON.parse((await this.#options.run('ip', args)) || '[]');
      return (links as { ifname?: string }[]).map(({ ifname = '' }) => ifname);
    });
  }

  sandboxIds(): readonly string[] {
    return this.#range?.ipam.owners() ?? [];
  }

  #cidrFile(): string {
    return join(this.#options.stateDirectory, `${this.#options.name}.cidr`);
  }

  async #makeBridge(cidr: Cidr, mtu: number): Promise<void> {
    const { name, run } = this.#options;
    const gateway = gatewayOf(cidr);
    try {
      await run('ip', ['link', 'add', name, 'address', macOf(gateway), 'type', 'bridge']);
    } catch (error) {
      if (!(error instanceof CommandError && error.stderr.includes('File exists'))) throw error;
    }
    const input = [
      `link set ${name} mtu ${mtu} up`,
      `addr replace ${gateway}/${cidr.prefixLength} brd + dev ${name}`,
    ].join('\n');
    await run('ip', ['-batch', '-'], { input });
    await this.#removeOtherAddresses(gateway);
    // In a container /proc/sys is read-only; there whoever made the container has set it.
    if ((await readFile(IP_FORWARD, 'utf8')).trim() !== '1') await writeFile(IP_FORWARD, '1');
  }

  /** The gateway of a range that the node had before. */
  async #removeOtherAddresses(gateway: string): Promise<void> {
    const { name, run } = this.#options;
    const devices = JSON.parse((await run('ip', ['-j', '-4', 'addr', 'show', name])) || '[]') as {
      addr_info?: { local?: string; prefixlen?: number }[];
    }[];
    for (const { local, prefixlen } of devices[0]?.addr_info ?? []) {
      if (local !== gateway) await run('ip', ['addr', 'del', `${local}/${prefixlen}`, 'dev', name]);
    }
  }

  async #defaultRouteMtu(): Promise<number> {
    const { run } = this.#options;
    const routes = JSON.parse((await run('ip', ['-j', 'route', 'show', 'default'])) || '[]');
    const device = (routes as { dev?: string }[])[0]?.dev;
    if (device === undefined) return MTU_DEFAULT;
    const links = JSON.parse(await run('ip', ['-j', 'link', 'show', device]));
    return (links as { mtu?: number }[])[0]?.mtu ?? MTU_DEFAULT;
  }

  async #deleteWire(wire: string): Promise<void> {
    await ignoreMissing(this.#options.run('ip', ['link', 'del', wire]));
  }
}

/** A fixed hardware address keeps the bridge from taking over that of its lowest port, which comes and goes. */
export function macOf(address: string): string {
  const hex = parseAddress(address).toString(16).padStart(8, '0');
  return `0a:58:${hex.match(/../g)?.join(':')}`;
}

interface Plug {
  readonly wire: string;
  readonly bridge: string;
  readonly mtu: number;
  readonly pid: number;
  readonly address: string;
}

/** The wire's other end begins its life in the sandbox's namespace. */
function plugScript({ wire, bridge, mtu, pid, address }: Plug): string {
  const peer = `name eth0 address ${macOf(address)} mtu ${mtu} netns ${pid}`;
  return [
    `link add ${wire} mtu ${mtu} master ${bridge} up type veth peer ${peer}`,
    `link set ${wire} type bridge_slave hairpin on`,
  ].join('\n');
}

function sandboxScript(cidr: Cidr, address: string): string {
  return [
    'link set lo up',
    'link set eth0 up',
    `addr add ${address}/${cidr.prefixLength} brd + dev eth0`,
    `route add default via ${gatewayOf(cidr)}`,
  ].join('\n');
}

async function ignoreMissing(command: Promise<string>): Promise<void> {
  try {
    await command;
  } catch (error) {
    if (!(error instanceof CommandError && error.stderr.includes('Cannot find device')))
      throw error;
  }
}
