// Many watches on one stream: the same conversation with our server and with a real etcd.
import type { ClientHttp2Session } from 'node:http2';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Etcd, startEtcd } from './support/etcd.ts';
import { openSession, RawStream, rawCall } from './support/raw-grpc.ts';
import { type Served, serve } from './support/serve.ts';
import { decodeFrames, frameOf } from './support/wire-messages.ts';

const WATCH = '/etcdserverpb.Watch/Watch';
const TYPES = ['WatchRequest', 'WatchResponse'] as const;

let ours: Served;
let etcd: Etcd;

beforeAll(async () => {
  [ours, etcd] = await Promise.all([serve({ progressIntervalMs: 300 }), startEtcd()]);
});

afterAll(async () => {
  await ours?.[Symbol.asyncDispose]();
  await etcd?.[Symbol.asyncDispose]();
});

/** What a test sees of a response: ids of the member are left out, events are short. */
function brief(response: Record<string, unknown>): Record<string, unknown> {
  const { header, events, ...rest } = response as {
    header: { revision?: number };
    events?: { type?: string; kv: { key: string; value?: string }; prevKv?: { value: string } }[];
  };
  const words = events?.map(({ type = 'Put', kv, prevKv }) => {
    const was = prevKv === undefined ? '' : ` was ${text(prevKv.value)}`;
    return `${type} ${text(kv.key)} ${text(kv.value ?? '')}${was}`;
  });
  return { revision: header.revision, watchId: 0, ...rest, ...(words && { events: words }) };
}

const text = (base64: string) => Buffer.from(base64, 'base64').toString();
const bytes = (value: string) => Buffer.from(value);

