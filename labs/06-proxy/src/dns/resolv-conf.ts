// parseResolvConf: the name servers that a node itself uses.
//
// Ours are left out: a resolver that forwards to itself would ask for ever. Without any name server, libc's rule would be
// the local host; here it means that only cluster names resolve.
// Same idea upstream: coredns, plugin/pkg/parse (`forward . /etc/resolv.conf`). Left out: search, options.

import { isIP } from 'node:net';
import type { Upstream } from './forwarder.ts';

const DNS_PORT = 53;

export function parseResolvConf(text: string, ownAddress: string): Upstream[] {
  const upstreams: Upstream[] = [];
  for (const line of text.split('\n')) {
    const [keyword, address = ''] = line.trim().split(/\s+/);
    if (keyword !== 'nameserver' || isIP(address) === 0 || address === ownAddress) continue;
    upstreams.push({ address, port: DNS_PORT });
  }
  return upstreams;
}
