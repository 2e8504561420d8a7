// PodRequests: what a pod asks its node for, as one amount of each resource. Pure.
//
// Its containers run together, and with them its sidecars; the other init containers run one after the other, each beside the
// sidecars that began before it. What counts is the greater of the two. Processors are counted in thousandths of a core, all
// else in its own units.
//
// Same rule upstream: PodRequests in kubernetes, staging/src/k8s.io/component-helpers/resource/helpers.go.
// Left out here: resources of a pod as a whole.

import { milliOf, parseQuantity } from '@kube-labs/apiserver';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import { isSidecar } from './restart-policy.ts';

export type Amounts = ReadonlyMap<string, number>;

export function podRequests({ spec }: Pod): Amounts {
  const { containers = [], initContainers = [], overhead = {} } = spec ?? {};
  let sidecars: Amounts = new Map();
  let peak: Amounts = new Map();
  for (const container of initContainers) {
    const together = combined(sidecars, requestsOf(container), (a, b) => a + b);
    if (isSidecar(container)) sidecars = together;
    peak = combined(peak, together, Math.max);
  }
  const running = [...containers.map(requestsOf)].reduce(
    (sum, one) => combined(sum, one, (a, b) => a + b),
    sidecars,
  );
  const most = combined(running, peak, Math.max);
  return combined(most, amountsOf(overhead), (a, b) => a + b);
}

export function amountsOf(list: Readonly<Record<string, string>>): Amounts {
  return new Map(Object.entries(list).map(([name, text]) => [name, amountOf(name, text)]));
}

function requestsOf({ resources }: Container): Amounts {
  return amountsOf(resources?.requests ?? {});
}

function amountOf(name: string, text: string): number {
  return name === 'cpu' ? milliOf(text) : Math.ceil(parseQuantity(text));
}

function combined(
  one: Amounts,
  other: Amounts,
  combine: (a: number, b: number) => number,
): Amounts {
  const names = new Set([...one.keys(), ...other.keys()]);
  return new Map(
    [...names].map((name) => [name, combine(one.get(name) ?? 0, other.get(name) ?? 0)]),
  );
}
