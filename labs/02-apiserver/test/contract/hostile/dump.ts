// dump: all that a store holds, key by key, and what is different in two of them: the witness that a request changed nothing.
import type { KeyValueStore } from '@kube-labs/store';

/** Of each key: how often it was written, and its value. */
export type Dump = ReadonlyMap<string, string>;

const EVERY_KEY = { key: '\0', rangeEnd: '\0' };

export async function dumpOf(store: KeyValueStore): Promise<Dump> {
  const { kvs } = await store.range(EVERY_KEY);
  return new Map(
    kvs.map(({ key, value, version, createRevision }) => [
      text(key),
      `${createRevision} ${version} ${text(value)}`,
    ]),
  );
}

/** Keys that were made, written or removed. */
export function changedKeys(before: Dump, after: Dump): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => before.get(key) !== after.get(key)).sort();
}

function text(bytes: Uint8Array | string): string {
  return typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1');
}
