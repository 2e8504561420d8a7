// Ipam: which sandbox has which address of the node's range, remembered on disk.
//
// Invariants: an address belongs to at most one sandbox; it is on disk before anybody uses it, as one file
// named after the address that holds the sandbox's id (created exclusively, so not even a second process
// can take it); a freed address comes again only after all others, so late packets find nobody. A file is there
// whole or not at all, also after a kill -9 in between; what cannot be read is ignored.
//
// When the node's range changes, what lies outside of the new one stays reserved, but is no sandbox's address any more: the
// pod gets a new sandbox, and with it an address that the others have a route to.
//
// Same idea upstream: the host-local plugin, containernetworking/plugins, plugins/ipam/host-local.
// Left out here: several ranges, IPv6.

import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Cidr, formatAddress, isAddress, parseAddress, podAddressRange } from './cidr.ts';

const LAST_RESERVED_FILE = 'last_reserved_ip';
/** Of files that are being written, or were when somebody was killed. */
export const TORN_PREFIX = '.new-';

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
      if (file === LAST_RESERVED_FILE && isAddress(content)) ipam.#last = parseAddress(content);
      if (isAddress(file) && content !== '') ipam.#owners.set(parseAddress(file), content);
      // Nobody uses an address before its file is whole.
      else if (isAddress(file) || file.startsWith(TORN_PREFIX)) await rm(join(directory, file));
    }
    return ipam;
  }

  addressOf(sandboxId: string): string | undefined {
    for (const [address, owner] of this.#owners) {
      if (owner === sandboxId && this.#isInRange(address)) return formatAddress(address);
    }
    return undefined;
  }

  owners(): readonly string[] {
    return [...this.#owners.values()];
  }

  async allocate(sandboxId: string): Promise<string> {
    for (;;) {
      const known = this.addressOf(sandboxId);
      if (known !== undefined) return known;
      // Ends: each turn finds an address free that was not known to be taken, or throws.
      const address = this.#nextFree();
      // In memory first and at once: two pods that start together must not see the same free address.
      this.#owners.set(address, sandboxId);
      this.#last = address;
      if (await this.#reserve(formatAddress(address), sandboxId)) return formatAddress(address);
    }
  }

  async release(sandboxId: string): Promise<void> {
    for (const [address, owner] of this.#owners) {
      if (owner !== sandboxId) continue;
      await rm(join(this.#directory, formatAddress(address)), { force: true });
      this.#owners.delete(address);
    }
  }

  /** Resolves with false when somebody else's file is there already; whose it is, is known from then on. */
  async #reserve(text: string, sandboxId: string): Promise<boolean> {
    const file = join(this.#directory, text);
    try {
      // Throws EEXIST when there is such a file.
      await writeBeside(file, sandboxId, link);
      await replaceFile(join(this.#directory, LAST_RESERVED_FILE), text);
      return true;
    } catch (error) {
      this.#owners.delete(parseAddress(text));
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      this.#owners.set(parseAddress(text), (await readFile(file, 'utf8')).trim());
      return false;
    }
  }

  #isInRange(address: number): boolean {
    return address >= this.#range.first && address <= this.#range.last;
  }

  #nextFree(): number {
    const { first, last } = this.#range;
    const size = last - first + 1;
    const start = this.#isInRange(this.#last) ? this.#last - first + 1 : 0;
    for (let step = 0; step < size; step++) {
      const address = first + ((start + step) % size);
      if (!this.#owners.has(address)) return address;
    }
    throw new Error(
      `no IP addresses available in range set: ${formatAddress(first)}-${formatAddress(last)}`,
    );
  }
}

/** The file has the old text or the new one, whenever somebody looks, and whenever this process is killed. */
export function replaceFile(path: string, text: string): Promise<void> {
  return writeBeside(path, text, rename);
}

async function writeBeside(path: string, text: string, put: typeof link): Promise<void> {
  const fresh = join(dirname(path), `${TORN_PREFIX}${basename(path)}-${randomUUID()}`);
  try {
    await writeFile(fresh, text);
    await put(fresh, path);
  } finally {
    await rm(fresh, { force: true });
  }
}
