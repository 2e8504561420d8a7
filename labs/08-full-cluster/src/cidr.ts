// Cidr: arithmetic on IPv4 address ranges.
//
// A range is kept as its first address (a number) and its prefix length; the first address never has host
// bits set. Everything here is pure. Kubernetes' own ranges come from net.ParseCIDR, which accepts host
// bits and drops them; we refuse them, because a person who typed them meant something else.
//
// Left out: IPv6. One more family would double every table of addresses and teach nothing new here.

export interface Cidr {
  /** The first address, as an unsigned 32-bit number. */
  readonly first: number;
  readonly prefix: number;
}

/** The range that `text` names, or a sentence that says what is wrong with it. */
export function parseCidr(text: string): Cidr | { readonly problem: string } {
  const [address, length, ...rest] = text.split('/');
  const first = parseAddress(address ?? '');
  if (first === undefined || length === undefined || rest.length > 0 || !/^\d{1,2}$/.test(length)) {
    return { problem: 'is not an IPv4 range such as 172.30.0.0/24' };
  }
  const prefix = Number(length);
  if (prefix > 32) return { problem: 'has a prefix longer than /32' };
  const range = { first: firstOf(first, prefix), prefix };
  if (range.first !== first) {
    return { problem: `has host bits set, the range is written ${formatCidr(range)}` };
  }
  return range;
}

/** The range that `text` names. For text that the program wrote itself, or that was validated before. */
export function cidrOf(text: string): Cidr {
  const range = parseCidr(text);
  if ('problem' in range) throw new TypeError(`${text} ${range.problem}`);
  return range;
}

export function parseAddress(text: string): number | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  let address = 0;
  for (const part of parts) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined;
    address = address * 256 + Number(part);
  }
  return address;
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

export function formatCidr(range: Cidr): string {
  return `${formatAddress(range.first)}/${range.prefix}`;
}

export function sizeOf(range: Cidr): number {
  return 2 ** (32 - range.prefix);
}

/** The address `index` places after the first one. */
export function addressAt(range: Cidr, index: number): string {
  if (index >= sizeOf(range)) {
    throw new RangeError(`${formatCidr(range)} has no address number ${index}`);
  }
  return formatAddress(range.first + index);
}

export function overlaps(a: Cidr, b: Cidr): boolean {
  const prefix = Math.min(a.prefix, b.prefix);
  return firstOf(a.first, prefix) === firstOf(b.first, prefix);
}

export function contains(range: Cidr, address: string): boolean {
  const number = parseAddress(address);
  return number !== undefined && firstOf(number, range.prefix) === range.first;
}

function firstOf(address: number, prefix: number): number {
  const size = 2 ** (32 - prefix);
  return Math.floor(address / size) * size;
}
