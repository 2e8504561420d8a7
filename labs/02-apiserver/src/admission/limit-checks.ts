// limit-checks: what a LimitRange has against a pod or a claim. Pure.
//
//   Container               each container, also the init containers
//   Pod                     all containers together
//   PersistentVolumeClaim   the storage that is asked for
//
// Same rules and sentences upstream: plugin/pkg/admission/limitranger (PodValidateLimitFunc, minConstraint, maxConstraint, …).

import type { LimitRange, LimitRangeItem, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { PodSpec } from '../strategy/pod-types.ts';
import { type Amounts, formatSum, type Sum, type Sums, sumOf, sumsOf } from './amounts.ts';
import { podResources } from './pod-resources.ts';

interface Observed {
  readonly requests: Sums;
  /** Undefined where there is no such thing as a limit. */
  readonly limits: Sums | undefined;
}

export function podViolations(range: LimitRange, spec: PodSpec): string[] {
  return (range.spec?.limits ?? []).flatMap((item) => {
    if (item.type === 'Container') {
      const containers = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
      return containers.flatMap(({ resources }) =>
        violations(item, {
          requests: sumsOf(resources?.requests),
          limits: sumsOf(resources?.limits),
        }),
      );
    }
    if (item.type !== 'Pod') return [];
    const requests = podResources(spec, 'requests');
    return violations(item, { requests, limits: podResources(spec, 'limits') });
  });
}

export function claimViolations(range: LimitRange, { spec }: PersistentVolumeClaim): string[] {
  const observed = { requests: sumsOf(spec?.resources?.requests), limits: undefined };
  return (range.spec?.limits ?? [])
    .filter(({ type }) => type === 'PersistentVolumeClaim')
    .flatMap((item) => violations(item, observed));
}

function violations(item: LimitRangeItem, observed: Observed): string[] {
  const each = (amounts: Amounts | undefined, check: typeof belowMin): string[] =>
    Object.keys(amounts ?? {})
      .sort()
      .flatMap((name) => check({ item, name, bound: amounts?.[name] ?? '0' }, observed) ?? []);
  return [
    ...each(item.min, belowMin),
    ...each(item.max, aboveMax),
    ...each(item.maxLimitRequestRatio, aboveRatio),
  ];
}

interface Bound {
  readonly item: LimitRangeItem;
  readonly name: string;
  readonly bound: string;
}

/** Whoever may not ask for less must ask at all. */
function belowMin({ item, name, bound }: Bound, observed: Observed): string | undefined {
  const what = `minimum ${name} usage per ${item.type} is ${bound}`;
  const request = observed.requests.get(name);
  if (request === undefined) return `${what}.  No request is specified`;
  const least = sumOf(bound).nano;
  if (request.nano < least) return `${what}, but request is ${formatSum(request)}`;
  const limit = observed.limits?.get(name);
  return limit !== undefined && limit.nano < least
    ? `${what}, but limit is ${formatSum(limit)}`
    : undefined;
}

/** Whoever may not use more must have a limit at all. */
function aboveMax(
  { item, name, bound }: Bound,
  { requests, limits }: Observed,
): string | undefined {
  const what = `maximum ${name} usage per ${item.type} is ${bound}`;
  const most = sumOf(bound).nano;
  const request = requests.get(name);
  if (limits === undefined && request === undefined) return `${what}.  No request is specified`;
  const limit = limits?.get(name);
  if (limits !== undefined && limit === undefined) return `${what}.  No limit is specified`;
  if (limit !== undefined && limit.nano > most) return `${what}, but limit is ${formatSum(limit)}`;
  return request !== undefined && request.nano > most
    ? `${what}, but request is ${formatSum(request)}`
    : undefined;
}

/** How much more than what it asks for a container may use: the larger, the more nodes are overcommitted. */
function aboveRatio(
  { item, name, bound }: Bound,
  { requests, limits }: Observed,
): string | undefined {
  const what = `${name} max limit to request ratio per ${item.type} is ${bound}`;
  const request = requests.get(name);
  const limit = limits?.get(name);
  if (isNothing(request)) return `${what}, but no request is specified or request is 0`;
  if (isNothing(limit)) return `${what}, but no limit is specified or limit is 0`;
  const ratio = Number(limit?.nano) / Number(request?.nano);
  return ratio > Number(sumOf(bound).nano) / 1e9
    ? `${what}, but provided ratio is ${ratio.toFixed(6)}`
    : undefined;
}

function isNothing(sum: Sum | undefined): boolean {
  return sum === undefined || sum.nano === 0n;
}
