// Step 3, transactions: compare, then one of two lists in one revision; and the way of a write to the disk and back.
import { lesson } from '@kube-labs/docs/lesson';
import { expect } from 'vitest';
import {
  type Compare,
  type KeyValue,
  type Op,
  type OpResponse,
  StoreError,
  type StoreEvent,
  type TxnRequest,
} from '#src/kv.ts';
import { LeaseBook } from '#src/lease.ts';
import { Mvcc } from '#src/mvcc.ts';
import { openMemoryStore } from '#src/open-store.ts';
import type { Store } from '#src/store.ts';
import { checkDuplicates, choose, execute, holds } from '#src/txn.ts';
import { bytes, eventLine, line, randomOf } from '../support/store-helpers.ts';
import { expectLines } from './support/lines.ts';
import { openSlowStore } from './support/slow-store.ts';

const SEED = Number(process.env.SEED ?? 1);

const put = (key: string, value: string, more: object = {}): Op => ({
  kind: 'put',
  key,
  value: bytes(value),
  ...more,
});
const del = (key: string, rangeEnd?: string): Op =>
  rangeEnd === undefined ? { kind: 'delete', key } : { kind: 'delete', key, rangeEnd };
const read = (key: string, more: object = {}): Op => ({ kind: 'range', key, ...more });
const txn = (request: Partial<TxnRequest>): Op => ({ kind: 'txn', ...txnRequest(request) });
const txnRequest = (request: Partial<TxnRequest>): TxnRequest => ({
  compare: [],
  success: [],
  failure: [],
  ...request,
});
const modIs = (key: string, value: number): Compare => ({ key, target: 'mod', result: '=', value });

/** A response as one line. */
function told(response: OpResponse): string {
  switch (response.kind) {
    case 'range':
      return `range: ${[...response.kvs.map(line), `count ${response.count}`].join(', ')}`;
    case 'put':
      return response.prevKv === undefined ? 'put' : `put, was ${line(response.prevKv)}`;
    case 'delete':
      return ['delete', response.deleted, ...response.prevKvs.map((kv) => `was ${line(kv)}`)].join(
        ' ',
      );
    case 'txn':
      return `txn ${response.succeeded} [${response.responses.map(told).join('; ')}]`;
  }
}

/** Runs operations as one transaction on the bare state; what came out as lines, the revision first. */
function run(mvcc: Mvcc, ...ops: Op[]): string[] {
  const chosen = choose(mvcc, txnRequest({ success: ops }));
  const { revision, responses } = execute(mvcc, chosen.ops);
  return [`revision ${revision}`, ...responses.map(told)];
}

/** Everything in the store, as lines. */
async function everything(store: Store): Promise<string[]> {
  return (await store.range({ key: '\0', rangeEnd: '\0' })).kvs.map(line);
}

/** How a request ended: its error, or the revision. */
function ending(promise: Promise<{ revision: number }>): Promise<string> {
  return promise.then(
    ({ revision }) => `revision ${revision}`,
    (error: unknown) => (StoreError.is(error) ? `${error.code}: ${error.message}` : String(error)),
  );
}

/** Whether there is an answer, after everything that can go on without the disk went on. */
function answerSoFar(promise: Promise<unknown>): Promise<string> {
  const answered = promise.then(
    () => 'answered',
    (error: unknown) => {
      if (!StoreError.is(error)) throw error;
      return `refused: ${error.message}`;
    },
  );
  const waiting = new Promise<string>((resolve) => setImmediate(() => resolve('no answer yet')));
  return Promise.race([answered, waiting]);
}

