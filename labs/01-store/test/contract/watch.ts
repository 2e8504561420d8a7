// The contract of watches: in order, once, whole, from any revision that is still there.
import { expect, test } from 'vitest';
import { prefixEnd } from '#src/key-range.ts';
import { bytes, eventLine, take } from '../support/store-helpers.ts';
import { failureText, type Subject, under } from './subject.ts';

export function watchContract(subject: Subject): void {
  test('watch() from a revision delivers the past, then the present, one batch a revision', async () => {
    const prefix = subject.space();
    const first = await subject.put(`${prefix}a`, '1');
    await subject.put(`${prefix.slice(0, -1)}0`);
    const third = await subject.put(`${prefix}a`, '2');
    const request = {
      key: prefix,
      rangeEnd: prefixEnd(prefix),
      startRevision: first,
      prevKv: true,
    };
    const watching = take(subject.store, request, 6);
    await subject.store.txn({
      compare: [],
      success: [
        { kind: 'put', key: `${prefix}b`, value: bytes('3') },
        { kind: 'put', key: `${prefix.slice(0, -1)}0`, value: bytes('') },
        { kind: 'delete', key: `${prefix}a` },
      ],
      failure: [],
    });
    await subject.store.deleteRange({ key: prefix, rangeEnd: prefixEnd(prefix) });
    await subject.put(`${prefix}c`);
    const batches = await watching;
    expect(batches.map(({ revision, events }) => [revision, events.map(eventLine)])).toEqual([
      [first, [`${prefix}a=1 ${first}/${first}/1`]],
      [third, [`${prefix}a=2 ${first}/${third}/2 was ${prefix}a=1 ${first}/${first}/1`]],
      [
        third + 1,
        [
          `${prefix}b=3 ${third + 1}/${third + 1}/1`,
          `${prefix}a deleted at ${third + 1} was ${prefix}a=2 ${first}/${third}/2`,
        ],
      ],
      [
        third + 2,
        [`${prefix}b deleted at ${third + 2} was ${prefix}b=3 ${third + 1}/${third + 1}/1`],
      ],
      [third + 3, [`${prefix}c=${prefix}c ${third + 3}/${third + 3}/1`]],
    ]);
  });

  test('watch() without prevKv carries none, and a deleted key has only key and modRevision', async () => {
    const key = `${subject.space()}a`;
    const first = await subject.put(key);
    await subject.store.deleteRange({ key });
    const batches = await take(subject.store, { key, startRevision: first }, 2);
    expect(
      batches[1]?.events.map(({ kv, ...rest }) => ({
        ...rest,
        kv: { ...kv, value: kv.value.length },
      })),
    ).toEqual([
      {
        type: 'delete',
        kv: { key, value: 0, createRevision: 0, modRevision: first + 1, version: 0, lease: '0' },
      },
    ]);
  });

  test('watch() from a revision to come skips what happens before', async () => {
    const key = `${subject.space()}a`;
    const now = (await subject.store.status()).revision;
    const watching = take(subject.store, { key, startRevision: now + 2 }, 1);
    await subject.put(key);
    await subject.put(key);
    expect((await watching).map(({ revision }) => revision)).toEqual([now + 2]);
  });

  test('watch() of a thousand revisions is complete and ordered', async () => {
    const prefix = subject.space();
    const first = (await subject.store.status()).revision + 1;
    const watching = take(
      subject.store,
      { key: prefix, rangeEnd: prefixEnd(prefix), startRevision: first },
      1000,
    );
    await Promise.all(Array.from({ length: 1000 }, (_, i) => subject.put(`${prefix}${i % 7}`)));
    const revisions = (await watching).map(({ revision }) => revision);
    expect(revisions).toEqual(Array.from({ length: 1000 }, (_, i) => first + i));
  });

  test('watch() with progressNotify reports how far it is while nothing happens', async () => {
    const key = `${subject.space()}a`;
    const revision = await subject.put(key);
    const stop = new AbortController();
    const other = `${key}-other`;
    for await (const batch of subject.store.watch(
      { key: other, progressNotify: true },
      stop.signal,
    )) {
      expect(batch.events).toEqual([]);
      expect(batch.revision).toBeGreaterThanOrEqual(revision);
      stop.abort();
    }
  });

  test('watch() ends without an error when it is aborted, before or while it waits', async () => {
    const stop = new AbortController();
    const watching = subject.store
      .watch({ key: subject.space() }, stop.signal)
      [Symbol.asyncIterator]();
    const next = watching.next();
    stop.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    const aborted = subject.store.watch({ key: subject.space() }, AbortSignal.abort());
    expect(await aborted[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  test('watch() leaves out puts or deletes, of the past and of the present', async () => {
    const prefix = subject.space();
    const first = await subject.put(`${prefix}a`, '1');
    await subject.store.deleteRange({ key: `${prefix}a` });
    const request = { ...under(prefix), startRevision: first };
    const deletes = take(subject.store, { ...request, noPut: true, prevKv: true }, 2);
    const puts = take(subject.store, { ...request, noDelete: true }, 3);
    await subject.put(`${prefix}b`, '2');
    await subject.store.txn({
      compare: [],
      success: [
        { kind: 'put', key: `${prefix}c`, value: bytes('3') },
        { kind: 'delete', key: `${prefix}b` },
      ],
      failure: [],
    });
    expect((await deletes).map(({ events }) => events.map(eventLine))).toEqual([
      [`${prefix}a deleted at ${first + 1} was ${prefix}a=1 ${first}/${first}/1`],
      [`${prefix}b deleted at ${first + 3} was ${prefix}b=2 ${first + 2}/${first + 2}/1`],
    ]);
    expect((await puts).map(({ events }) => events.map(eventLine))).toEqual([
      [`${prefix}a=1 ${first}/${first}/1`],
      [`${prefix}b=2 ${first + 2}/${first + 2}/1`],
      [`${prefix}c=3 ${first + 3}/${first + 3}/1`],
    ]);
  });

  test('watch() of many keys and ranges at once: each hears all of its own, and nothing else', async () => {
    const prefix = subject.space();
    const { revision } = await subject.store.status();
    const startRevision = revision + 1;
    const keys = Array.from({ length: 30 }, (_, i) => `${prefix}${String(i).padStart(2, '0')}`);
    const watching = keys.flatMap((key) => [
      take(subject.store, { key, startRevision }, 3),
      take(subject.store, { key, rangeEnd: `${prefix}~`, startRevision }, 3),
    ]);
    for (let round = 0; round < 3; round++) for (const key of keys) await subject.put(key);
    const all = await Promise.all(watching);
    for (const [i, key] of keys.entries()) {
      const [own = [], range = []] = [all[2 * i], all[2 * i + 1]];
      expect(own.map((batch) => batch.revision)).toEqual(
        [0, 1, 2].map((round) => startRevision + round * keys.length + i),
      );
      expect(range[0]?.events[0]?.kv.key).toBe(key);
    }
  });

  test('watch() that is not read for a while misses nothing, and holds nobody up', async () => {
    const prefix = subject.space();
    const first = (await subject.store.status()).revision + 1;
    const stop = new AbortController();
    const request = { ...under(prefix), startRevision: first };
    const slow = subject.store.watch(request, stop.signal)[Symbol.asyncIterator]();
    const next = slow.next();
    await subject.put(prefix);
    expect((await next).value?.revision).toBe(first);
    const quick = take(subject.store, request, 1001);
    await Promise.all(Array.from({ length: 1000 }, (_, i) => subject.put(`${prefix}${i % 7}`)));
    expect((await quick).at(-1)?.revision).toBe(first + 1000);
    const seen: number[] = [];
    while (seen.length < 1000) {
      const { value } = await slow.next();
      if (value && value.events.length > 0) seen.push(value.revision);
    }
    expect(seen).toEqual(Array.from({ length: 1000 }, (_, i) => first + 1 + i));
    stop.abort();
    expect((await slow.next()).done).toBe(true);
  });

  test('watch() of what was compacted ends, and says so', async () => {
    const key = `${subject.space()}a`;
    const first = await subject.put(key);
    await subject.put(key);
    const { revision } = await subject.store.status();
    await subject.store.compact(revision);
    const ending = take(subject.store, { key, startRevision: first }, 1);
    expect(await failureText(ending)).toBe(
      'compacted: etcdserver: mvcc: required revision has been compacted',
    );
  });
}
