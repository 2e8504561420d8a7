// Ipam: which sandbox has which address of the node's range, remembered on disk.
//
// Invariants: an address belongs to at most one sandbox; it is on disk before anybody uses it, as one file
// named after the address that holds the sandbox's id (created exclusively, so not even a second process
// can take it); a freed address comes again only after all others, so late packets find nobody.
//
// Same idea upstream: the host-local plugin, containernetworking/plugins, plugins/ipam/host-local.
// Left out here: several ranges, IPv6.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Cidr, formatAddress, parseAddress, podAddressRange } from './cidr.ts';

const LAST_RESERVED_FILE = 'last_reserved_ip';

export class Ipam {
  readonly #directory: string;
  readonly #range: { first: number; last: number };
  readonly #owners = new Map<number, string>();
  #last: number;

  private constructor(directory: string, cidr: Cidr) {
    this.#directory = directory;
    this.#range = podAddressRange(cidr);
    this.#last = this.#range.first - 1;
  }

  static async open(directory: string, cidr: Cidr): Promise<Ipam> {
    const ipam = new Ipam(directory, cidr);
    await mkdir(directory, { recursive: true });
    for (const file of await readdir(directory)) {
      const content = (await readFile(join(directory, file), 'utf8')).trim();
      if (file === LAST_RESERVED_FILE) ipam.#last = parseAddress(content);
      else ipam.#owners.set(parseAddress(file), content);
    }
    return ipam;
  }

  addressOf(sandboxId: string): string | undefined {
    for (const [address, owner] of this.#owners) {
      if (owner === sandboxId) return formatAddress(address);
    }
    return undefined;
  }

  owners(): readonly string[] {
    return [...this.#owners.values()];
  }

  async allocate(sandboxId: string): Promise<string> {
    const known = this.addressOf(sandboxId);
    if (known !== undefined) return known;
    const address = this.#nextFree();
    const text = formatAddress(address);
    // In memory first and at once: two pods that start together must not see the same free address.
    this.#owners.set(address, sandboxId);
    this.#last = address;
    try {
      await writeFile(join(this.#directory, text), sandboxId, { flag: 'wx' });
      await writeFile(join(this.#directory, LAST_RESERVED_FILE), text);
      return text;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') this.#owners.delete(address);
      throw error;
    }
  }

  /** Notes an address found on a running sandbox; the files may have been lost. */
  async adopt(sandboxId: string, text: string): Promise<void> {
    const address = parseAddress(text);
    if (address < this.#range.first || address > this.#range.last) return;
    this.#owners.set(address, sandboxId);
    await writeFile(join(this.#directory, text), sandboxId);
  }

  async release(sandboxId: string): Promise<void> {
    for (const [address, owner] of this.#owners) {
      if (owner !== sandboxId) continue;
      await rm(join(this.#directory, formatAddress(address)), { force: true });
      this.#owners.delete(address);
    }
  }

  #nextFree(): number {
    const { first, last } = this.#range;
    const size = last - first + 1;
    const start = this.#last >= first && this.#last <= last ? this.#last - first + 1 : 0;
    for (let step = 0; step < size; step++) {
      const address = first + ((start + step) % size);
      if (!this.#owners.has(address)) return address;
    }
    throw new Error(
      `no IP addresses available in range set: ${formatAddress(first)}-${formatAddress(last)}`,
    );
  }
}
