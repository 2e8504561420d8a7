// FullModel: a store so simple that it is obviously right: a full copy of everything at every revision.
//
// Everything that can be asked of keys and leases; model.ts has what the lessons need.
// It answers in lines of text, and say() puts a store's answers into the same lines.

import { inRange } from '#src/key-range.ts';
import type {
  Compare,
  KeyValue,
  Op,
  OpResponse,
  RangeRequest,
  RangeResponse,
  TxnRequest,
} from '#src/kv.ts';
import { eventLine, line, text } from './store-helpers.ts';

type State = ReadonlyMap<string, KeyValue>;

export class FullModel {
  readonly first: number;
  readonly #states = new Map<number, State>();
  readonly events: { revision: number; lines: string[] }[] = [];
  readonly leases = new Set<string>();
  revision: number;

  constructor(revision: number) {
    this.first = revision;
    this.revision = revision;
    this.#states.set(revision, new Map());
  }

  get(key: string): KeyValue | undefined {
    return this.#now.get(key);
  }

  range(request: RangeRequest): string[] {
    return sayRange(request, this.#states.get(request.revision || this.revision) ?? new Map());
  }

  keysOf(lease: string): string[] {
    return [...this.#now.values()].filter((kv) => kv.lease === lease).map(({ key }) => key);
  }

  revoke(lease: string): void {
    this.leases.delete(lease);
    // In the order of the keys, in which all members of an etcd delete them.
    const keys = this.keysOf(lease).sort();
    const ops = keys.map((key) => ({ kind: 'delete', key }) as const);
    this.txn({ compare: [], success: ops, failure: [] });
  }

  /** The answer, or the code of the error. */
  txn(request: TxnRequest): string[] | string {
    const chosen = choose(request, this.#now);
    if (misses(chosen, this.#now)) return 'key-not-found';
    const run = new Run(this.#now, this.revision + 1, this.#states);
    const said = run.txn(chosen);
    if (run.lines.length > 0) {
      this.revision++;
      this.#states.set(this.revision, run.state);
      this.events.push({ revision: this.revision, lines: run.lines });
    }
    return said;
  }

  get #now(): State {
    return this.#states.get(this.revision) ?? new Map();
  }
}

interface Chosen {
  readonly succeeded: boolean;
  readonly ops: readonly (Exclude<Op, { kind: 'txn' }> | Chosen)[];
}

function choose({ compare, success, failure }: TxnRequest, state: State): Chosen {
  const succeeded = compare.every((c) => holds(c, state));
  const ops = succeeded ? success : failure;
  return { succeeded, ops: ops.map((op) => (op.kind === 'txn' ? choose(op, state) : op)) };
}

function holds(compare: Compare, state: State): boolean {
  const found = [...state.values()].filter((kv) => inRange(kv.key, compare));
  const kvs = found.length > 0 ? found : [undefined];
  return kvs.every((kv) => {
    if (compare.target === 'value') {
      if (kv === undefined) return false;
      return answers(text(kv.value), compare.result, text(compare.value));
    }
    if (compare.target === 'lease') {
      return answers(BigInt(kv?.lease ?? 0), compare.result, BigInt(compare.value));
    }
    const fields = { mod: kv?.modRevision, create: kv?.createRevision, version: kv?.version };
    return answers(fields[compare.target] ?? 0, compare.result, compare.value);
  });
}

function answers<T>(a: T, result: Compare['result'], b: T): boolean {
  return { '=': a === b, '!=': a !== b, '<': a < b, '>': a > b }[result];
}

function misses({ ops }: Chosen, state: State): boolean {
  return ops.some((op) => {
    if ('ops' in op) return misses(op, state);
    return op.kind === 'put' && (op.ignoreValue || op.ignoreLease) && !state.has(op.key);
  });
}

/** One transaction, operation by operation. */
class Run {
  readonly state: Map<string, KeyValue>;
  readonly lines: string[] = [];
  readonly #revision: number;
  readonly #past: ReadonlyMap<number, State>;

  constructor(state: State, revision: number, past: ReadonlyMap<number, State>) {
    this.state = new Map(state);
    this.#revision = revision;
    this.#past = past;
  }

  txn({ succeeded, ops }: Chosen): string[] {
    return [`txn ${succeeded}`, ...ops.flatMap((op) => this.#one(op))];
  }

  #one(op: Chosen['ops'][number]): string[] {
    if ('ops' in op) return this.txn(op);
    if (op.kind === 'range') {
      return sayRange(op, op.revision ? (this.#past.get(op.revision) ?? new Map()) : this.state);
    }
    return op.kind === 'put' ? this.#put(op) : this.#delete(op);
  }

  #put(op: Op & { kind: 'put' }): string[] {
    const old = this.state.get(op.key);
    const kv: KeyValue = {
      key: op.key,
      value: op.ignoreValue && old ? old.value : op.value,
      lease: op.ignoreLease && old ? old.lease : op.lease || '0',
      createRevision: old?.createRevision ?? this.#revision,
      modRevision: this.#revision,
      version: (old?.version ?? 0) + 1,
    };
    this.state.set(op.key, kv);
    this.lines.push(eventLine({ type: 'put', kv }));
    return [`put was ${op.prevKv && old ? sayKv(old) : 'nothing'}`];
  }

  #delete(op: Op & { kind: 'delete' }): string[] {
    const gone = [...this.state.values()].filter((kv) => inRange(kv.key, op)).sort(byKey);
    for (const { key } of gone) {
      this.state.delete(key);
      this.lines.push(`${key} deleted at ${this.#revision}`);
    }
    return [`deleted ${gone.length}`, ...(op.prevKv ? gone.map(sayKv) : [])];
  }
}

function sayRange(request: RangeRequest, state: State): string[] {
  const all = [...state.values()].filter((kv) => inRange(kv.key, request)).sort(byKey);
  const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
  const found = all.filter(
    (kv) =>
      kv.modRevision >= (minModRevision || 0) &&
      kv.modRevision <= (maxModRevision || Number.POSITIVE_INFINITY) &&
      kv.createRevision >= (minCreateRevision || 0) &&
      kv.createRevision <= (maxCreateRevision || Number.POSITIVE_INFINITY),
  );
  if (request.sort !== undefined) {
    const { target, order } = request.sort;
    const sign = order === 'ascend' ? 1 : -1;
    found.sort((a, b) => {
      const [x, y] = [sortKey(a, target), sortKey(b, target)];
      return x < y ? -sign : x > y ? sign : 0;
    });
  }
  if (request.countOnly) return [`range of ${all.length}, all`];
  const kvs = request.limit ? found.slice(0, request.limit) : found;
  const more = kvs.length < found.length ? 'more' : 'all';
  const said = kvs.map((kv) => sayKv(request.keysOnly ? { ...kv, value: Buffer.alloc(0) } : kv));
  return [`range of ${all.length}, ${more}`, ...said];
}

function sortKey(kv: KeyValue, target: NonNullable<RangeRequest['sort']>['target']) {
  if (target === 'key') return kv.key;
  if (target === 'value') return text(kv.value);
  return { version: kv.version, create: kv.createRevision, mod: kv.modRevision }[target];
}

function byKey(a: KeyValue, b: KeyValue): number {
  return a.key < b.key ? -1 : 1;
}

function sayKv(kv: KeyValue): string {
  return `${line(kv)} lease ${kv.lease}`;
}

export function sayRangeResponse({ kvs, more, count }: RangeResponse): string[] {
  return [`range of ${count}, ${more ? 'more' : 'all'}`, ...kvs.map(sayKv)];
}

/** The answer of a store, as the model says it. */
export function sayTxn(answer: { succeeded: boolean; responses: readonly OpResponse[] }): string[] {
  return [`txn ${answer.succeeded}`, ...answer.responses.flatMap(say)];
}

function say(response: OpResponse): string[] {
  switch (response.kind) {
    case 'range':
      return sayRangeResponse(response);
    case 'put':
      return [`put was ${response.prevKv ? sayKv(response.prevKv) : 'nothing'}`];
    case 'delete':
      return [`deleted ${response.deleted}`, ...response.prevKvs.map(sayKv)];
    case 'txn':
      return sayTxn(response);
    default:
      return response satisfies never;
  }
}
