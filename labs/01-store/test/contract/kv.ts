// The contract of keys: put, range, delete, and reading the past until it is compacted.
import { expect, test } from 'vitest';
import { prefixEnd } from '#src/key-range.ts';
import type { PutRequest, RangeRequest, SortTarget } from '#src/kv.ts';
import { bytes, line, take, text } from '../support/store-helpers.ts';
import { failure, failureText, type Subject, under } from './subject.ts';

export function kvContract(subject: Subject): void {
  test('put() takes one revision and counts versions', async () => {
    const key = `${subject.space()}a`;
    const first = await subject.put(key, '1');
    const second = await subject.put(key, '2');
    expect(second).toBe(first + 1);
    const { kvs, revision, count } = await subject.store.range({ key });
    expect(kvs.map(line)).toEqual([`${key}=2 ${first}/${second}/2`]);
    expect({ revision, count }).toEqual({ revision: second, count: 1 });
  });

  test('put() with prevKv returns what was there', async () => {
    const key = `${subject.space()}a`;
    expect(await subject.store.put({ key, value: bytes('1'), prevKv: true })).not.toHaveProperty(
      'prevKv',
    );
    const { prevKv } = await subject.store.put({ key, value: bytes('2'), prevKv: true });
    expect(prevKv?.value).toEqual(bytes('1'));
  });

  test('put() keeps an empty value and every byte of key and value', async () => {
    const prefix = subject.space();
    const key = `${prefix}\0\x7f\x80\xff`;
    const value = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    await subject.store.put({ key, value });
    await subject.store.put({ key: `${prefix}\xff`, value: bytes('') });
    const { kvs } = await subject.store.range({ key: prefix, rangeEnd: prefixEnd(prefix) });
    expect(kvs.map((kv) => [kv.key, Buffer.from(kv.value)])).toEqual([
      [key, value],
      [`${prefix}\xff`, bytes('')],
    ]);
  });

  test('range() returns a prefix in the order of bytes', async () => {
    const prefix = subject.space();
    for (const tail of ['b', 'a/2', '\x80', 'a', 'a/1', 'Z']) await subject.put(prefix + tail);
    const { kvs } = await subject.store.range({ key: prefix, rangeEnd: prefixEnd(prefix) });
    expect(kvs.map(({ key }) => key.slice(prefix.length))).toEqual([
      'Z',
      'a',
      'a/1',
      'a/2',
      'b',
      '\x80',
    ]);
  });

  test('range() of one key finds only that key', async () => {
    const prefix = subject.space();
    await subject.put(`${prefix}ab`);
    expect((await subject.store.range({ key: `${prefix}a` })).count).toBe(0);
    expect((await subject.store.range({ key: `${prefix}a`, rangeEnd: '' })).count).toBe(0);
    expect((await subject.store.range({ key: `${prefix}b`, rangeEnd: `${prefix}a` })).count).toBe(
      0,
    );
  });

  test("range() to '\\0' goes to the last key", async () => {
    const key = `\xff\xff${subject.space()}`;
    await subject.put(`${key}1`);
    await subject.put(`\xff\xff\xff${key}2`);
    const { kvs } = await subject.store.range({ key, rangeEnd: '\0' });
    expect(kvs.map((kv) => kv.key)).toEqual([`${key}1`, `\xff\xff\xff${key}2`]);
    await subject.store.deleteRange({ key, rangeEnd: '\0' });
  });

  test('range() with a limit says that there is more, and counts all', async () => {
    const prefix = subject.space();
    for (const tail of ['a', 'b', 'c']) await subject.put(prefix + tail);
    const range = { key: prefix, rangeEnd: prefixEnd(prefix) };
    const limited = await subject.store.range({ ...range, limit: 2 });
    expect([limited.kvs.length, limited.more, limited.count]).toEqual([2, true, 3]);
    const exact = await subject.store.range({ ...range, limit: 3 });
    expect([exact.kvs.length, exact.more, exact.count]).toEqual([3, false, 3]);
    const counted = await subject.store.range({ ...range, countOnly: true });
    expect([counted.kvs.length, counted.more, counted.count]).toEqual([0, false, 3]);
    const keys = await subject.store.range({ ...range, keysOnly: true });
    expect(keys.kvs.map(({ value }) => value.length)).toEqual([0, 0, 0]);
  });

  test('range() at a revision reads the past', async () => {
    const prefix = subject.space();
    const first = await subject.put(`${prefix}a`, '1');
    const second = await subject.put(`${prefix}a`, '2');
    const third = (await subject.store.deleteRange({ key: `${prefix}a` })).revision;
    const fourth = await subject.put(`${prefix}a`, '3');
    expect(await subject.lines(prefix, first - 1)).toEqual([]);
    expect(await subject.lines(prefix, first)).toEqual([`${prefix}a=1 ${first}/${first}/1`]);
    expect(await subject.lines(prefix, second)).toEqual([`${prefix}a=2 ${first}/${second}/2`]);
    expect(await subject.lines(prefix, third)).toEqual([]);
    expect(await subject.lines(prefix)).toEqual([`${prefix}a=3 ${fourth}/${fourth}/1`]);
    expect((await subject.store.range({ key: prefix, revision: first })).revision).toBe(fourth);
    expect(await failure(subject.store.range({ key: prefix, revision: fourth + 1 }))).toBe(
      'future-revision',
    );
  });

  test('deleteRange() takes one revision for all its keys, none for no keys', async () => {
    const prefix = subject.space();
    await subject.put(`${prefix}a`, '1');
    const last = await subject.put(`${prefix}b`, '2');
    const range = { key: prefix, rangeEnd: prefixEnd(prefix), prevKv: true };
    const { revision, deleted, prevKvs } = await subject.store.deleteRange(range);
    expect([revision, deleted, prevKvs.map((kv) => kv.key)]).toEqual([
      last + 1,
      2,
      [`${prefix}a`, `${prefix}b`],
    ]);
    expect(await subject.store.deleteRange(range)).toEqual({
      revision: last + 1,
      deleted: 0,
      prevKvs: [],
    });
  });

  test('compact() forgets the past and keeps the present', async () => {
    const prefix = subject.space();
    const first = await subject.put(`${prefix}a`, '1');
    await subject.put(`${prefix}gone`);
    await subject.store.deleteRange({ key: `${prefix}gone` });
    const second = await subject.put(`${prefix}a`, '2');
    const third = await subject.put(`${prefix}a`, '3');
    await subject.store.compact(second);
    expect(await subject.lines(prefix, second)).toEqual([`${prefix}a=2 ${first}/${second}/2`]);
    expect(await subject.lines(prefix)).toEqual([`${prefix}a=3 ${first}/${third}/3`]);
    expect(await failure(subject.store.range({ key: prefix, revision: second - 1 }))).toBe(
      'compacted',
    );
    expect(await failure(take(subject.store, { key: prefix, startRevision: first }, 1))).toBe(
      'compacted',
    );
    expect(
      (await take(subject.store, { key: `${prefix}a`, startRevision: second }, 2)).map(
        (b) => b.revision,
      ),
    ).toEqual([second, third]);
    expect(await failure(subject.store.compact(second))).toBe('compacted');
    expect(await failure(subject.store.compact(third + 1))).toBe('future-revision');
    expect((await subject.store.status()).compactRevision).toBe(second);
    await subject.put(`${prefix}a`, '4');
    expect(await subject.lines(prefix, third)).toEqual([`${prefix}a=3 ${first}/${third}/3`]);
  });

  test('range() sorts by each target, and limits after that', async () => {
    const prefix = subject.space();
    // Puts: c twice, then a, b three times, with values that are in another order than everything else.
    const puts = ['c=3', 'c=4', 'a=9', 'b=1', 'b=2', 'b=5'];
    for (const entry of puts) await subject.put(`${prefix}${entry[0]}`, entry.slice(2));
    const sorted = async (target: SortTarget, order: 'ascend' | 'descend', limit = 0) => {
      const range = { ...under(prefix), sort: { target, order }, limit };
      const { kvs, more, count } = await subject.store.range(range);
      const keys = kvs.map(({ key }) => key.slice(prefix.length)).join('');
      return `${keys} ${more ? 'more' : 'all'} of ${count}`;
    };
    expect(await sorted('key', 'ascend')).toBe('abc all of 3');
    expect(await sorted('key', 'descend')).toBe('cba all of 3');
    expect(await sorted('version', 'ascend')).toBe('acb all of 3');
    expect(await sorted('version', 'descend')).toBe('bca all of 3');
    expect(await sorted('create', 'ascend')).toBe('cab all of 3');
    expect(await sorted('create', 'descend')).toBe('bac all of 3');
    expect(await sorted('mod', 'ascend')).toBe('cab all of 3');
    expect(await sorted('mod', 'descend')).toBe('bac all of 3');
    expect(await sorted('value', 'ascend')).toBe('cba all of 3');
    expect(await sorted('value', 'descend')).toBe('abc all of 3');
    expect(await sorted('value', 'descend', 2)).toBe('ab more of 3');
    expect(await sorted('key', 'descend', 1)).toBe('c more of 3');
    expect(await sorted('key', 'ascend', 1)).toBe('a more of 3');
    expect(await sorted('version', 'ascend', 3)).toBe('acb all of 3');
  });

  test('range() sorted by value without values still sorts by value', async () => {
    const prefix = subject.space();
    await subject.put(`${prefix}a`, '2');
    await subject.put(`${prefix}b`, '1');
    const sort = { target: 'value', order: 'ascend' } as const;
    const { kvs } = await subject.store.range({ ...under(prefix), sort, keysOnly: true });
    expect(kvs.map(({ key, value }) => [key, value.length])).toEqual([
      [`${prefix}b`, 0],
      [`${prefix}a`, 0],
    ]);
  });

  test('range() keeps only what is within its revision bounds, and counts all', async () => {
    const prefix = subject.space();
    const first = await subject.put(`${prefix}a`);
    const second = await subject.put(`${prefix}b`);
    const third = await subject.put(`${prefix}a`);
    const fourth = await subject.put(`${prefix}c`);
    const within = async (bounds: Partial<RangeRequest>) => {
      const { kvs, more, count } = await subject.store.range({ ...under(prefix), ...bounds });
      const keys = kvs.map(({ key }) => key.slice(prefix.length)).join('');
      return `${keys} ${more ? 'more' : 'all'} of ${count}`;
    };
    expect(await within({ minModRevision: third })).toBe('ac all of 3');
    expect(await within({ maxModRevision: third })).toBe('ab all of 3');
    expect(await within({ minModRevision: second, maxModRevision: third })).toBe('ab all of 3');
    expect(await within({ minCreateRevision: second })).toBe('bc all of 3');
    expect(await within({ maxCreateRevision: first })).toBe('a all of 3');
    expect(await within({ minCreateRevision: fourth + 1 })).toBe(' all of 3');
    expect(await within({ minModRevision: third, limit: 1 })).toBe('a more of 3');
    expect(await within({ minModRevision: fourth, limit: 1 })).toBe('c all of 3');
    expect(await within({ minModRevision: fourth, countOnly: true })).toBe(' all of 3');
    const past = { revision: second, minModRevision: first, maxModRevision: first };
    expect(await within(past)).toBe('a all of 2');
    const sort = { target: 'mod', order: 'descend' } as const;
    expect(await within({ maxModRevision: third, sort, limit: 1 })).toBe('a more of 3');
  });

  test('range() takes a negative limit for none, and a negative revision for now', async () => {
    const prefix = subject.space();
    await subject.put(`${prefix}a`);
    await subject.put(`${prefix}b`);
    const { kvs, more } = await subject.store.range({ ...under(prefix), limit: -1, revision: -1 });
    expect([kvs.length, more]).toEqual([2, false]);
  });

  test('put() with ignoreValue or ignoreLease keeps what the key has', async () => {
    const key = `${subject.space()}a`;
    const [none, lease] = [bytes(''), (await subject.store.grantLease(100)).id];
    await subject.store.put({ key, value: bytes('1'), lease });
    const now = async () => {
      const [kv] = (await subject.store.range({ key })).kvs;
      return kv && [text(kv.value), kv.version, kv.lease === lease];
    };
    const { prevKv } = await subject.store.put({
      key,
      value: none,
      lease,
      ignoreValue: true,
      prevKv: true,
    });
    expect(prevKv && text(prevKv.value)).toBe('1');
    expect(await now()).toEqual(['1', 2, true]);
    await subject.store.put({ key, value: bytes('2'), ignoreLease: true });
    expect(await now()).toEqual(['2', 3, true]);
    await subject.store.put({ key, value: none, ignoreValue: true, ignoreLease: true });
    expect(await now()).toEqual(['2', 4, true]);
    // Without ignoreLease a put takes the lease away, as ever.
    await subject.store.put({ key, value: none, ignoreValue: true });
    expect(await now()).toEqual(['2', 5, false]);
    await subject.store.revokeLease(lease);
    expect(await now()).toEqual(['2', 5, false]);
  });

  test('put() with ignoreValue or ignoreLease needs the key, and nothing to ignore', async () => {
    const key = `${subject.space()}a`;
    const [none, one] = [bytes(''), bytes('1')];
    const put = (request: Partial<PutRequest>) =>
      failureText(subject.store.put({ key, value: none, ...request }));
    const { revision } = await subject.store.status();
    expect(await put({ ignoreValue: true })).toBe('key-not-found: etcdserver: key not found');
    expect(await put({ ignoreLease: true })).toBe('key-not-found: etcdserver: key not found');
    expect(await put({ ignoreValue: true, value: one })).toBe(
      'invalid: etcdserver: value is provided',
    );
    expect(await put({ ignoreLease: true, lease: '4711' })).toBe(
      'invalid: etcdserver: lease is provided',
    );
    expect(await put({ lease: '4711' })).toBe(
      'lease-not-found: etcdserver: requested lease not found',
    );
    expect(await put({ key: '' })).toBe('invalid: etcdserver: key is not provided');
    expect((await subject.store.status()).revision).toBe(revision);
  });

  test('compact() says what cannot be compacted, and with physical frees it', async () => {
    const key = `${subject.space()}a`;
    for (let i = 0; i < 5; i++) await subject.put(key, `${i}`);
    const { revision } = await subject.store.status();
    expect(await failureText(subject.store.compact(revision + 1))).toBe(
      'future-revision: etcdserver: mvcc: required revision is a future revision',
    );
    await subject.store.compact(revision - 2, { physical: true });
    await subject.store.compact(revision - 1, { physical: true });
    expect(await failureText(subject.store.compact(revision - 1))).toBe(
      'compacted: etcdserver: mvcc: required revision has been compacted',
    );
    expect(await failureText(subject.store.range({ key, revision: revision - 2 }))).toBe(
      'compacted: etcdserver: mvcc: required revision has been compacted',
    );
    expect((await subject.store.range({ key, revision: revision - 1 })).kvs.length).toBe(1);
  });
}
