// StatusPatch: what of a pod's status the API server must be told. Pure.
//
// Same idea upstream: PatchPodStatus in kubernetes, pkg/util/pod/pod.go.

import { isDeepStrictEqual } from 'node:util';
import type { PodStatus } from 'kubernetes-types/core/v1';

/**
 * A strategic merge patch of what differs, or undefined when nothing does. It names the conditions that change one by one:
 * others are somebody else's (readiness gates), and may have come since we looked.
 */
export function statusChanges(
  current: PodStatus,
  wanted: PodStatus,
): Record<string, unknown> | undefined {
  const { conditions: conditionsBefore = [], ...before } = current as Fields & PodStatus;
  const { conditions: conditionsAfter = [], ...after } = wanted as Fields & PodStatus;
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  const fields = [...keys]
    .filter((key) => !isSame(before[key], after[key]))
    .map((key) => [key, ADDRESS_LISTS.has(key) ? whole(after[key]) : (after[key] ?? null)]);
  const conditions = conditionsAfter.flatMap((condition) => {
    const known = conditionsBefore.find(({ type }) => type === condition.type);
    return isSame(known, condition) ? [] : [{ ...nothingOf(known), ...condition }];
  });
  if (fields.length === 0 && conditions.length === 0) return undefined;
  return { ...Object.fromEntries(fields), ...(conditions.length === 0 ? {} : { conditions }) };
}

type Fields = Readonly<Record<string, unknown>>;

/** The server merges these by address; ours are all there are. */
const ADDRESS_LISTS: ReadonlySet<string> = new Set(['hostIPs', 'podIPs']);

function whole(list: unknown): readonly unknown[] {
  return [...((list ?? []) as readonly unknown[]), { $patch: 'replace' }];
}

/** A merge keeps what it is not told to take away, such as the reason why a pod was not ready. */
function nothingOf(condition: object | undefined): Fields {
  return Object.fromEntries(Object.keys(condition ?? {}).map((key) => [key, null]));
}

/** The server leaves out what is empty, and writes null for times that were never set. */
function isSame(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(normalize(a), normalize(b));
}

function normalize(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(normalize);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, normalize(inner)] as const)
    .filter(([, inner]) => !isEmpty(inner));
  return Object.fromEntries(entries);
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}
