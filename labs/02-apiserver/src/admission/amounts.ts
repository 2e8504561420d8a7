// amounts: lists of resources by name, as in requests, limits and quotas: adding up, comparing, and writing them down.
//
// Sums are exact, in units of 10⁻⁹ (see codec/quantity.ts). A sum is written in the style of its parts: what was asked for in Mi is not
// suddenly reported in k.
//
// Same idea upstream: apiserver, quota/v1/resources.go and apimachinery, pkg/api/resource.

import { canonicalQuantity, nanoOfQuantity } from '../codec/quantity.ts';

export type Amounts = Readonly<Record<string, string>>;
/** Of each resource that is tracked, in units of 10⁻⁹. */
export type Sums = ReadonlyMap<string, Sum>;

export interface Sum {
  readonly nano: bigint;
  /** It was written with a suffix of 1024. */
  readonly isBinary: boolean;
}

export const NANO = 10n ** 9n;
const NOTHING: Sum = { nano: 0n, isBinary: false };

export function sumOf(text: string): Sum {
  return { nano: nanoOfQuantity(text), isBinary: /[KMGTPE]i$/.test(text.trim()) };
}

export function count(number: number): Sum {
  return { nano: BigInt(number) * NANO, isBinary: false };
}

export function sumsOf(amounts: Amounts | undefined): Sums {
  return new Map(Object.entries(amounts ?? {}).map(([name, text]) => [name, sumOf(text)]));
}

export function plus(a: Sum = NOTHING, b: Sum = NOTHING): Sum {
  return { nano: a.nano + b.nano, isBinary: a.isBinary || b.isBinary };
}

export function larger(a: Sum = NOTHING, b: Sum = NOTHING): Sum {
  return a.nano >= b.nano ? a : b;
}

/** For each name in any of them. */
export function combine(lists: readonly Sums[], how: (a: Sum, b: Sum) => Sum): Sums {
  const all = new Map<string, Sum>();
  for (const list of lists) {
    for (const [name, sum] of list) {
      const before = all.get(name);
      all.set(name, before === undefined ? sum : how(before, sum));
    }
  }
  return all;
}

/** The canonical form, in the style of the parts. */
export function formatSum({ nano, isBinary }: Sum): string {
  if (!isBinary || nano % NANO !== 0n) return canonicalQuantity(`${nano}n`);
  const whole = nano / NANO;
  return whole % 1024n === 0n ? canonicalQuantity(`${whole / 1024n}Ki`) : String(whole);
}
