// Permissions: which keys a user may read or write, as the roles of the user say together.
//
// A permission is for one key, or for a range of keys as everywhere in etcd ('\0' as its end = to the last key). A range may be read when
// the permissions together leave no hole in it: two that touch are as good as one.
// Upstream: etcd, auth/range_perm_cache.go.
import type { Key } from '../kv.ts';

export type PermissionType = 'read' | 'write' | 'readwrite';

export interface Permission {
  readonly type: PermissionType;
  readonly key: Key;
  /** '' = one key. */
  readonly rangeEnd: Key;
}

export interface Range {
  readonly key: Key;
  readonly rangeEnd?: Key;
}

/** An interval of keys; end undefined = to the last. */
interface Interval {
  readonly start: Key;
  readonly end: Key | undefined;
}

export function permits(
  permissions: readonly Permission[],
  access: 'read' | 'write',
  range: Range,
): boolean {
  const wanted = intervalOf(range);
  const intervals = permissions
    .filter(({ type }) => type === 'readwrite' || type === access)
    .map(intervalOf)
    .sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0));
  // Everything before this key is covered.
  let covered = wanted.start;
  for (const { start, end } of intervals) {
    if (start > covered) break;
    if (end === undefined) return true;
    if (end > covered) covered = end;
    if (wanted.end !== undefined && covered >= wanted.end) return true;
  }
  return false;
}

function intervalOf({ key, rangeEnd = '' }: Range): Interval {
  // One key is the range up to the next possible one.
  if (rangeEnd === '') return { start: key, end: `${key}\0` };
  return { start: key, end: rangeEnd === '\0' ? undefined : rangeEnd };
}
