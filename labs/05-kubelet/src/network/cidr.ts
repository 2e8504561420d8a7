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
  const [address, prefix] = text.split('/');
  const prefixLength = Number(prefix);
  assert.ok(
    address !== undefined && prefixLength >= 0 && prefixLength <= 32,
    `Cannot use ${text} as an address range: want ADDRESS/PREFIX`,
  );
  const size = 2 ** (32 - prefixLength);
  const number = parseAddress(address);
  return { text, base: number - (number % size), prefixLength };
}

export function parseAddress(text: string): number {
  const parts = text.split('.').map(Number);
  assert.ok(
    parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part < 256),
    `Cannot use ${text} as an IPv4 address`,
  );
  return parts.reduce((sum, part) => sum * 256 + part, 0);
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
