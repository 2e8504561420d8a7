// The contract of transactions: compare, then one of two lists, in one revision; and transactions inside them.
import { expect, test } from 'vitest';
import { prefixEnd } from '#src/key-range.ts';
import type { Compare, CompareResult, Op } from '#src/kv.ts';
import { bytes, eventLine, line, take } from '../support/store-helpers.ts';
import { failure, failureText, type Subject, under } from './subject.ts';

const put = (key: string, value = '') => ({ kind: 'put', key, value: bytes(value) }) as const;
const remove = (key: string, rangeEnd = '') => ({ kind: 'delete', key, rangeEnd }) as const;
const txnOf = (success: readonly Op[], failure: readonly Op[] = []): Op => ({
  kind: 'txn',
  compare: [],
  success,
  failure,
});

/** Lists of operations that may change a key twice, and whether etcd takes them. */
const DUPLICATES: readonly {
  name: string;
  ops: (prefix: string) => Op[];
  want: 'taken' | 'refused';
}[] = [
  {
    name: 'of two puts of a key',
    ops: (p) => [put(`${p}a`), put(`${p}a`)],
    want: 'refused',
  },
  {
    name: 'of a put and a delete',
    ops: (p) => [put(`${p}a`), remove(`${p}a`)],
    want: 'refused',
  },
  {
    name: 'of a delete of a range, and a put in it',
    ops: (p) => [remove(`${p}a`, `${p}c`), put(`${p}b`)],
    want: 'refused',
  },
  {
    name: 'of a delete of a range, and a put just outside',
    ops: (p) => [remove(`${p}a`, `${p}c`), put(`${p}c`)],
    want: 'taken',
  },
  {
    name: 'of deletes of the same key',
    ops: (p) => [remove(`${p}a`), remove(`${p}a`), remove(p, `${p}z`)],
    want: 'taken',
  },
  {
    name: 'of deletes of ranges side by side, and puts around them',
    ops: (p) => [remove(`${p}c`, `${p}e`), remove(`${p}a`, `${p}b`), put(`${p}b`), put(`${p}e`)],
    want: 'taken',
  },
  {
    name: "of a put, and a delete of everything up to '\\0', which etcd does not count",
    ops: (p) => [put(`${p}a`), remove(`\xff\xff${p}`, '\0'), remove(p, `${p}a`)],
    want: 'taken',
  },
  {
    name: 'of a put, and one in a transaction',
    ops: (p) => [put(`${p}a`), txnOf([put(`${p}a`)])],
    want: 'refused',
  },
  {
    name: 'of a put, and one in the failure of a transaction',
    ops: (p) => [put(`${p}a`), txnOf([], [put(`${p}a`)])],
    want: 'refused',
  },
  {
    name: 'of puts in success and failure of one transaction',
    ops: (p) => [txnOf([put(`${p}a`)], [put(`${p}a`)])],
    want: 'taken',
  },
  {
    name: 'of puts in two transactions',
    ops: (p) => [txnOf([put(`${p}a`)]), txnOf([put(`${p}a`)])],
    want: 'refused',
  },
  {
    name: 'of puts in the success of one and the failure of another transaction',
    ops: (p) => [txnOf([put(`${p}a`)]), txnOf([], [put(`${p}a`)])],
    want: 'refused',
  },
  {
    name: 'of a delete, and a put in a transaction',
    ops: (p) => [txnOf([put(`${p}a`)]), remove(`${p}a`)],
    want: 'refused',
  },
  {
    name: 'of a put, and a delete in a transaction',
    ops: (p) => [put(`${p}a`), txnOf([], [remove(p, `${p}z`)])],
    want: 'refused',
  },
  {
    name: 'of a delete in a transaction, and a put in a later one',
    ops: (p) => [txnOf([remove(`${p}a`)]), txnOf([put(`${p}a`)])],
    want: 'refused',
  },
  {
    name: 'of a put in a transaction, and a delete in a later one',
    ops: (p) => [txnOf([put(`${p}a`)]), txnOf([remove(`${p}a`)])],
    want: 'taken',
  },
  {
    name: 'of a put and a delete in success and failure of one transaction',
    ops: (p) => [txnOf([put(`${p}a`)], [remove(`${p}a`)])],
    want: 'taken',
  },
  {
    name: 'of puts three transactions deep',
    ops: (p) => [txnOf([txnOf([txnOf([put(`${p}a`)])])]), put(`${p}a`)],
    want: 'refused',
  },
];

