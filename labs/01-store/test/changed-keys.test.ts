// Which keys a transaction changes twice: the quick way against etcd's rule written down as it is told.
import { expect, test } from 'vitest';
import { inRange } from '#src/key-range.ts';
import { type Key, type Op, StoreError } from '#src/kv.ts';
import { checkDuplicates } from '#src/txn.ts';
import { bytes, randomOf, seedOf } from './support/store-helpers.ts';

interface Changes {
  readonly puts: ReadonlySet<Key>;
  readonly deletes: readonly (Op & { kind: 'delete' })[];
}

/** Undefined = a key would be changed twice. */
function changesOf(ops: readonly Op[]): Changes | undefined {
  const puts = new Set<Key>();
  const deletes = ops.filter((op) => op.kind === 'delete');
  // A delete up to '\0' counts for nothing.
  const isDeleted = (key: Key) => deletes.some((d) => d.rangeEnd !== '\0' && inRange(key, d));
  for (const op of ops) {
    if (op.kind !== 'txn') continue;
    const [success, failure] = [changesOf(op.success), changesOf(op.failure)];
    if (success === undefined || failure === undefined) return undefined;
    for (const key of success.puts) {
      if (puts.has(key) || isDeleted(key)) return undefined;
      puts.add(key);
    }
    for (const key of failure.puts) {
      if ((puts.has(key) && !success.puts.has(key)) || isDeleted(key)) return undefined;
      puts.add(key);
    }
    deletes.push(...success.deletes, ...failure.deletes);
  }
  for (const op of ops) {
    if (op.kind !== 'put') continue;
    if (puts.has(op.key) || isDeleted(op.key)) return undefined;
    puts.add(op.key);
  }
  return { puts, deletes };
}

test('checkDuplicates() refuses what the rule refuses, and nothing else', () => {
  const random = randomOf(seedOf('changed keys'));
  const key = () => `${'abc'[random(3)]}${'\0mz'[random(3)]}${random(3)}`;
  const ends = [() => '', () => '\0', key, key, key];
  const list = (depth: number): Op[] =>
    Array.from({ length: random(5) }, () => {
      if (depth > 0 && random(3) === 0) {
        return { kind: 'txn', compare: [], success: list(depth - 1), failure: list(depth - 1) };
      }
      if (random(3) > 0) return { kind: 'put', key: key(), value: bytes('') };
      return { kind: 'delete', key: key(), rangeEnd: ends[random(ends.length)]?.() ?? '' };
    });
  const seen = { taken: 0, refused: 0 };
  for (let round = 0; round < 20_000; round++) {
    const ops = list(3);
    const wanted = changesOf(ops) === undefined ? 'refused' : 'taken';
    let answer = 'taken';
    try {
      checkDuplicates(ops);
    } catch (error) {
      expect(StoreError.is(error, 'invalid')).toBe(true);
      answer = 'refused';
    }
    if (answer !== wanted) expect([ops, answer]).toEqual([ops, wanted]);
    seen[wanted]++;
  }
  // Both happened often enough to mean something.
  expect(Math.min(seen.taken, seen.refused)).toBeGreaterThan(2000);
});
