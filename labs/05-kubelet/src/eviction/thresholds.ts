// Thresholds: when a node is short of something, as its flags say it. Pure.
//
//   --eviction-hard=memory.available<100Mi,nodefs.available<10%     met: a pod goes at once
//   --eviction-soft=memory.available<300Mi                          met for its grace period: a pod goes, and may end in peace
//   --eviction-minimum-reclaim=memory.available=200Mi               what was met stays so until there is that much more
//
// A percentage is one of the capacity. What nobody could measure is not met.
//
// Same idea upstream: kubernetes, pkg/kubelet/eviction/helpers.go (ParseThresholdConfig, thresholdsMet).

import { parseQuantity } from '@kube-labs/apiserver';

export const SIGNALS = [
  'memory.available',
  'nodefs.available',
  'nodefs.inodesFree',
  'imagefs.available',
  'imagefs.inodesFree',
  'pid.available',
] as const;
export type Signal = (typeof SIGNALS)[number];

export interface Observation {
  readonly capacity: number;
  readonly available: number;
}
export type Observations = ReadonlyMap<Signal, Observation>;

export type Amount =
  | { readonly kind: 'quantity'; readonly value: number }
  | { readonly kind: 'percentage'; readonly value: number };

export interface Threshold {
  readonly signal: Signal;
  readonly amount: Amount;
  /** 0 is a hard one. */
  readonly gracePeriodMs: number;
  readonly minReclaim?: Amount;
}

export interface ThresholdFlags {
  readonly hard: ReadonlyMap<Signal, Amount>;
  readonly soft: ReadonlyMap<Signal, Amount>;
  readonly softGracePeriodMs: ReadonlyMap<Signal, number>;
  readonly minimumReclaim: ReadonlyMap<Signal, Amount>;
}

/** Throws when a soft one has no grace period. */
export function thresholdsOf(flags: ThresholdFlags): readonly Threshold[] {
  const make = (signal: Signal, amount: Amount, gracePeriodMs: number): Threshold => {
    const minReclaim = flags.minimumReclaim.get(signal);
    return { signal, amount, gracePeriodMs, ...(minReclaim === undefined ? {} : { minReclaim }) };
  };
  const soft = [...flags.soft].map(([signal, amount]) => {
    const graceMs = flags.softGracePeriodMs.get(signal);
    if (graceMs === undefined) {
      throw new Error(
        `Cannot use --eviction-soft: grace period must be specified for the soft eviction threshold ${signal}`,
      );
    }
    return make(signal, amount, graceMs);
  });
  // One of 0 % is none.
  const all = [...[...flags.hard].map(([signal, amount]) => make(signal, amount, 0)), ...soft];
  return all.filter(({ amount }) => amount.value > 0);
}

/** Throws what is wrong with the text. @param sign between signal and value: `<` of a threshold, `=` of what goes with one */
export function parseSignals<T>(
  text: string,
  sign: '<' | '=',
  read: (text: string) => T,
): ReadonlyMap<Signal, T> {
  const values = new Map<Signal, T>();
  for (const statement of text.split(',').filter((one) => one !== '')) {
    const [name = '', value, ...rest] = statement.split(sign);
    const signal = SIGNALS.find((one) => one === name);
    if (value === undefined || rest.length > 0) {
      throw new Error(
        `invalid eviction threshold syntax ${statement}, expected <signal>${sign}<value>`,
      );
    }
    if (signal === undefined) throw new Error(`unsupported eviction signal ${name}`);
    if (values.has(signal))
      throw new Error(`found duplicate eviction threshold for signal ${signal}`);
    values.set(signal, read(value));
  }
  return values;
}

export function parseAmount(text: string): Amount {
  const isPercentage = text.endsWith('%');
  const value = isPercentage ? Number(text.slice(0, -1)) : parseQuantity(text);
  if (!Number.isFinite(value) || value < 0 || (isPercentage && value > 100)) {
    throw new Error(
      `eviction threshold must be a quantity, or a percentage from 0 to 100, got ${text}`,
    );
  }
  return { kind: isPercentage ? 'percentage' : 'quantity', value };
}

export function amountText({ kind, value }: Amount): string {
  return kind === 'percentage' ? `${value}%` : quantityText(value);
}

export function quantityOf({ kind, value }: Amount, capacity: number): number {
  return kind === 'quantity' ? value : Math.floor((capacity * value) / 100);
}

/** @param withReclaim whether there must be the minimum more, as for what was met before */
export function thresholdsMet(
  thresholds: readonly Threshold[],
  observations: Observations,
  withReclaim: boolean,
): readonly Threshold[] {
  return thresholds.filter(({ signal, amount, minReclaim }) => {
    const seen = observations.get(signal);
    if (seen === undefined) return false;
    const more =
      withReclaim && minReclaim !== undefined ? quantityOf(minReclaim, seen.capacity) : 0;
    return seen.available < quantityOf(amount, seen.capacity) + more;
  });
}

/** As the API writes whole amounts: 100Mi, 1Gi, 1500. */
export function quantityText(value: number): string {
  const units = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];
  let [rest, unit] = [Math.round(value), 0];
  while (rest !== 0 && rest % 1024 === 0 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${rest}${units[unit]}`;
}
