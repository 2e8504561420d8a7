// ListeningPorts: is a port of the node taken by a process of the node? As the kernel's tables of sockets say.
//
// A pod's port would take the traffic away from whoever listens, the kubelet itself included.
//
// Same purpose upstream: openHostports in kubernetes v1.23, pkg/kubelet/dockershim/network/hostport, which binds the port.
// Left out here: SCTP, and single addresses of IPv6.

import type { HostCommand } from '../host-command.ts';
import type { PortMapping } from '../runtime/runtime.ts';

/** Names of the tables, and the state in them of a socket that waits for anybody. */
const TABLES = { TCP: ['tcp', '0A'], UDP: ['udp', '07'], SCTP: undefined } as const;
const EVERY_ADDRESS = /^0+$/;

/** The first of these ports that is taken. */
export async function findListenedOn(
  mappings: readonly PortMapping[],
  run: HostCommand,
): Promise<PortMapping | undefined> {
  for (const mapping of mappings) {
    const [name, state] = TABLES[mapping.protocol] ?? [];
    if (name === undefined || state === undefined) continue;
    // A node may have many connections, of which nobody wants to hear; or no IPv6.
    const script = 'grep -hs " $0 " "$@" || true';
    const tables = [`/proc/net/${name}`, `/proc/net/${name}6`];
    if (isListenedOn(await run('sh', ['-c', script, state, ...tables]), mapping)) return mapping;
  }
  return undefined;
}

/** @param lines of the tables. Pure. */
export function isListenedOn(lines: string, { hostPort, hostIp }: PortMapping): boolean {
  const port = hostPort.toString(16).toUpperCase().padStart(4, '0');
  return [...lines.matchAll(/^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) /gm)].some(
    ([, address = '', at]) =>
      at === port &&
      (hostIp === undefined || EVERY_ADDRESS.test(address) || address === hexOf(hostIp)),
  );
}

/** As the kernel of a little-endian machine writes an IPv4 address. */
function hexOf(address: string): string {
  const bytes = address.split('.').map((part) => Number(part).toString(16).padStart(2, '0'));
  return bytes.reverse().join('').toUpperCase();
}
