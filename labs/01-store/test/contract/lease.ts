// The contract of leases: keys that live as long as somebody says so.
import { expect, test } from 'vitest';
import { prefixEnd } from '#src/key-range.ts';
import { StoreError } from '#src/kv.ts';
import { bytes, eventLine, take } from '../support/store-helpers.ts';
import { failure, failureText, type Subject } from './subject.ts';

export function leaseContract(subject: Subject): void {
  test('grantLease() and the keys of a lease', async () => {
    const prefix = subject.space();
    const { id, ttlSeconds } = await subject.store.grantLease(100);
    expect(ttlSeconds).toBe(100);
    await subject.store.put({ key: `${prefix}b`, value: bytes(''), lease: id });
    await subject.store.put({ key: `${prefix}a`, value: bytes(''), lease: id });
    expect((await subject.store.range({ key: `${prefix}a` })).kvs[0]?.lease).toBe(id);
    const { keys, grantedTtlSeconds } = await subject.store.leaseTimeToLive(id);
    expect([keys, grantedTtlSeconds]).toEqual([[`${prefix}a`, `${prefix}b`], 100]);
    await subject.put(`${prefix}a`);
    await subject.store.deleteRange({ key: `${prefix}b` });
    expect((await subject.store.leaseTimeToLive(id)).keys).toEqual([]);
    await subject.store.revokeLease(id);
    expect((await subject.lines(prefix)).length).toBe(1);
  });

  test('grantLease() with an id gives that id, once', async () => {
    const { id } = await subject.store.grantLease(100, '123456789');
    expect(id).toBe('123456789');
    expect(await failure(subject.store.grantLease(100, '123456789'))).toBe('invalid');
    await subject.store.revokeLease(id);
  });

  test('revokeLease() deletes its keys in one revision', async () => {
    const prefix = subject.space();
    const { id } = await subject.store.grantLease(100);
    for (const tail of ['c', 'a', 'b'])
      await subject.store.put({ key: prefix + tail, value: bytes(''), lease: id });
    const { revision } = await subject.store.status();
    await subject.store.revokeLease(id);
    const [batch] = await take(
      subject.store,
      { key: prefix, rangeEnd: prefixEnd(prefix), startRevision: revision + 1 },
      3,
    );
    expect(batch?.revision).toBe(revision + 1);
    expect(batch?.events.map(({ type, kv }) => [type, kv.key])).toEqual(
      ['a', 'b', 'c'].map((tail) => ['delete', prefix + tail]),
    );
    expect(await failure(subject.store.revokeLease(id))).toBe('lease-not-found');
    expect(await failure(subject.store.keepAliveLease(id))).toBe('lease-not-found');
    expect(await failure(subject.store.put({ key: prefix, value: bytes(''), lease: id }))).toBe(
      'lease-not-found',
    );
    expect(await subject.store.leaseTimeToLive(id)).toEqual({
      ttlSeconds: -1,
      grantedTtlSeconds: 0,
      keys: [],
    });
  });

  test('a lease that nobody keeps alive expires with its keys', async () => {
    const key = `${subject.space()}a`;
    const { id, revision } = await leasedKey(subject, key, 2);
    const [batch] = await take(subject.store, { key, startRevision: revision + 1 }, 1);
    expect(batch?.events.map(eventLine)).toEqual([`${key} deleted at ${batch?.revision}`]);
    expect(await failure(subject.store.keepAliveLease(id))).toBe('lease-not-found');
  });

  test('leases() lists those that are alive', async () => {
    const { id: one } = await subject.store.grantLease(100);
    const { id: two } = await subject.store.grantLease(100);
    const ours = async () => {
      const all = await subject.store.leases();
      return [all.includes(one), all.includes(two)];
    };
    expect(await ours()).toEqual([true, true]);
    await subject.store.revokeLease(one);
    expect(await ours()).toEqual([false, true]);
    await subject.store.revokeLease(two);
    expect(await ours()).toEqual([false, false]);
  });

  test('a key has the lease of its last put only', async () => {
    const prefix = subject.space();
    const [first, second] = [
      (await subject.store.grantLease(100)).id,
      (await subject.store.grantLease(100)).id,
    ];
    const key = `${prefix}a`;
    await subject.store.put({ key, value: bytes('1'), lease: first });
    await subject.store.put({ key, value: bytes('2'), lease: second });
    expect((await subject.store.leaseTimeToLive(first)).keys).toEqual([]);
    expect((await subject.store.leaseTimeToLive(second)).keys).toEqual([key]);
    await subject.store.revokeLease(first);
    expect((await subject.store.range({ key })).count).toBe(1);
    await subject.store.revokeLease(second);
    expect((await subject.store.range({ key })).count).toBe(0);
  });

  test('grantLease() refuses an id that is taken and a time that nobody can mean', async () => {
    await subject.store.grantLease(100, '4712');
    expect(await failureText(subject.store.grantLease(100, '4712'))).toBe(
      'invalid: etcdserver: lease already exists',
    );
    expect(await failureText(subject.store.grantLease(9_000_000_001))).toBe(
      'invalid: etcdserver: too large lease TTL',
    );
    await subject.store.revokeLease('4712');
    expect(await failureText(subject.store.revokeLease('4712'))).toBe(
      'lease-not-found: etcdserver: requested lease not found',
    );
  });
}

/** A key on a lease that was kept alive once. Where the machine takes longer for that than the lease lives, a longer one will do. */
async function leasedKey(
  subject: Subject,
  key: string,
  seconds: number,
): Promise<{ id: string; revision: number }> {
  const { id } = await subject.store.grantLease(seconds);
  try {
    const { revision } = await subject.store.put({ key, value: bytes(''), lease: id });
    expect((await subject.store.keepAliveLease(id)).ttlSeconds).toBe(seconds);
    return { id, revision };
  } catch (error) {
    if (!StoreError.is(error, 'lease-not-found') || seconds > 30) throw error;
    return leasedKey(subject, key, 2 * seconds);
  }
}
