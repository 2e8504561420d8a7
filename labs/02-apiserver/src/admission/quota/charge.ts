// charge: what a write does to a quota: nothing, new amounts of what is used, or a refusal. Pure.
//
// A quota is charged with the difference between what the object took and what it takes. Giving back is always allowed; taking more is
// refused where it would exceed a limit, but only for requests that may be refused: a pod's status, say, tells what happened already.
//
// Same decision and sentences upstream: apiserver, admission/plugin/resourcequota/controller.go (CheckRequest).

import type { ResourceQuota } from 'kubernetes-types/core/v1';
import type { ReadonlyApiObject } from '../../registry/api-object.ts';
import type { ResourceDefinition } from '../../registry/resource-definition.ts';
import type { Pod } from '../../strategy/pod-types.ts';
import { type Amounts, formatSum, type Sum, type Sums, sumOf, sumsOf } from '../amounts.ts';
import { matchesScopes } from './scopes.ts';
import { computeNames, usageOf } from './usage.ts';

export interface Write {
  readonly definition: ResourceDefinition;
  readonly next: ReadonlyApiObject | undefined;
  readonly current: ReadonlyApiObject | undefined;
}

export type Charge =
  | { readonly kind: 'none' }
  | { readonly kind: 'used'; readonly used: Amounts }
  | { readonly kind: 'refused'; readonly why: string };

/** A quota of these makes every container say how much it wants. */
const MUST_BE_SAID: readonly string[] = [
  'cpu',
  'limits.cpu',
  'limits.memory',
  'memory',
  'requests.cpu',
  'requests.memory',
];
const NOTHING: Sum = { nano: 0n, isBinary: false };

/** `used` must be complete: a name that is missing in it counts as nothing. */
export function chargeQuota(quota: ResourceQuota, write: Write, used: Amounts): Charge {
  const { definition, next, current } = write;
  const hard = quota.spec?.hard ?? {};
  const name = quota.metadata?.name ?? '';
  const isMeant = next !== undefined && matchesScopes(quota, next);
  if (isMeant && current === undefined && definition.kind === 'Pod') {
    const missing = unsaid(next as unknown as Pod, Object.keys(hard));
    if (missing !== undefined) {
      return { kind: 'refused', why: `failed quota: ${name}: must specify ${missing}` };
    }
  }
  const after = isMeant ? usageOf(definition, next) : new Map<string, Sum>();
  const before =
    current !== undefined && matchesScopes(quota, current)
      ? usageOf(definition, current)
      : new Map<string, Sum>();
  const changes = Object.keys(hard)
    .sort()
    .flatMap((resource) => changeOf(resource, { after, before }));
  if (changes.length === 0) return { kind: 'none' };
  const sums = sumsOf(used);
  // Only what the write adds can be refused: a quota that was made too small later does not stop what is there.
  const exceeded = mayBeRefused(write)
    ? changes.filter(({ resource, delta }) => {
        const total = (sums.get(resource) ?? NOTHING).nano + delta.nano;
        return delta.nano > 0n && total > sumOf(hard[resource] ?? '0').nano;
      })
    : [];
  if (exceeded.length > 0) {
    const list = (amount: (change: Change) => string): string =>
      exceeded.map((change) => `${change.resource}=${amount(change)}`).join(',');
    const requested = list(({ delta }) => formatSum(delta));
    const already = list(({ resource }) => used[resource] ?? '0');
    const limited = list(({ resource }) => hard[resource] ?? '0');
    const why = `exceeded quota: ${name}, requested: ${requested}, used: ${already}, limited: ${limited}`;
    return { kind: 'refused', why };
  }
  return { kind: 'used', used: changed(used, changes) };
}

interface Change {
  readonly resource: string;
  readonly delta: Sum;
}

function changeOf(resource: string, { after, before }: { after: Sums; before: Sums }): Change[] {
  const [to, from] = [after.get(resource) ?? NOTHING, before.get(resource) ?? NOTHING];
  const delta = { nano: to.nano - from.nano, isBinary: to.isBinary || from.isBinary };
  return delta.nano === 0n ? [] : [{ resource, delta }];
}

function changed(used: Amounts, changes: readonly Change[]): Amounts {
  const next: Record<string, string> = { ...used };
  for (const { resource, delta } of changes) {
    const before = sumOf(used[resource] ?? '0');
    const nano = before.nano + delta.nano;
    const isBinary = before.nano === 0n ? delta.isBinary : before.isBinary;
    // Less than nothing would only say that somebody had counted wrong.
    next[resource] = formatSum({ nano: nano < 0n ? 0n : nano, isBinary });
  }
  return next;
}

/** New objects, and those kinds that may come to need more: services, claims, and pods when they are resized. */
function mayBeRefused({ definition, next, current }: Write): boolean {
  if (current === undefined) return true;
  if (definition.group !== '') return false;
  if (definition.resource === 'pods') {
    return next?.metadata.generation !== current.metadata.generation;
  }
  return ['services', 'persistentvolumeclaims'].includes(definition.resource);
}

/** `limits.cpu for: main,side; …`: what containers do not say although a quota counts it. */
function unsaid({ spec }: Pod, limited: readonly string[]): string | undefined {
  const containers = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])];
  const missing = MUST_BE_SAID.filter((name) => limited.includes(name)).flatMap((name) => {
    const silent = containers.filter(({ resources }) => {
      const said = computeNames(sumsOf(resources?.requests), sumsOf(resources?.limits));
      return !said.has(name);
    });
    if (silent.length === 0) return [];
    return [
      `${name} for: ${silent
        .map((container) => container.name)
        .sort()
        .join(',')}`,
    ];
  });
  return missing.length === 0 ? undefined : missing.join('; ');
}

/** Everything in a namespace that a quota counts, from what is there. */
export function countUsed(
  quota: ResourceQuota,
  objects: readonly {
    readonly definition: ResourceDefinition;
    readonly object: ReadonlyApiObject;
  }[],
): Amounts {
  const hard = quota.spec?.hard ?? {};
  const totals = new Map<string, Sum>(Object.keys(hard).map((name) => [name, NOTHING]));
  for (const { definition, object } of objects) {
    if (!matchesScopes(quota, object)) continue;
    for (const [name, sum] of usageOf(definition, object)) {
      const before = totals.get(name);
      if (before === undefined) continue;
      const nano = before.nano + sum.nano;
      totals.set(name, { nano, isBinary: before.isBinary || sum.isBinary });
    }
  }
  return Object.fromEntries([...totals].map(([name, sum]) => [name, formatSum(sum)]));
}
