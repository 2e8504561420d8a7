// parseCidr: checks an IPv4 range and answers what is in it.
//
// A range reaches the ruleset as text, so a wrong one must be refused at the start with a sentence, not by nft later.
// Same idea upstream: net/netip, and the --cluster-cidr checks in cmd/kube-proxy.

import { isIPv4 } from 'node:net';

export interface Cidr {
  readonly text: string;
  contains(address: string): boolean;
}

/** Throws a sentence that names `flag` when `text` is no IPv4 range. */
export function parseCidr(text: string, flag: string): Cidr {
  const [address = '', bits = '', rest] = text.split('/');
  const length = Number(bits);
  if (!isIPv4(address) || !/^\d{1,2}$/.test(bits) || length > 32 || rest !== undefined) {
    throw new Error(`Cannot use ${flag} "${text}": it is no IPv4 range such as 10.96.0.0/16`);
  }
  // Shifting by 32 is shifting by 0 in JavaScript, so a /0 needs its own mask.
  const mask = length === 0 ? 0 : (-1 << (32 - length)) >>> 0;
  const network = (toNumber(address) & mask) >>> 0;
  if (network !== toNumber(address)) {
    throw new Error(`Cannot use ${flag} "${text}": bits are set outside its mask`);
  }
  return {
    text,
    contains: (other) => isIPv4(other) && (toNumber(other) & mask) >>> 0 === network,
  };
}

function toNumber(address: string): number {
  return address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}