export function txnContract(subject: Subject): void {
  test('txn() does success or failure, all in one revision', async () => {
    const [a, b] = [`${subject.space()}a`, `${subject.space()}b`];
    const create = { key: a, target: 'create', result: '=', value: 0 } as const;
    const request = {
      compare: [create],
      success: [
        { kind: 'put', key: a, value: bytes('1') },
        { kind: 'put', key: b, value: bytes('2') },
        { kind: 'range', key: a },
      ],
      failure: [{ kind: 'range', key: b }],
    } as const;
    const first = await subject.store.txn(request);
    const [, , seen] = first.responses;
    expect(first.succeeded).toBe(true);
    expect(seen?.kind === 'range' && seen.kvs.map(line)).toEqual([
      `${a}=1 ${first.revision}/${first.revision}/1`,
    ]);
    expect(first.responses.map(({ revision }) => revision)).toEqual(Array(3).fill(first.revision));
    const second = await subject.store.txn(request);
    const [found] = second.responses;
    expect([second.succeeded, second.revision]).toEqual([false, first.revision]);
    expect(found?.kind === 'range' && found.kvs.map((kv) => kv.modRevision)).toEqual([
      first.revision,
    ]);
  });

  test('txn() delete returns what it deleted and hides it from later operations', async () => {
    const prefix = subject.space();
    await subject.put(`${prefix}a`, '1');
    const { responses } = await subject.store.txn({
      compare: [],
      success: [
        { kind: 'delete', key: `${prefix}a`, prevKv: true },
        { kind: 'range', key: prefix, rangeEnd: prefixEnd(prefix) },
        { kind: 'delete', key: prefix, rangeEnd: prefixEnd(prefix) },
      ],
      failure: [],
    });
    expect(
      responses.map((r) => (r.kind === 'delete' ? r.deleted : r.kind === 'range' && r.count)),
    ).toEqual([1, 0, 0]);
    expect(responses[0]?.kind === 'delete' && responses[0].prevKvs.length).toBe(1);
  });

  test('txn() compares mod, create, version and value', async () => {
    const key = `${subject.space()}a`;
    const create = await subject.put(key, 'm');
    const mod = await subject.put(key, 'm');
    const absent = `${key}-absent`;
    const cases: [Compare, boolean][] = [
      [{ key, target: 'mod', result: '=', value: mod }, true],
      [{ key, target: 'mod', result: '!=', value: mod }, false],
      [{ key, target: 'mod', result: '<', value: mod }, false],
      [{ key, target: 'mod', result: '>', value: create }, true],
      [{ key, target: 'create', result: '=', value: create }, true],
      [{ key, target: 'version', result: '=', value: 2 }, true],
      [{ key, target: 'value', result: '=', value: bytes('m') }, true],
      [{ key, target: 'value', result: '!=', value: bytes('n') }, true],
      [{ key, target: 'value', result: '<', value: bytes('ma') }, true],
      [{ key, target: 'value', result: '>', value: bytes('l\xff') }, true],
      [{ key: absent, target: 'mod', result: '=', value: 0 }, true],
      [{ key: absent, target: 'version', result: '<', value: 1 }, true],
      [{ key: absent, target: 'value', result: '!=', value: bytes('') }, false],
      [{ key: absent, target: 'value', result: '=', value: bytes('') }, false],
    ];
    for (const [compare, want] of cases) {
      const { succeeded } = await subject.store.txn({
        compare: [compare],
        success: [],
        failure: [],
      });
      expect([compare, succeeded]).toEqual([compare, want]);
    }
  });

  test('txn() that is wrong anywhere changes nothing', async () => {
    const key = `${subject.space()}a`;
    const put1 = { kind: 'put', key, value: bytes('1') } as const;
    const txn = (...success: Parameters<typeof subject.store.txn>[0]['success'][number][]) =>
      failure(subject.store.txn({ compare: [], success, failure: [] }));
    const { revision } = await subject.store.status();
    expect(await txn(put1, put1)).toBe('invalid');
    expect(await txn(put1, { kind: 'delete', key, rangeEnd: `${key}1` })).toBe('invalid');
    expect(await txn(put1, { kind: 'put', key: `${key}2`, value: bytes(''), lease: '4711' })).toBe(
      'lease-not-found',
    );
    expect(await txn(put1, { kind: 'range', key, revision: revision + 100 })).toBe(
      'future-revision',
    );
    expect(await txn(...Array.from({ length: 129 }, () => ({ kind: 'range', key }) as const))).toBe(
      'invalid',
    );
    expect(await txn({ ...put1, value: Buffer.alloc(1.5 * 1024 * 1024) })).toBe('too-large');
    expect(await failure(subject.store.put({ key: '', value: bytes('') }))).toBe('invalid');
    expect(await failure(subject.store.put({ key: 'ł', value: bytes('') }))).toBe('invalid');
    expect((await subject.store.status()).revision).toBe(revision);
  });

  test('txn() compares by lease', async () => {
    const key = `${subject.space()}a`;
    const { id } = await subject.store.grantLease(100);
    await subject.store.put({ key, value: bytes(''), lease: id });
    const cases: [CompareResult, string, boolean][] = [
      ['=', id, true],
      ['!=', id, false],
      ['>', '0', BigInt(id) > 0n],
      ['<', (BigInt(id) + 1n).toString(), true],
      ['=', '0', false],
    ];
    for (const [result, value, want] of cases) {
      const compare = [{ key, target: 'lease', result, value } as const];
      const { succeeded } = await subject.store.txn({ compare, success: [], failure: [] });
      expect([result, value, succeeded]).toEqual([result, value, want]);
    }
    const compare = [{ key: `${key}-no`, target: 'lease', result: '=', value: '0' } as const];
    const { succeeded } = await subject.store.txn({ compare, success: [], failure: [] });
    expect(succeeded).toBe(true);
    await subject.store.revokeLease(id);
  });

  test('txn() compares a range: it must hold for every key, and no keys are one that does not exist', async () => {
    const prefix = subject.space();
    await subject.put(`${prefix}a`, '1');
    await subject.put(`${prefix}b`, '2');
    const second = await subject.put(`${prefix}b`, '1');
    const all = under(prefix);
    const none = under(`${prefix}none`);
    const cases: [Compare, boolean][] = [
      [{ ...all, target: 'value', result: '=', value: bytes('1') }, true],
      [{ ...all, target: 'value', result: '<', value: bytes('1') }, false],
      [{ ...all, target: 'version', result: '>', value: 0 }, true],
      [{ ...all, target: 'version', result: '=', value: 1 }, false],
      [{ ...all, target: 'mod', result: '<', value: second }, false],
      [{ ...all, target: 'mod', result: '<', value: second + 1 }, true],
      [{ ...all, target: 'lease', result: '=', value: '0' }, true],
      [{ ...none, target: 'create', result: '=', value: 0 }, true],
      [{ ...none, target: 'version', result: '>', value: 0 }, false],
      [{ ...none, target: 'value', result: '!=', value: bytes('1') }, false],
      [{ key: `${prefix}b`, rangeEnd: '\0', target: 'create', result: '>', value: 0 }, true],
    ];
    for (const [compare, want] of cases) {
      const { succeeded } = await subject.store.txn({
        compare: [compare],
        success: [],
        failure: [],
      });
      expect([compare, succeeded]).toEqual([compare, want]);
    }
  });

  test('txn() in a txn() runs in the same revision, and its answer is in the answer', async () => {
    const prefix = subject.space();
    const [a, b, c] = [`${prefix}a`, `${prefix}b`, `${prefix}c`];
    const before = await subject.put(a, '0');
    const { revision, succeeded, responses } = await subject.store.txn({
      compare: [],
      success: [
        { kind: 'put', key: b, value: bytes('1') },
        {
          kind: 'txn',
          compare: [{ key: a, target: 'mod', result: '=', value: before }],
          success: [
            { kind: 'range', ...under(prefix) },
            { kind: 'txn', compare: [], success: [put(c, '2')], failure: [] },
          ],
          failure: [put(a, 'wrong')],
        },
        { kind: 'range', ...under(prefix) },
      ],
      failure: [],
    });
    expect([revision, succeeded]).toEqual([before + 1, true]);
    const [, inner, last] = responses;
    expect(inner?.kind === 'txn' && [inner.succeeded, inner.revision]).toEqual([true, revision]);
    const [seen, innermost] = inner?.kind === 'txn' ? inner.responses : [];
    expect(seen?.kind === 'range' && seen.kvs.map(line)).toEqual([
      `${a}=0 ${before}/${before}/1`,
      `${b}=1 ${revision}/${revision}/1`,
    ]);
    expect(innermost?.kind === 'txn' && innermost.responses.map(({ kind }) => kind)).toEqual([
      'put',
    ]);
    expect(last?.kind === 'range' && last.kvs.map(({ key }) => key)).toEqual([a, b, c]);
    const [batch] = await take(subject.store, { ...under(prefix), startRevision: revision }, 2);
    expect(batch?.events.map(({ kv }) => kv.key)).toEqual([b, c]);
  });

  test('txn() compares everything before it does anything', async () => {
    const key = `${subject.space()}a`;
    const isNew = [{ key, target: 'create', result: '=', value: 0 } as const];
    const { responses } = await subject.store.txn({
      compare: [],
      success: [
        put(key, '1'),
        { kind: 'txn', compare: isNew, success: [put(`${key}new`)], failure: [put(`${key}old`)] },
      ],
      failure: [],
    });
    expect(responses[1]?.kind === 'txn' && responses[1].succeeded).toBe(true);
    expect((await subject.store.range(under(key))).kvs.map((kv) => kv.key)).toEqual([
      key,
      `${key}new`,
    ]);
  });

  test('txn() that fails its comparison changes nothing, however deep it is', async () => {
    const key = `${subject.space()}a`;
    const { revision } = await subject.store.status();
    const exists = [{ key, target: 'version', result: '>', value: 0 } as const];
    const inner = (name: string) =>
      ({ kind: 'txn', compare: exists, success: [put(key + name)], failure: [] }) as const;
    const success = [inner('1'), { ...inner('2'), failure: [inner('3')] }];
    const answer = await subject.store.txn({ compare: [], success, failure: [] });
    expect(answer.revision).toBe(revision);
    expect(answer.responses.map((r) => r.kind === 'txn' && r.succeeded)).toEqual([false, false]);
  });

  test.each(DUPLICATES)('txn() $name: $want', async ({ ops, want }) => {
    const prefix = subject.space();
    await subject.put(`${prefix}a`, 'old');
    const { revision } = await subject.store.status();
    const request = { compare: [], success: ops(prefix), failure: [] };
    const answer = await failureText(subject.store.txn(request));
    const refused = 'invalid: etcdserver: duplicate key given in txn request';
    expect(answer).toBe(want === 'refused' ? refused : 'no error');
    // The failure list is looked at as well, though it would not happen.
    const other = { compare: [], success: [], failure: ops(prefix) };
    expect(await failureText(subject.store.txn(other))).toBe(answer);
    const changed = (await subject.store.status()).revision - revision;
    expect(changed).toBe(want === 'taken' ? 1 : 0);
  });

  test('txn() may delete in one inner transaction what another one put, and both are told', async () => {
    const key = `${subject.space()}a`;
    const { revision, responses } = await subject.store.txn({
      compare: [],
      success: [txnOf([put(key, '1')]), txnOf([{ kind: 'delete', key, prevKv: true }])],
      failure: [],
    });
    const [, second] = responses;
    const [deleted] = second?.kind === 'txn' ? second.responses : [];
    expect(deleted?.kind === 'delete' && deleted.prevKvs.map(line)).toEqual([
      `${key}=1 ${revision}/${revision}/1`,
    ]);
    expect((await subject.store.range({ key })).count).toBe(0);
    const batches = await take(subject.store, { key, startRevision: revision }, 2);
    expect(batches.map(({ events }) => events.map(eventLine))).toEqual([
      [`${key}=1 ${revision}/${revision}/1`, `${key} deleted at ${revision}`],
    ]);
    expect(await subject.put(key, '2')).toBe(revision + 1);
    expect(await subject.lines(key)).toEqual([`${key}=2 ${revision + 1}/${revision + 1}/1`]);
    expect(await subject.lines(key, revision)).toEqual([]);
  });

  test("txn() may put what it deleted up to '\\0' before", async () => {
    const key = `\xff\xff\xff${subject.space()}a`;
    const first = await subject.put(key, '1');
    const { revision } = await subject.store.txn({
      compare: [],
      success: [remove(key, '\0'), put(key, '2')],
      failure: [],
    });
    expect(await subject.lines(key)).toEqual([`${key}=2 ${revision}/${revision}/1`]);
    expect(await subject.lines(key, first)).toEqual([`${key}=1 ${first}/${first}/1`]);
    const batches = await take(subject.store, { key, startRevision: revision }, 2);
    expect(batches.map(({ events }) => events.map(eventLine))).toEqual([
      [`${key} deleted at ${revision}`, `${key}=2 ${revision}/${revision}/1`],
    ]);
    await subject.store.deleteRange({ key });
  });

  test('txn() shares its 128 operations with the transactions in it', async () => {
    const key = `${subject.space()}a`;
    const read = { kind: 'range', key } as const;
    const nested = (depth: number): Op => (depth === 0 ? read : txnOf([nested(depth - 1)]));
    const tooMany = 'invalid: etcdserver: too many operations in txn request';
    const run = (...success: Op[]) =>
      failureText(subject.store.txn({ compare: [], success, failure: [] }));
    // Deeper than this no client's protobuf goes.
    expect(await run(nested(40))).toBe('no error');
    expect(await run(...Array(128).fill(read))).toBe('no error');
    expect(await run(...Array(129).fill(read))).toBe(tooMany);
    expect(await run(txnOf(Array(127).fill(read)))).toBe('no error');
    expect(await run(txnOf(Array(128).fill(read)))).toBe(tooMany);
    expect(await run(txnOf(Array(64).fill(read)), ...Array(63).fill(read))).toBe('no error');
    expect(await run(txnOf(Array(65).fill(read)), ...Array(63).fill(read))).toBe(tooMany);
  });

  test('txn() looks for what is missing only where it will go', async () => {
    const key = `${subject.space()}a`;
    const missing = { kind: 'put', key, value: bytes(''), ignoreValue: true } as const;
    const leased = { kind: 'put', key, value: bytes(''), lease: '4711' } as const;
    const future = { kind: 'range', key, revision: 1_000_000_000 } as const;
    const run = (success: Op[], failure: Op[]) =>
      failureText(subject.store.txn({ compare: [], success, failure }));
    expect(await run([put(key)], [missing, leased, future])).toBe(
      'invalid: etcdserver: duplicate key given in txn request',
    );
    expect(await run([], [missing, future])).toBe('no error');
    expect(await run([missing], [])).toBe('key-not-found: etcdserver: key not found');
    expect(await run([txnOf([missing])], [])).toBe('key-not-found: etcdserver: key not found');
    expect(await run([txnOf([leased])], [])).toBe(
      'lease-not-found: etcdserver: requested lease not found',
    );
    expect(await run([future, leased], [])).toBe(
      'lease-not-found: etcdserver: requested lease not found',
    );
    expect(await run([txnOf([future])], [])).toBe(
      'future-revision: etcdserver: mvcc: required revision is a future revision',
    );
    expect((await subject.store.range({ key })).count).toBe(0);
  });

  test('txn() range sorts and filters like range()', async () => {
    const prefix = subject.space();
    for (const tail of ['a', 'b', 'c']) await subject.put(`${prefix}${tail}`);
    const sort = { target: 'key', order: 'descend' } as const;
    const { responses } = await subject.store.txn({
      compare: [],
      success: [{ kind: 'range', ...under(prefix), sort, limit: 2, keysOnly: true }],
      failure: [],
    });
    const [range] = responses;
    expect(range?.kind === 'range' && range.kvs.map(({ key }) => key)).toEqual([
      `${prefix}c`,
      `${prefix}b`,
    ]);
    expect(range?.kind === 'range' && [range.more, range.count]).toEqual([true, 3]);
  });

  test('txn() range takes revision 0 for now, what the transaction did included, and a negative one for compacted', async () => {
    const key = `${subject.space()}a`;
    const old = await subject.put(key, 'old');
    const at = (revision: number): Op => ({ kind: 'range', key, revision });
    const success = [put(key, 'new'), at(0), at(old)];
    const { responses } = await subject.store.txn({ compare: [], success, failure: [] });
    const values = responses.flatMap((response) =>
      response.kind === 'range' ? response.kvs.map((kv) => Buffer.from(kv.value).toString()) : [],
    );
    expect(values).toEqual(['new', 'old']);
    const negative = { compare: [], success: [put(key, 'newer'), at(-2)], failure: [] };
    expect(await failureText(subject.store.txn(negative))).toBe(
      'compacted: etcdserver: mvcc: required revision has been compacted',
    );
    expect((await subject.store.range({ key })).kvs.map(line)).toEqual([
      `${key}=new ${old}/${old + 1}/2`,
    ]);
  });
}
