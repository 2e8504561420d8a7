// Alarms: what is so wrong with a store that a person must look at it.
//
//   quiet ──raise()──→ active, from now on and after a restart too ──disarm()──→ quiet
// An alarm stays until somebody disarms it, even when its reason is gone: there must be a person who knows. If the
// reason is still there, the next request that meets it raises it again.
// When the disk is full the alarm itself may not fit on it. Then it lives in memory only, and after a restart the next
// write that does not fit raises it again.
// Upstream: etcd, server/etcdserver/api/v3alarm/alarms.go.
// Left out: who raised it: there is one member. CORRUPT is raised by comparing members; damage here is found on opening.
import type { AlarmKind } from './maintenance.ts';
import type { Meta } from './meta.ts';

const NAME = 'alarms';

export class Alarms {
  readonly #meta: Meta;
  readonly #active: Set<AlarmKind>;
  /** The records of raised alarms that are on their way. On a full disk each may be refused, with all that waits behind it. */
  #raising: Promise<unknown> = Promise.resolve();

  constructor(meta: Meta) {
    this.#meta = meta;
    this.#active = new Set(decode(meta.get(NAME)));
  }

  has(kind: AlarmKind): boolean {
    return this.#active.has(kind);
  }

  all(): readonly AlarmKind[] {
    return [...this.#active];
  }

  /** Active at once; resolves when that is durable, or cannot be. */
  async raise(kind: AlarmKind): Promise<void> {
    if (this.#active.has(kind)) return;
    this.#active.add(kind);
    const record = this.#meta.set(NAME, encode(this.#active)).catch(() => undefined);
    this.#raising = Promise.all([this.#raising, record]);
    await record;
  }

  /** Waits for the record of the alarm first: the one that takes it away must not be refused in its company. */
  async disarm(kind: AlarmKind): Promise<void> {
    await this.#raising;
    if (!this.#active.has(kind)) return;
    const others = new Set(this.#active);
    others.delete(kind);
    await this.#meta.set(NAME, encode(others));
    this.#active.delete(kind);
  }
}

function encode(alarms: ReadonlySet<AlarmKind>): Uint8Array {
  return Buffer.from([...alarms].join(' '), 'latin1');
}

function decode(bytes: Uint8Array = new Uint8Array(0)): readonly AlarmKind[] {
  const names = Buffer.from(bytes).toString('latin1').split(' ');
  return names.filter((name) => name === 'NOSPACE' || name === 'CORRUPT');
}
