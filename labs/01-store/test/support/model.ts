// Model: a store so simple that it is obviously right: a full copy of everything at every revision.
import type { Op, StoreEvent } from '#src/kv.ts';
import { eventLine, text } from './store-helpers.ts';

interface Version {
  readonly value: string;
  readonly create: number;
  readonly mod: number;
  readonly version: number;
}

type State = ReadonlyMap<string, Version>;

export class Model {
  readonly first: number;
  readonly #states = new Map<number, State>();
  readonly events: { revision: number; lines: string[] }[] = [];
  revision: number;

  constructor(revision: number) {
    this.first = revision;
    this.revision = revision;
    this.#states.set(revision, new Map());
  }

  /** The lines of a range at a revision. */
  range(key: string, rangeEnd: string, revision = this.revision): string[] {
    return [...(this.#states.get(revision) ?? [])]
      .filter(([k]) => k >= key && k < rangeEnd)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([k, v]) => `${k}=${v.value} ${v.create}/${v.mod}/${v.version}`);
  }

  mod(key: string): number {
    return this.#states.get(this.revision)?.get(key)?.mod ?? 0;
  }

  /** Applies the puts and deletes of one transaction; the number of changes. */
  apply(ops: readonly Op[]): number {
    const next = new Map(this.#states.get(this.revision));
    const revision = this.revision + 1;
    const lines: string[] = [];
    for (const op of ops) {
      if (op.kind === 'put') {
        const old = next.get(op.key);
        const version = (old?.version ?? 0) + 1;
        next.set(op.key, {
          value: text(op.value),
          create: old?.create ?? revision,
          mod: revision,
          version,
        });
        lines.push(`${op.key}=${text(op.value)} ${old?.create ?? revision}/${revision}/${version}`);
      } else if (op.kind === 'delete') {
        const end = op.rangeEnd ?? `${op.key}\0`;
        for (const key of [...next.keys()].filter((k) => k >= op.key && k < end).sort()) {
          next.delete(key);
          lines.push(`${key} deleted at ${revision}`);
        }
      }
    }
    if (lines.length === 0) return 0;
    this.revision = revision;
    this.#states.set(revision, next);
    this.events.push({ revision, lines });
    return lines.length;
  }
}

export function linesOf(events: readonly StoreEvent[]): string[] {
  return events.map(({ type, kv }) => eventLine({ type, kv }));
}
