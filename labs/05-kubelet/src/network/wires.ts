// Wires: which sandboxes are plugged into the bridge, as the kernel last said, and what we have done since.
//
// A listing takes a moment, in which wires come and go; what it may not tell of is noted, and counts.
//
// Same idea upstream: none; its bridges are asked each time.

/** Linux allows 15 characters in a device's name. */
const DEVICE_NAME_MAX = 15;

export class Wires {
  #names: ReadonlySet<string> = new Set();
  /** For each listing that is on its way: what was plugged in (true) or out since it began. */
  readonly #listings = new Set<Map<string, boolean>>();

  has(wire: string): boolean {
    return this.#names.has(wire);
  }

  /** @param ask the kernel, for all there are. */
  async list(ask: () => Promise<readonly string[]>): Promise<void> {
    const changes = new Map<string, boolean>();
    this.#listings.add(changes);
    try {
      this.#names = withChanges(new Set(await ask()), changes);
    } finally {
      this.#listings.delete(changes);
    }
  }

  note(wire: string, isPlugged: boolean): void {
    for (const changes of this.#listings) changes.set(wire, isPlugged);
    this.#names = withChanges(this.#names, new Map([[wire, isPlugged]]));
  }
}

function withChanges(wires: ReadonlySet<string>, changes: ReadonlyMap<string, boolean>) {
  const all = [...wires].filter((wire) => changes.get(wire) !== false);
  return new Set([...all, ...[...changes.keys()].filter((wire) => changes.get(wire))]);
}

/** After its sandbox, so that what is plugged in can be read back from the kernel. */
export function wireName(sandboxId: string): string {
  return `veth${sandboxId}`.slice(0, DEVICE_NAME_MAX);
}