describe.each(['ours', 'etcd'])('Watch on %s', (side) => {
  let session: ClientHttp2Session;
  /** Of both sides, as both see the same requests. */
  let revision = 1;

  beforeAll(async () => {
    session = await openSession(side === 'ours' ? ours.url : etcd.endpoint);
  });

  afterAll(() => session.destroy());

  async function put(key: string, value: string): Promise<number> {
    const fields = { key: bytes(key), value: bytes(value) };
    const { body } = await rawCall(session, '/etcdserverpb.KV/Put', {
      body: frameOf('PutRequest', fields),
    });
    const [answer] = decodeFrames('PutResponse', body) as [{ header: { revision: number } }];
    revision = answer.header.revision;
    return revision;
  }

  async function remove(key: string): Promise<void> {
    await rawCall(session, '/etcdserverpb.KV/DeleteRange', {
      body: frameOf('DeleteRangeRequest', { key: bytes(key) }),
    });
    revision++;
  }

  const open = () => new RawStream(session, WATCH, TYPES);
  const create = (key: string, more: object = {}) => ({
    createRequest: { key: bytes(key), ...more },
  });

  test('created, with ids counted from 0 or chosen; events go to the watches they concern', async () => {
    using stream = open();
    stream.send(create('a'));
    stream.send(create('a', { watchId: 7 }));
    stream.send(create('b'));
    stream.send(create('', { rangeEnd: Buffer.from([0]) }));
    expect((await stream.take(4)).map(brief)).toEqual([
      { revision, watchId: 0, created: true },
      { revision, watchId: 7, created: true },
      { revision, watchId: 1, created: true },
      { revision, watchId: 2, created: true },
    ]);
    await put('a', '1');
    const heard = (await stream.take(3)).map(brief);
    heard.sort((one, other) => Number(one.watchId) - Number(other.watchId));
    expect(heard).toEqual([0, 2, 7].map((watchId) => ({ revision, watchId, events: ['Put a 1'] })));
  });

  test('an id of 63 bits is an id', async () => {
    using stream = open();
    stream.send(create('a', { watchId: '9007199254740993' }));
    const [created] = await stream.take(1);
    expect(created).toMatchObject({ created: true, watchId: Number('9007199254740993') });
    stream.send({ cancelRequest: { watchId: '9007199254740993' } });
    expect(await stream.next()).toMatchObject({ canceled: true });
  });

  test('what cannot be is refused by a response with id -1, and the stream lives on', async () => {
    using stream = open();
    stream.send(create('a', { watchId: 3 }));
    stream.send(create('a', { watchId: 3 }));
    stream.send(create('b', { rangeEnd: bytes('a') }));
    stream.send(create('a'));
    const refused = { watchId: -1, created: true, canceled: true, revision };
    expect((await stream.take(4)).map(brief)).toEqual([
      { watchId: 3, created: true, revision },
      { ...refused, cancelReason: 'mvcc: duplicate watch ID provided on the WatchStream' },
      { ...refused, cancelReason: 'mvcc: watcher range is empty' },
      { watchId: 0, created: true, revision },
    ]);
  });

  test('canceled: nothing comes after it, and an unknown id is passed over', async () => {
    using stream = open();
    stream.send(create('a'));
    stream.send(create('a'));
    await stream.take(2);
    stream.send({ cancelRequest: { watchId: 99 } });
    stream.send({ cancelRequest: { watchId: 0 } });
    expect(brief((await stream.next()) ?? {})).toEqual({ revision, watchId: 0, canceled: true });
    await put('a', '2');
    expect(brief((await stream.next()) ?? {})).toMatchObject({ watchId: 1, events: ['Put a 2'] });
  });

  test('from the past, with the values before, without puts or deletes', async () => {
    const start = (await put('p', '1')) as number;
    await put('p', '2');
    await remove('p');
    using stream = open();
    const events = async (count: number) => {
      const all: unknown[] = [];
      while (all.length < count) {
        const response = brief((await stream.next()) ?? { header: {} });
        all.push(...((response.events ?? []) as string[]));
      }
      return all;
    };
    stream.send(create('p', { startRevision: start, prevKv: true }));
    await stream.next();
    expect(await events(3)).toEqual(['Put p 1', 'Put p 2 was 1', 'Delete p  was 2']);
    stream.send(create('p', { startRevision: start, filters: [0] }));
    await stream.next();
    expect(await events(1)).toEqual(['Delete p ']);
    stream.send(create('p', { startRevision: start, filters: [1] }));
    await stream.next();
    expect(await events(2)).toEqual(['Put p 1', 'Put p 2']);
  });

  test('progress: to a watch that wants to know, and to all at once when somebody asks', async () => {
    using stream = open();
    stream.send(create('quiet', { progressNotify: true }));
    await stream.take(1);
    expect(brief((await stream.next()) ?? {})).toEqual({ revision, watchId: 0 });
    stream.send({ cancelRequest: { watchId: 0 } });
    // It may have told once more by then.
    while ((await stream.take(1))[0]?.canceled !== true);
    stream.send(create('quiet'));
    stream.send(create('quiet'));
    await stream.take(2);
    stream.send({ progressRequest: {} });
    expect(brief((await stream.next()) ?? {})).toEqual({ revision, watchId: -1 });
  });

  test('compacted: the watch is told from where there is history, the stream lives on', async () => {
    await put('c', '1');
    await put('c', '2');
    const body = frameOf('CompactionRequest', { revision, physical: true });
    expect((await rawCall(session, '/etcdserverpb.KV/Compact', { body })).status).toBe('0');
    using stream = open();
    stream.send(create('c', { startRevision: revision - 1 }));
    expect((await stream.take(2)).map(brief)).toEqual([
      { revision, watchId: 0, created: true },
      { watchId: 0, canceled: true, compactRevision: revision, revision: undefined },
    ]);
    stream.send(create('c', { startRevision: revision }));
    expect((await stream.take(2)).map(brief)).toEqual([
      { revision, watchId: 1, created: true },
      { revision, watchId: 1, events: ['Put c 2'] },
    ]);
  });

  test('fragments: a revision in pieces, all but the last marked', async () => {
    using stream = open();
    stream.send(create('f', { rangeEnd: bytes('g'), fragment: true, prevKv: true }));
    await stream.take(1);
    const value = Buffer.alloc(300_000, 'x');
    const success = Array.from({ length: 5 }, (_, i) => {
      return { requestPut: { key: bytes(`f/${i}`), value } };
    });
    for (let round = 0; round < 2; round++) {
      const body = frameOf('TxnRequest', { success });
      expect((await rawCall(session, '/etcdserverpb.KV/Txn', { body })).status).toBe('0');
      revision++;
    }
    // The second revision has the values before too: three megabytes, which is more than one response may have.
    const responses: { fragment?: boolean; events: unknown[] }[] = [];
    for (let events = 0; events < 10; events += responses.at(-1)?.events.length ?? 0) {
      responses.push((await stream.next()) as { fragment?: boolean; events: unknown[] });
    }
    expect(responses.map(({ fragment, events }) => [fragment === true, events.length])).toEqual([
      [false, 5],
      [true, 3],
      [false, 2],
    ]);
  });

  test('a client that has said all it will say still hears', async () => {
    using stream = open();
    stream.send(create('h'));
    stream.end();
    await stream.take(1);
    await put('h', '1');
    expect(brief((await stream.next()) ?? {})).toMatchObject({ events: ['Put h 1'] });
  });
});

test('a client that does not read holds back its own stream alone, and misses nothing', async () => {
  await using served = await serve({ watchQueueLengthMax: 10 });
  using session = await openSession(served.url);
  using slow = new RawStream(session, WATCH, TYPES);
  slow.send({ createRequest: { key: bytes('s') } });
  await slow.take(1);
  slow.pause();
  const value = Buffer.alloc(100_000, 'x');
  for (let i = 0; i < 200; i++) await served.store.put({ key: 's', value });
  slow.resume();
  const revisions: number[] = [];
  while (revisions.length < 200) {
    const response = (await slow.next()) as { events?: { kv: { modRevision: number } }[] };
    for (const { kv } of response.events ?? []) revisions.push(kv.modRevision);
  }
  expect(revisions).toEqual(Array.from({ length: 200 }, (_, i) => i + 2));
});

test('when the server stops, a watch ends with its status', async () => {
  await using served = await serve();
  using session = await openSession(served.url);
  using stream = new RawStream(session, WATCH, TYPES);
  stream.send({ createRequest: { key: bytes('s') } });
  await stream.take(1);
  await served.stop();
  expect(await stream.next()).toBeUndefined();
  expect(stream.status).toBe('14 etcdserver: server stopped');
});
