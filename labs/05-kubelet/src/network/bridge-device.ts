// BridgeDevice: the bridge itself: made once, kept with one address, that of the gateway; and what pods inherit of the node's way out.
//
// Again is harmless: what is there already stays.
//
// Same idea upstream: containernetworking/plugins, plugins/main/bridge (ensureBridge); kubernetes v1.1, "kubenet".

import { CommandError, type HostCommand } from '../host-command.ts';
import { type Cidr, gatewayOf, parseAddress } from './cidr.ts';

const MTU_DEFAULT = 1500;
/** In a container /proc/sys is read-only; there whoever made the container has set it. */
const FORWARD = 'f=/proc/sys/net/ipv4/ip_forward; grep -qx 1 $f || echo 1 >$f';

export interface BridgeDevice {
  readonly cidr: Cidr;
  readonly mtu: number;
  readonly run: HostCommand;
}

export async function makeBridge(name: string, { cidr, mtu, run }: BridgeDevice): Promise<void> {
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
  await removeOtherAddresses(name, gateway, run);
  await run('sh', ['-c', FORWARD]);
}

/** The gateway of a range that the node had before. */
async function removeOtherAddresses(
  name: string,
  gateway: string,
  run: HostCommand,
): Promise<void> {
  const devices = JSON.parse((await run('ip', ['-j', '-4', 'addr', 'show', name])) || '[]') as {
    addr_info?: { local?: string; prefixlen?: number }[];
  }[];
  for (const { local, prefixlen } of devices[0]?.addr_info ?? []) {
    if (local !== gateway) await run('ip', ['addr', 'del', `${local}/${prefixlen}`, 'dev', name]);
  }
}

/** Packets of pods are as large as those of the node: what leaves it is not cut. */
export async function defaultRouteMtu(run: HostCommand): Promise<number> {
  const routes = JSON.parse((await run('ip', ['-j', 'route', 'show', 'default'])) || '[]');
  const device = (routes as { dev?: string }[])[0]?.dev;
  if (device === undefined) return MTU_DEFAULT;
  const links = JSON.parse(await run('ip', ['-j', 'link', 'show', device]));
  return (links as { mtu?: number }[])[0]?.mtu ?? MTU_DEFAULT;
}

/** A fixed hardware address keeps the bridge from taking over that of its lowest port, which comes and goes. */
export function macOf(address: string): string {
  const hex = parseAddress(address).toString(16).padStart(8, '0');
  return `0a:58:${hex.match(/../g)?.join(':')}`;
}