lesson(
  'A comparison asks one thing of one key: its mod, create or version, its value, or its lease',
  {
    invariant: 1,
    byHand: 'printf \'value("a") = "1"\\n\\nput a 2\\n\\nget a\\n\\n\' | etcdctl txn',
    symbols: ['src/txn.ts#holds'],
  },
  ({ event }) => {
    const kv: KeyValue = {
      key: 'a',
      value: bytes('m'),
      createRevision: 3,
      modRevision: 5,
      version: 2,
      lease: '9007199254740993', // 2^53 + 1, which a JavaScript number cannot hold.
    };
    const cases: Compare[] = [
      { key: 'a', target: 'mod', result: '=', value: 5 },
      { key: 'a', target: 'mod', result: '!=', value: 5 },
      { key: 'a', target: 'create', result: '<', value: 5 },
      { key: 'a', target: 'version', result: '>', value: 2 },
      { key: 'a', target: 'value', result: '=', value: bytes('m') },
      { key: 'a', target: 'value', result: '<', value: bytes('ma') },
      { key: 'a', target: 'value', result: '>', value: bytes('\xff') },
      { key: 'a', target: 'lease', result: '=', value: '9007199254740993' },
      { key: 'a', target: 'lease', result: '>', value: '9007199254740992' },
      { key: 'a', target: 'lease', result: '>', value: '999' },
    ];
    const answers = cases.map((compare) => {
      const { target, result, value } = compare;
      const shown = typeof value === 'object' ? Buffer.from(value).toString('latin1') : value;
      event(`holds: ${target} ${result} ${shown}`);
      return `${target} ${result} ${shown}: ${holds(compare, kv)}`;
    });
    expectLines(answers, [
      'mod = 5: true',
      'mod != 5: false',
      'create < 5: true',
      'version > 2: false',
      'value = m: true',
      'value < ma: true',
      'value > \xff: false',
      'lease = 9007199254740993: true',
      'lease > 9007199254740992: true',
      'lease > 999: true',
    ]);
  },
);

lesson(
  'A key that does not exist compares as 0, but its value compares with nothing, not even with "!="',
  {
    invariant: 1,
    byHand:
      'printf \'create("new") = "0"\\n\\nput new 1\\n\\n\\n\' | etcdctl txn   # again: FAILURE',
    symbols: ['src/txn.ts#holds'],
  },
  ({ event }) => {
    const cases: Compare[] = [
      { key: 'x', target: 'mod', result: '=', value: 0 },
      { key: 'x', target: 'create', result: '=', value: 0 },
      { key: 'x', target: 'version', result: '<', value: 1 },
      { key: 'x', target: 'lease', result: '=', value: '0' },
      { key: 'x', target: 'value', result: '=', value: bytes('') },
      { key: 'x', target: 'value', result: '!=', value: bytes('1') },
    ];
    const answers = cases.map((compare) => {
      event(`holds: ${compare.target} ${compare.result} … of a key that does not exist`);
      return `${compare.target} ${compare.result}: ${holds(compare, undefined)}`;
    });
    expectLines(answers, [
      'mod =: true',
      'create =: true',
      'version <: true',
      'lease =: true',
      'value =: false',
      'value !=: false',
    ]);
  },
);

