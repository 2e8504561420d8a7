// Random requests over a few keys, so that they meet: everything that a range, a put, a delete and a transaction can ask.
import type { Compare, Op, RangeRequest, SortTarget, TxnRequest } from '#src/kv.ts';
import type { FullModel } from './full-model.ts';
import { bytes } from './store-helpers.ts';

/** No more than Go's sort leaves in their order when they are equal. */
const KEYS = 12;
const TARGETS: readonly SortTarget[] = ['key', 'version', 'create', 'mod', 'value'];
const DEPTH_MAX = 3;

type Random = (below: number) => number;

export class Requests {
  readonly #random: Random;
  readonly #model: FullModel;

  constructor(random: Random, model: FullModel) {
    this.#random = random;
    this.#model = model;
  }

  /** Reads at `oldest` or later. */
  range(oldest: number): RangeRequest {
    const request: RangeRequest = { ...this.#keys(), limit: this.#chance(2) ? this.#random(5) : 0 };
    if (this.#chance(2)) request.revision = this.#revision(oldest);
    if (this.#chance(3)) request.sort = { target: this.#pick(TARGETS), order: this.#order() };
    if (this.#chance(5)) request.minModRevision = this.#revision(oldest);
    if (this.#chance(5)) request.maxModRevision = this.#revision(oldest);
    if (this.#chance(8)) request.minCreateRevision = this.#revision(oldest);
    if (this.#chance(8)) request.maxCreateRevision = this.#revision(oldest);
    if (this.#chance(8)) request[this.#pick(['keysOnly', 'countOnly'] as const)] = true;
    return request;
  }

  txn(oldest: number, depth = 0): TxnRequest {
    const isDeep = depth < DEPTH_MAX && this.#chance(depth === 0 ? 2 : 3);
    const list = (): Op[] => {
      const length = this.#random(depth === 0 ? 4 : 3);
      return Array.from({ length }, () => {
        if (isDeep && this.#chance(3)) return { kind: 'txn', ...this.txn(oldest, depth + 1) };
        return this.#op(oldest);
      });
    };
    const compare = Array.from({ length: this.#random(3) }, () => this.#compare());
    return { compare, success: list(), failure: list() };
  }

  lease(): string {
    const leases = [...this.#model.leases];
    return leases[this.#random(leases.length || 1)] ?? '0';
  }

  #op(oldest: number): Op {
    const dice = this.#random(10);
    if (dice < 2) return { kind: 'range', ...this.range(oldest) };
    const prevKv = this.#chance(2);
    if (dice < 4) return { kind: 'delete', ...this.#keys(), prevKv };
    const key = this.#key();
    if (this.#model.get(key) !== undefined && this.#chance(4)) {
      const ignoreValue = this.#chance(2);
      const ignoreLease = !ignoreValue || this.#chance(2);
      return {
        kind: 'put',
        key,
        value: this.#value(ignoreValue),
        ignoreValue,
        ignoreLease,
        prevKv,
      };
    }
    const lease = this.#chance(4) ? this.lease() : '0';
    return { kind: 'put', key, value: this.#value(false), lease, prevKv };
  }

  #compare(): Compare {
    const { key, rangeEnd } = this.#keys();
    const base = { key, rangeEnd, result: this.#pick(['=', '!=', '<', '>'] as const) };
    const kv = this.#model.get(key);
    switch (this.#random(5)) {
      case 0:
        return { ...base, target: 'value', value: kv?.value ?? this.#value(false) };
      case 1:
        return { ...base, target: 'lease', value: this.lease() };
      case 2:
        return { ...base, target: 'version', value: this.#random(3) };
      case 3:
        return { ...base, target: 'create', value: kv?.createRevision ?? 0 };
      default:
        return { ...base, target: 'mod', value: kv?.modRevision ?? 0 };
    }
  }

  #keys(): { key: string; rangeEnd: string } {
    const [a, b] = [this.#key(), this.#key()].sort() as [string, string];
    return { key: a, rangeEnd: this.#chance(2) ? '' : `${b}\0` };
  }

  #key(): string {
    return `k${this.#random(KEYS)}`;
  }

  #value(isNone: boolean): Buffer {
    return bytes(isNone ? '' : 'v'.repeat(this.#random(40)));
  }

  #revision(oldest: number): number {
    return oldest + this.#random(this.#model.revision - oldest + 1);
  }

  #order(): 'ascend' | 'descend' {
    return this.#chance(2) ? 'ascend' : 'descend';
  }

  #chance(oneIn: number): boolean {
    return this.#random(oneIn) === 0;
  }

  #pick<T>(all: readonly T[]): T {
    return all[this.#random(all.length)] as T;
  }
}
