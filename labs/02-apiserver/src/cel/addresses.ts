// addresses: IP addresses and networks in expressions: `ip(self.address)`, `cidr('10.0.0.0/8').containsIP(self.address)`.
//
// An address is a number of 32 or 128 bits. As in Go's netip, octets have no zeros in front, and IPv4 inside of IPv6 and zones are refused.
//
// Same functions upstream: apiserver, pkg/cel/library/{ip,cidr}.go.

import { isIP } from 'node:net';
import type { Environment } from '@marcbachmann/cel-js';
import { charge } from './cost.ts';
import { declare, declareNamespace, succeeds } from './declare.ts';
import { EQUALS } from './equality.ts';

/** Reading and writing one is no small thing. */
const PER_ADDRESS = 20;

class Address {
  readonly text: string;
  readonly family: 4 | 6;
  readonly bits: bigint;

  constructor(text: string, family: 4 | 6, bits: bigint) {
    this.text = text;
    this.family = family;
    this.bits = bits;
  }

  [EQUALS](other: unknown): boolean {
    return other instanceof Address && other.family === this.family && other.bits === this.bits;
  }
}

class Network {
  readonly address: Address;
  readonly length: number;

  constructor(address: Address, length: number) {
    this.address = address;
    this.length = length;
  }

  /** The first bits are the same. */
  contains(address: Address): boolean {
    if (address.family !== this.address.family) return false;
    const shift = BigInt((address.family === 4 ? 32 : 128) - this.length);
    return address.bits >> shift === this.address.bits >> shift;
  }

  [EQUALS](other: unknown): boolean {
    if (!(other instanceof Network)) return false;
    return other.length === this.length && this.address[EQUALS](other.address);
  }
}

/** Blocks of addresses that have a meaning, by the function that asks for it. */
const BLOCKS: Readonly<Record<string, readonly string[]>> = {
  isUnspecified: ['0.0.0.0/32', '::/128'],
  isLoopback: ['127.0.0.0/8', '::1/128'],
  isLinkLocalMulticast: ['224.0.0.0/24', 'ff02::/16'],
  isLinkLocalUnicast: ['169.254.0.0/16', 'fe80::/10'],
};
const ALL_MULTICAST = ['255.255.255.255/32', '224.0.0.0/4', 'ff00::/8'];

export function registerAddresses(environment: Environment): void {
  environment
    .registerType('net.IP', Address)
    .registerOperator('net.IP == net.IP', (a: Address, b: Address) => a[EQUALS](b))
    .registerType('net.CIDR', Network)
    .registerOperator('net.CIDR == net.CIDR', (a: Network, b: Network) => a[EQUALS](b));
  const address = paid(parseAddress);
  for (const [name, texts] of Object.entries(BLOCKS)) {
    const blocks = texts.map(parseNetwork);
    declare(environment, {
      [`net.IP.${name}(): bool`]: (one: Address) => blocks.some((all) => all.contains(one)),
    });
  }
  const special = [...Object.values(BLOCKS).flat(), ...ALL_MULTICAST].map(parseNetwork);
  declare(environment, {
    'ip(string): net.IP': address,
    'isIP(string): bool': (text: string) => succeeds(() => address(text)),
    'string(net.IP): string': ({ text }: Address) => text,
    'net.IP.family(): int': ({ family }: Address) => BigInt(family),
    'net.IP.isGlobalUnicast(): bool': (one: Address) => !special.some((all) => all.contains(one)),
  });
  declareNamespace(environment, 'ip', {
    'isCanonical(string): bool': (text: string) => address(text).text === text,
  });
  registerNetworks(environment);
}

function registerNetworks(environment: Environment): void {
  const [address, network] = [paid(parseAddress), paid(parseNetwork)];
  declare(environment, {
    'cidr(string): net.CIDR': network,
    'isCIDR(string): bool': (text: string) => succeeds(() => network(text)),
    'string(net.CIDR): string': ({ address, length }: Network) => `${address.text}/${length}`,
    'net.CIDR.ip(): net.IP': ({ address }: Network) => address,
    'net.CIDR.prefixLength(): int': ({ length }: Network) => BigInt(length),
    'net.CIDR.masked(): net.CIDR': masked,
    'net.CIDR.containsIP(string): bool': (all: Network, text: string) =>
      all.contains(address(text)),
    'net.CIDR.containsIP(net.IP): bool': (all: Network, one: Address) => all.contains(one),
    'net.CIDR.containsCIDR(string): bool': (all: Network, text: string) =>
      containsNetwork(all, network(text)),
    'net.CIDR.containsCIDR(net.CIDR): bool': containsNetwork,
  });
}

/** For expressions: what is read while the functions are registered costs nobody anything. */
function paid<T>(read: (text: string) => T): (text: string) => T {
  return (text) => {
    charge(PER_ADDRESS);
    return read(text);
  };
}

function containsNetwork(outer: Network, inner: Network): boolean {
  return inner.length >= outer.length && outer.contains(inner.address);
}

function masked({ address, length }: Network): Network {
  const size = address.family === 4 ? 32 : 128;
  const shift = BigInt(size - length);
  return new Network(addressOf(address.family, (address.bits >> shift) << shift), length);
}

/** Throws with upstream's words. */
function parseAddress(text: string): Address {
  const family = isIP(text);
  if (family === 0 || text.includes('%')) {
    const why = `ParseAddr("${text}"): unable to parse IP`;
    throw new Error(`IP Address "${text}" parse error during conversion from string: ${why}`);
  }
  if (family === 4) {
    return addressOf(
      4,
      text.split('.').reduce((bits, part) => bits * 256n + BigInt(part), 0n),
    );
  }
  if (/^::ffff:/i.test(canonical6(text))) {
    const why = 'IPv4-mapped IPv6 address is not allowed';
    throw new Error(`IP Address "${text}" parse error during conversion from string: ${why}`);
  }
  const [head = '', tail] = canonical6(text).split('::');
  const [front, back] = [head, tail ?? ''].map((part) => part.split(':').filter(Boolean));
  const middle = Array(8 - (front?.length ?? 0) - (back?.length ?? 0)).fill('0');
  const words = [...(front ?? []), ...middle, ...(back ?? [])];
  return addressOf(
    6,
    words.reduce((bits, word) => bits * 65536n + BigInt(`0x${word}`), 0n),
  );
}

/** From the number, with its one canonical text. */
function addressOf(family: 4 | 6, bits: bigint): Address {
  const [count, width] = family === 4 ? [4, 8n] : [8, 16n];
  const parts = Array.from({ length: count }, (_, index) => {
    const part = BigInt.asUintN(Number(width), bits >> (width * BigInt(count - 1 - index)));
    return part.toString(family === 4 ? 10 : 16);
  });
  return new Address(family === 4 ? parts.join('.') : canonical6(parts.join(':')), family, bits);
}

/** URLs hold addresses in the one form of RFC 5952. */
function canonical6(text: string): string {
  return new URL(`http://[${text}]`).hostname.slice(1, -1);
}

function parseNetwork(text: string): Network {
  const [, address = '', length = ''] = /^([^/]*)\/(0|[1-9]\d{0,2})$/.exec(text) ?? [];
  const family = isIP(address);
  if (family === 0 || Number(length) > (family === 4 ? 32 : 128)) {
    // Upstream says it twice, too.
    const lead = 'network address parse error during conversion from string';
    throw new Error(`${lead}: ${lead}: netip.ParsePrefix("${text}"): no network`);
  }
  return new Network(parseAddress(address), Number(length));
}