lesson(
  'Everything is decided before anything is done: inner transactions too see only what was there before',
  {
    invariant: 2,
    byHand:
      'printf \'mod("a") = "0"\\n\\nput a 1\\n\\nget a\\n\\n\' | etcdctl txn   # twice: SUCCESS, FAILURE',
    symbols: ['src/txn.ts#choose'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    const kinds = ({ succeeded, ops }: ReturnType<typeof choose>): string =>
      `${succeeded}: ${ops.map((op) => (op.kind === 'txn' ? `txn ${kinds(op)}` : `${op.kind} ${op.key}`)).join(', ')}`;
    const lists = { success: [put('yes', '')], failure: [read('no')] };
    event('choose with no comparison, with two that hold, with one of two that does not');
    expect(kinds(choose(mvcc, txnRequest(lists)))).toBe('true: put yes');
    const both = txnRequest({ ...lists, compare: [modIs('a', 0), modIs('b', 0)] });
    expect(kinds(choose(mvcc, both))).toBe('true: put yes');
    const one = txnRequest({ ...lists, compare: [modIs('a', 0), modIs('b', 1)] });
    expect(kinds(choose(mvcc, one))).toBe('false: range no');
    event('choose: an inner transaction compares a key that an outer put would create');
    const inner = txn({ ...lists, compare: [modIs('a', 0)] });
    const outer = txnRequest({ success: [put('a', '1'), inner] });
    expect(kinds(choose(mvcc, outer))).toBe('true: put a, txn true: put yes');
    event('put a, and decide the same once more');
    mvcc.stage({ type: 'put', key: 'a', value: bytes('1'), lease: '0' });
    mvcc.commit();
    expect(kinds(choose(mvcc, outer))).toBe('true: put a, txn false: range no');
  },
);

lesson(
  'All operations of a transaction are one revision, each has its answer, and reading alone takes none',
  {
    invariant: 3,
    byHand:
      'printf \'\\nput a 1\\nput b 1\\nget a\\n\\n\\n\' | etcdctl txn -w fields   # one "Revision"',
    symbols: ['src/txn.ts#execute', 'src/txn.ts#executeOne'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    event('execute put b, put a');
    const { revision, events, responses } = execute(mvcc, [
      { kind: 'put', key: 'b', value: bytes('1') },
      { kind: 'put', key: 'a', value: bytes('1') },
    ]);
    expectLines(events.map(eventLine), ['b=1 2/2/1', 'a=1 2/2/1']);
    expectLines([revision, ...responses.map((response) => response.revision)].map(String), [
      '2',
      '2',
      '2',
    ]);
    event('execute a range and a delete that finds nothing');
    expectLines(run(mvcc, read('a'), del('x')), [
      'revision 2',
      'range: a=1 2/2/1, count 1',
      'delete 0',
    ]);
    event('execute a put inside an inner transaction');
    expectLines(run(mvcc, put('c', '1'), txn({ success: [put('d', '1')] })), [
      'revision 3',
      'put',
      'txn true [put]',
    ]);
    expectLines(mvcc.eventsAt(3).map(eventLine), ['c=1 3/3/1', 'd=1 3/3/1']);
  },
);

lesson(
  'An operation sees what the operations before it did, and an older revision as it was',
  {
    invariant: 3,
    byHand: "printf '\\nput a 1\\nget a\\ndel b\\nget b\\n\\n\\n' | etcdctl txn",
    symbols: ['src/txn.ts#executeOne'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    run(mvcc, put('a', 'old'), put('b', 'old'));
    event('put a; get a, at revision 0, which is now, and at 2; del b, get a to z');
    const zero = read('a', { revision: 0 });
    const old = read('a', { revision: 2 });
    const all = { rangeEnd: 'z' };
    expectLines(run(mvcc, put('a', 'new'), read('a'), zero, old, del('b'), read('a', all)), [
      'revision 3',
      'put',
      'range: a=new 2/3/2, count 1',
      'range: a=new 2/3/2, count 1',
      'range: a=old 2/2/1, count 1',
      'delete 1',
      'range: a=new 2/3/2, count 1',
    ]);
    event('del a, del a to z, get a to z');
    expectLines(run(mvcc, del('a'), del('a', 'z'), read('a', all)), [
      'revision 4',
      'delete 1',
      'delete 0',
      'range: count 0',
    ]);
  },
);

lesson(
  'A put returns what it replaced if it is asked, and keeps the old value or the old lease if it is asked',
  {
    invariant: 3,
    byHand: 'etcdctl put a 1; etcdctl put a 2 --prev-kv; etcdctl put a --ignore-value',
    symbols: ['src/txn.ts#executeOne'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    const lease = () => `lease ${mvcc.get('a', mvcc.revision)?.lease}`;
    event('put a=1 with lease 7 and prevKv: there was nothing, so the response has no prevKv');
    const first = { kind: 'put', key: 'a', value: bytes('1'), lease: '7', prevKv: true } as const;
    const { responses } = execute(mvcc, [first]);
    expectLines(responses.flatMap(Object.keys).sort(), ['kind', 'revision']);
    expect(lease()).toBe('lease 7');
    event('put a=2 with ignoreLease');
    expectLines(run(mvcc, put('a', '2', { ignoreLease: true })), ['revision 3', 'put']);
    expect(lease()).toBe('lease 7');
    event('put a with ignoreValue and prevKv, without a lease');
    expectLines(run(mvcc, put('a', '', { ignoreValue: true, prevKv: true }), read('a')), [
      'revision 4',
      'put, was a=2 2/3/2',
      'range: a=2 2/4/3, count 1',
    ]);
    expect(lease()).toBe('lease 0');
    event("put a with the lease '', which is none");
    run(mvcc, put('a', '3', { lease: '' }));
    expect(lease()).toBe('lease 0');
  },
);

lesson(
  'A delete of a range deletes the keys that live, in order, in one revision; it returns them if it is asked',
  {
    invariant: 3,
    byHand:
      'for k in a b c; do etcdctl put $k 1; done; etcdctl del a c --prev-kv; etcdctl watch --prefix "" --rev=2',
    symbols: ['src/txn.ts#executeOne'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    run(mvcc, put('c', '1'), put('b', '1'), put('a', '1'));
    event('delete a to c, with prevKv');
    const range: Op = { kind: 'delete', key: 'a', rangeEnd: 'c', prevKv: true };
    expectLines(run(mvcc, range), ['revision 3', 'delete 2 was a=1 2/2/1 was b=1 2/2/1']);
    expectLines(mvcc.eventsAt(3).map(eventLine), [
      'a deleted at 3 was a=1 2/2/1',
      'b deleted at 3 was b=1 2/2/1',
    ]);
    event('delete everything, without prevKv; then once more');
    expectLines(run(mvcc, del('\0', '\0')), ['revision 4', 'delete 1']);
    expectLines(run(mvcc, del('\0', '\0')), ['revision 4', 'delete 0']);
  },
);

lesson(
  'A transaction that would change a key twice is refused, as nobody could say which change wins',
  {
    invariant: 4,
    byHand:
      "printf '\\nput a 1\\nput a 2\\n\\n\\n' | etcdctl txn   # duplicate key given in txn request",
    symbols: ['src/txn.ts#checkDuplicates'],
  },
  ({ event }) => {
    const lists: Record<string, Op[]> = {
      'put a, put b': [put('a', ''), put('b', '')],
      'put a, put a': [put('a', ''), put('a', '')],
      'put b, delete a to c': [put('b', ''), del('a', 'c')],
      'delete a to c, put b': [del('a', 'c'), put('b', '')],
      'delete a to c, put c': [del('a', 'c'), put('c', '')],
      'delete a to c, delete b': [del('a', 'c'), del('b')],
      'put a, get a': [put('a', ''), read('a')],
      'put a, inner put a': [put('a', ''), txn({ failure: [put('a', '')] })],
      'inner put a, delete a': [txn({ success: [put('a', '')] }), del('a')],
      'inner put a or else put a': [txn({ success: [put('a', '')], failure: [put('a', '')] })],
      'inner put a, inner put a': [
        txn({ success: [put('a', '')] }),
        txn({ failure: [put('a', '')] }),
      ],
      'inner put a, put a inside': [txn({ success: [put('a', ''), put('a', '')] })],
    };
    const answers = Object.entries(lists).map(([name, ops]) => {
      event(`checkDuplicates of ${name}`);
      try {
        checkDuplicates(ops);
        return `${name}: fine`;
      } catch (error) {
        if (!StoreError.is(error, 'invalid')) throw error;
        return `${name}: refused`;
      }
    });
    expectLines(answers, [
      'put a, put b: fine',
      'put a, put a: refused',
      'put b, delete a to c: refused',
      'delete a to c, put b: refused',
      'delete a to c, put c: fine',
      'delete a to c, delete b: fine',
      'put a, get a: fine',
      'put a, inner put a: refused',
      'inner put a, delete a: refused',
      'inner put a or else put a: fine',
      'inner put a, inner put a: refused',
      'inner put a, put a inside: refused',
    ]);
  },
);

lesson(
  'The newest revision can be taken back as a whole, and is as if it had never been',
  {
    invariant: 6,
    byHand: 'etcdctl alarm list   # NOSPACE: the disk refused a write, and the store took it back',
    symbols: ['src/mvcc.ts#Mvcc.undo'],
  },
  ({ event }) => {
    const mvcc = new Mvcc();
    run(mvcc, put('a', '1'), put('b', '1'));
    mvcc.markDurable(2);
    const before = mvcc.sizeBytes;
    run(mvcc, put('a', '22'), del('b'), put('c', '333'));
    event('undo revision 3: put a, delete b, put c');
    mvcc.undo();
    expectLines(run(mvcc, read('a', { rangeEnd: 'z' })), [
      'revision 2',
      'range: a=1 2/2/1, b=1 2/2/1, count 2',
    ]);
    expect(`${mvcc.sizeBytes} bytes`).toBe(`${before} bytes`);
    event('check the invariants: a key that only the undone revision knew must be forgotten');
    mvcc.check();
    event('undo a durable revision, which must throw');
    expect(() => mvcc.undo()).toThrow();
    event('the next transaction is revision 3 again');
    expectLines(run(mvcc, put('b', '2'), read('b')), [
      'revision 3',
      'put',
      'range: b=2 2/3/2, count 1',
    ]);
  },
);

lesson(
  'Of clients that compare with the same revision exactly one wins, however close they come',
  {
    invariant: 2,
    byHand:
      'for i in 1 2 3; do (printf \'mod("a") = "0"\\n\\nput a \'$i\'\\n\\nget a\\n\\n\' | etcdctl txn &); done',
    symbols: ['src/store.ts#Store.txn', 'src/store.ts#Store.#commit'],
  },
  async ({ event, figure }) => {
    await using store = await openMemoryStore();
    event('100 transactions in one turn: if mod(a) = 0 then put a');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        store.txn(
          txnRequest({
            compare: [modIs('a', 0)],
            success: [put('a', `${i}`)],
            failure: [read('a')],
          }),
        ),
      ),
    );
    const winners = answers.filter(({ succeeded }) => succeeded);
    figure('winners', winners.length);
    expect(`${winners.length} of 100 won`).toBe('1 of 100 won');
    expectLines(await everything(store), ['a=0 2/2/1']);
    expectLines(
      answers.slice(1).map(({ responses }) => responses.map(told).join()),
      Array(99).fill('range: a=0 2/2/1, count 1'),
    );
  },
);

lesson(
  'A range answers the same alone and in a transaction: sorted if it is asked, and refused if it is wrong',
  {
    invariant: 3,
    byHand: 'etcdctl get a z --sort-by MODIFY --order DESCEND --limit 2',
    symbols: ['src/txn.ts#executeOne', 'src/store.ts#Store.txn'],
  },
  async ({ event }) => {
    await using store = await openMemoryStore();
    for (const key of ['b', 'c', 'a']) await store.put({ key, value: bytes('1') });
    const range = { key: 'a', rangeEnd: 'z', limit: 2 };
    const sort = { target: 'mod', order: 'descend' } as const;
    event('range a to z, the newest two first, in a transaction');
    const { responses } = await store.txn(txnRequest({ success: [read('a', { ...range, sort })] }));
    const newest = 'range: a=1 4/4/1, c=1 3/3/1, count 3';
    expectLines(responses.map(told), [newest]);
    event('the same alone');
    expect(told({ kind: 'range', ...(await store.range({ ...range, sort })) })).toBe(newest);
    event('range without a key');
    expect(await ending(store.range({ key: '' }))).toBe('invalid: etcdserver: key is not provided');
  },
);

lesson(
  'A request that is wrong anywhere changes nothing, not even what stands before the mistake',
  {
    invariant: 4,
    byHand:
      "printf '\\nput a 1\\nget b --rev=99999\\n\\n\\n' | etcdctl txn; etcdctl get a   # future revision, and no a",
    symbols: ['src/store.ts#Store.txn'],
  },
  async ({ event }) => {
    await using store = await openMemoryStore();
    const wrong: Record<string, Op[]> = {
      'a read of the future': [put('a', '1'), read('b', { revision: 99 })],
      'a key that is empty': [put('a', '1'), put('', '1')],
      'a key twice': [put('a', '1'), put('a', '2')],
      '129 operations': Array.from({ length: 129 }, (_, i) => put(`a${i}`, '1')),
      'a lease that nobody granted': [put('a', '1'), put('b', '1', { lease: '4711' })],
      'a value to keep, of no key': [put('a', '1'), put('b', '', { ignoreValue: true })],
    };
    const answers: string[] = [];
    for (const [name, success] of Object.entries(wrong)) {
      event(`txn with ${name}`);
      const answer = await ending(store.txn(txnRequest({ success })));
      answers.push(`${name}: ${answer.split(':')[0]}`);
    }
    expectLines(answers, [
      'a read of the future: future-revision',
      'a key that is empty: invalid',
      'a key twice: invalid',
      '129 operations: invalid',
      'a lease that nobody granted: lease-not-found',
      'a value to keep, of no key: key-not-found',
    ]);
    event('range of everything');
    expectLines(
      [...(await everything(store)), await ending(store.range({ key: 'a' }))],
      ['revision 1'],
    );
    event('put into a store that is full, and delete there');
    await using full = await openMemoryStore({ quotaBackendBytes: 1 });
    expect(await ending(full.put({ key: 'a', value: bytes('1') }))).toMatch(/^no-space/);
    expect(await ending(full.deleteRange({ key: 'a' }))).toBe('revision 1');
    event('close the store, then put and get');
    await store[Symbol.asyncDispose]();
    const late = [store.put({ key: 'a', value: bytes('2') }), store.range({ key: 'a' })];
    expectLines(
      await Promise.all(late.map(ending)),
      Array(2).fill('unavailable: the store is closed'),
    );
  },
);

lesson(
  'Nobody is told of a write, and nobody can read it, before it is durable',
  {
    invariant: 5,
    byHand: 'etcdctl put a 1 && etcdctl get a -w fields   # OK means: it is on the disk',
    symbols: ['src/store.ts#Store.#commit', 'src/store.ts#Store.txn'],
  },
  async ({ event }) => {
    await using slow = openSlowStore();
    const { store, journal } = slow;
    event('put a=1; the disk takes it');
    expect(await ending(slow.settled(store.put({ key: 'a', value: bytes('1') })))).toBe(
      'revision 2',
    );
    event('put a=2 and b=1; the disk has not answered yet');
    const writes = [
      store.put({ key: 'a', value: bytes('2') }),
      store.txn(txnRequest({ success: [put('b', '1'), read('a')] })),
    ];
    for (const write of writes) expect(await answerSoFar(write)).toBe('no answer yet');
    expectLines(await everything(store), ['a=1 2/2/1']);
    expect(await ending(store.range({ key: 'a' }))).toBe('revision 2');
    event('range at 3, which is not durable');
    expect(await ending(store.range({ key: 'a', revision: 3 }))).toMatch(/^future-revision/);
    event('what the journal got: one entry a revision');
    const lines = journal.entries.map((entry) =>
      entry.kind === 'commit'
        ? `${entry.revision}: ${entry.changes.map(({ type, key }) => `${type} ${key}`).join(', ')}`
        : entry.kind,
    );
    expectLines(lines, ['2: put a', '3: put a', '4: put b']);
    event('the disk answers');
    journal.settle();
    expectLines(await Promise.all(writes.map(ending)), ['revision 3', 'revision 4']);
    expectLines(await everything(store), ['a=2 2/3/2', 'b=1 4/4/1']);
    expectLines((await store.range({ key: 'a', revision: 2 })).kvs.map(line), ['a=1 2/2/1']);
    expect(await ending(store.range({ key: 'a', revision: 2 }))).toBe('revision 4');
  },
);

lesson(
  'A transaction that changes nothing waits too: what it saw may still be on its way to the disk',
  {
    invariant: 5,
    byHand: 'printf \'mod("a") > "0"\\n\\nget a\\n\\n\\n\' | etcdctl txn',
    symbols: ['src/store.ts#Store.#commit'],
  },
  async ({ event }) => {
    await using slow = openSlowStore();
    const { store, journal } = slow;
    event('put a=1, then a transaction that only reads a; the disk has not answered yet');
    const write = store.put({ key: 'a', value: bytes('1') });
    const reading = store.txn(txnRequest({ success: [read('a')] }));
    expect(await answerSoFar(reading)).toBe('no answer yet');
    event('the disk answers');
    journal.settle();
    expectLines((await reading).responses.map(told), ['range: a=1 2/2/1, count 1']);
    expect(await ending(write)).toBe('revision 2');
    expect(journal.entries.length).toBe(1);
  },
);

lesson(
  'When the disk refuses, everything that waited fails and is undone, and the store goes on from before',
  {
    invariant: 6,
    byHand:
      'etcdctl put a "$(head -c 1000000 /dev/zero | tr "\\0" x)"   # until: database space exceeded',
    symbols: ['src/store.ts#Store.#commit', 'src/mvcc.ts#Mvcc.undo'],
  },
  async ({ event }) => {
    await using slow = openSlowStore();
    const { store, journal, mvcc } = slow;
    await slow.settled(store.put({ key: 'a', value: bytes('1') }));
    event('put a=2, delete a, put a=3, put b=1: the disk refuses all four');
    const endings = [
      store.put({ key: 'a', value: bytes('2') }),
      store.deleteRange({ key: 'a' }),
      store.put({ key: 'a', value: bytes('3') }),
      store.put({ key: 'b', value: bytes('1') }),
    ].map(ending);
    journal.refuse();
    const noSpace = 'no-space: etcdserver: mvcc: database space exceeded';
    expectLines(await Promise.all(endings), Array(4).fill(noSpace));
    expectLines(await everything(store), ['a=1 2/2/1']);
    mvcc.check();
    event('put a=4: the disk is well again');
    const again = slow.settled(store.put({ key: 'a', value: bytes('4') }));
    expect(await ending(again)).toBe('revision 3');
    expectLines(await everything(store), ['a=4 2/3/2']);
  },
);

lesson(
  'The leases hear of a write before the disk does, and hear of it again when it is taken back',
  {
    invariant: 6,
    byHand: 'etcdctl put a 1 --lease=ID; etcdctl lease timetolive ID --keys',
    symbols: ['src/store.ts#Store.#commit'],
  },
  async ({ event }) => {
    const heard: string[] = [];
    /** Leases that say what they hear, and how much the journal had got by then. */
    class Listening extends LeaseBook {
      override follow(events: readonly StoreEvent[]): void {
        heard.push(`follow ${events.map(eventLine).join(', ')}; journal ${journal.entries.length}`);
      }
      override unfollow(events: readonly StoreEvent[]): void {
        heard.push(`unfollow ${events.map(eventLine).join(', ')}`);
      }
    }
    await using slow = openSlowStore({ leasesOn: (clock) => new Listening(clock) });
    const { store, journal } = slow;
    event('put a=1 and b=1; the disk takes them');
    await slow.settled(store.txn(txnRequest({ success: [put('a', '1'), put('b', '1')] })));
    event('a transaction that only reads');
    await slow.settled(store.txn(txnRequest({ success: [read('a')] })));
    event('put a=2, delete b: the disk refuses both');
    const writes = [store.put({ key: 'a', value: bytes('2') }), store.deleteRange({ key: 'b' })];
    const endings = writes.map(ending);
    journal.refuse();
    await Promise.all(endings);
    expectLines(heard, [
      'follow a=1 2/2/1, b=1 2/2/1; journal 0',
      'follow a=2 2/3/2 was a=1 2/2/1; journal 1',
      'follow b deleted at 4 was b=1 2/2/1; journal 2',
      'unfollow b deleted at 4 was b=1 2/2/1',
      'unfollow a=2 2/3/2 was a=1 2/2/1',
    ]);
  },
);

lesson(
  'After 300 random transactions the store answers like a model that keeps a copy of everything',
  {
    invariant: 3,
    byHand: 'etcdctl get "" --prefix --rev=REVISION   # any revision since the last compaction',
    symbols: ['src/txn.ts#executeOne', 'src/store.ts#Store.txn'],
  },
  async ({ event, figure }) => {
    event(
      `random transactions, seed ${SEED}: repeat with another one by SEED=2 in the environment`,
    );
    const random = randomOf(SEED);
    const copies = new Copies();
    const keyAt = (i: number) => 'abcdef'.charAt(i % 6);
    await using store = await openMemoryStore();
    for (let i = 0; i < 300; i++) {
      const at = random(6);
      const success = [put(keyAt(at), `${i}`), del(keyAt(at + 1))];
      const failure = [del(keyAt(random(5)), 'e')];
      const key = keyAt(random(6));
      const newest = copies.now.get(key)?.mod ?? 0;
      const mod = random(3) === 0 ? 1 : newest;
      const answer = await store.txn({ compare: [modIs(key, mod)], success, failure });
      copies.apply(mod === newest ? success : failure);
      expect(`txn ${i}: ${answer.succeeded}, revision ${answer.revision}`).toBe(
        `txn ${i}: ${mod === newest}, revision ${copies.revision}`,
      );
    }
    for (let revision = 1; revision <= copies.revision; revision++) {
      const { kvs } = await store.range({ key: 'a', rangeEnd: 'z', revision });
      const want = copies.linesAt(revision);
      expectLines([`at ${revision}`, ...kvs.map(line)], [`at ${revision}`, ...want]);
    }
    figure('revisions', copies.revision);
  },
);

interface Copy {
  readonly value: string;
  readonly create: number;
  readonly mod: number;
  readonly version: number;
}

/** A copy of everything at every revision: slow, large, and obviously right. */
class Copies {
  readonly #at: ReadonlyMap<string, Copy>[] = [new Map(), new Map()];

  get revision(): number {
    return this.#at.length - 1;
  }

  get now(): ReadonlyMap<string, Copy> {
    return this.#at[this.revision] ?? new Map();
  }

  apply(ops: readonly Op[]): void {
    const next = new Map(this.now);
    const mod = this.revision + 1;
    let changes = 0;
    for (const op of ops) {
      if (op.kind === 'put') {
        const { create = mod, version = 0 } = next.get(op.key) ?? {};
        const value = Buffer.from(op.value).toString('latin1');
        next.set(op.key, { value, create, mod, version: version + 1 });
        changes++;
      } else if (op.kind === 'delete') {
        const end = op.rangeEnd ?? `${op.key}\0`;
        for (const key of next.keys()) {
          if (key >= op.key && key < end && next.delete(key)) changes++;
        }
      }
    }
    if (changes > 0) this.#at.push(next);
  }

  linesAt(revision: number): string[] {
    return [...(this.#at[revision] ?? [])]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([key, { value, create, mod, version }]) => `${key}=${value} ${create}/${mod}/${version}`,
      );
  }
}
