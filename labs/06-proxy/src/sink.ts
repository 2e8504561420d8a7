// ServiceSink: where packets for the service range go when no rule translated them.
//
// Without a route of its own, a packet for an unallocated service address would follow the default route and leave the
// machine. So the whole range is routed to a bridge without ports: nothing comes out of it, whether or
// not the proxy runs. The same device carries the address of cluster DNS. (A `dummy` device would say the same, but not every
// kernel has that type.) The route also names the node's address as source, so that a process of the node which
// calls a service does not do so from the address of cluster DNS.
//
// Same idea upstream: the kube-ipvs0 device of the ipvs mode, and the cluster-ips-check of the nftables mode.

import { type Command, CommandError } from './command.ts';

export const SINK_DEVICE = 'kube-sink';

export interface SinkOptions {
  readonly serviceRange: string;
  readonly nodeIP: string;
  readonly clusterDns?: string | undefined;
}

/** Makes device, address and route; safe to run again, and after somebody removed one of them. */
export async function ensureSink(run: Command, options: SinkOptions): Promise<void> {
  await addOnce(run, ['link', 'add', SINK_DEVICE, 'type', 'bridge']);
  if (options.clusterDns !== undefined) {
    await run('ip', ['addr', 'replace', `${options.clusterDns}/32`, 'dev', SINK_DEVICE]);
  }
  await run('ip', ['link', 'set', SINK_DEVICE, 'up']);
  const route = [options.serviceRange, 'dev', SINK_DEVICE, 'src', options.nodeIP];
  await run('ip', ['route', 'replace', ...route]);
}

/** The route and the address go with the device. */
export async function removeSink(run: Command): Promise<void> {
  try {
    await run('ip', ['link', 'del', SINK_DEVICE]);
  } catch (error) {
    if (!saysAny(error, ['Cannot find device'])) throw error;
  }
}

async function addOnce(run: Command, args: readonly string[]): Promise<void> {
  try {
    await run('ip', args);
  } catch (error) {
    if (!saysAny(error, ['File exists'])) throw error;
  }
}

function saysAny(error: unknown, texts: readonly string[]): boolean {
  return CommandError.is(error) && texts.some((text) => error.message.includes(text));
}
