// Cidr: IPv4 ranges as numbers. Pure.
//
// Left out here: IPv6.

import assert from 'node:assert/strict';

export interface Cidr {
  readonly text: string;
  readonly base: number;
  readonly prefixLength: number;
}

export function parseCidr(text: string): Cidr {
  const [address = '', prefix] = text.split('/');
  assert.ok(isCidr(text), `Cannot use ${text} as an address range: want ADDRESS/PREFIX`);
  const prefixLength = Number(prefix);
  const size = 2 ** (32 - prefixLength);
  const number = parseAddress(address);
  return { text, base: number - (number % size), prefixLength };
}

export function parseAddress(text: string): number {
  assert.ok(isAddress(text), `Cannot use ${text} as an IPv4 address`);
  return text.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** For what comes from a file, which may be torn or somebody else's. */
export function isAddress(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => +part < 256);
}

export function isCidr(text: string): boolean {
  const [address = '', prefix = '', ...rest] = text.split('/');
  return isAddress(address) && /^\d{1,2}$/.test(prefix) && +prefix <= 32 && rest.length === 0;
}

export function formatAddress(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.');
}

/** The bridge's own address: the first one of the range. */
export function gatewayOf(cidr: Cidr): string {
  return formatAddress(cidr.base + 1);
}

/** Addresses that pods may get: all but the network's, the gateway's and the broadcast address. */
export function podAddressRange(cidr: Cidr): { first: number; last: number } {
  return { first: cidr.base + 2, last: cidr.base + 2 ** (32 - cidr.prefixLength) - 2 };
}
