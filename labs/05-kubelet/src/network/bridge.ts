// Bridge: the pod network of one node: a bridge, a veth pair for each sandbox, an address from the node's range.
//
//   sandbox's namespace: eth0 ── veth pair ── vethID on the bridge (gateway = first address) ── node's routes
//
// The host end is named after the sandbox, so what is plugged in can be read back from the kernel. A
// veth pair dies as a whole: when the host end is there, the sandbox's end is, too. Ports are in hairpin mode,
// so that a pod may reach itself through a service. Masquerading is the proxy's business.
//
// Same idea upstream: containernetworking/plugins, plugins/main/bridge; kubernetes v1.1, "kubenet".
// Left out here: traffic shaping, IPv6.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Logger, silentLogger } from '@kube-labs/apiserver';
import { CommandError, type HostCommand } from '../host-command.ts';
import type { Condition } from '../runtime/runtime.ts';
import { defaultRouteMtu, macOf, makeBridge } from './bridge-device.ts';
import { type Cidr, gatewayOf, isCidr, parseCidr } from './cidr.ts';
import { HostPorts } from './host-ports.ts';
import { Ipam, replaceFile } from './ipam.ts';
import type { NetworkSandbox, NodePlugin, SandboxNetwork } from './network-plugin.ts';
import { Wires, wireName } from './wires.ts';

/** One process to start for the kubelet, which is large: first the node's side, then the sandbox's. The scripts come as arguments. */
const PLUG = 'printf %s "$2" | ip -batch - && printf %s "$3" | nsenter --net="$1" ip -batch -';
const NO_RANGE = 'kubenet does not have netConfig. This is most likely due to lack of PodCIDR';

export interface BridgeOptions {
  readonly name: string;
  readonly stateDirectory: string;
  readonly run: HostCommand;
  readonly log?: Logger;
}

export class BridgeNetwork implements NodePlugin {
  readonly bringsRoutes = false;
  readonly #options: BridgeOptions;
  readonly #wires = new Wires();
  readonly #hostPorts: HostPorts;
  #range: { cidr: Cidr; ipam: Ipam; mtu: number } | undefined;

  constructor(options: BridgeOptions) {
    this.#options = options;
    const { name: bridge, stateDirectory, run, log = silentLogger } = options;
    const directory = join(stateDirectory, `${bridge}-host-ports`);
    this.#hostPorts = new HostPorts({ bridge, directory, run, log });
  }

  /** Called when the node has its pod range; again is harmless. */
  async configure(podCidr: string): Promise<void> {
    if (podCidr === '' || this.#range?.cidr.text === podCidr) return;
    const cidr = parseCidr(podCidr);
    const { name, stateDirectory, run } = this.#options;
    const directory = join(stateDirectory, name);
    const mtu = await defaultRouteMtu(run);
    await makeBridge(name, { cidr, mtu, run });
    this.#range = { cidr, mtu, ipam: await Ipam.open(directory, cidr) };
    await this.#hostPorts.restore(podCidr);
    await this.#listWires();
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
    // Before the wire: what is plugged in has an address on disk, whenever this process ends.
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
    const { sandboxId, pod, portMappings } = sandbox;
    await this.#hostPorts.open({ sandboxId, pod, ip: address, portMappings });
    return { ip: address, ips: [address] };
  }

  async tearDown(sandboxId: string): Promise<void> {
    const wire = wireName(sandboxId);
    // The address last: nobody else may get it while anything leads to it.
    await this.#hostPorts.close(sandboxId);
    await this.#deleteWire(wire);
    this.#wires.note(wire, false);
    await this.#range?.ipam.release(sandboxId);
  }

  async refresh(): Promise<void> {
    await Promise.all([this.#hostPorts.refresh(), this.#listWires()]);
  }

  async #listWires(): Promise<void> {
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

  async #deleteWire(wire: string): Promise<void> {
    await ignoreMissing(this.#options.run('ip', ['link', 'del', wire]));
  }
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
