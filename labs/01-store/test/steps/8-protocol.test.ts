// Step 8, speaking etcd's protocol: bytes, one call, a watch stream, and then the real etcdctl.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:http2';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { lesson } from '@kube-labs/docs/lesson';
import { expect, vi } from 'vitest';
import type { ServerCall } from '#src/grpc/call.ts';
import { FRAME_HEADER_BYTES, MessageReader, sealFrame } from '#src/grpc/framing.ts';
import { putRequestOf } from '#src/grpc/kv-service.ts';
import { StoreError } from '#src/kv.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { bytes, text } from '../support/store-helpers.ts';
import {
  callWith,
  frameOf,
  openCall,
  openWire,
  serverCallOf,
  WatchClient,
  type WatchResponse,
} from './support/wire.ts';

/** put a=one, by hand: on a real etcd, or on ours. */
const CURL =
  "printf '\\0\\0\\0\\0\\10\\n\\1a\\22\\3one' | curl -sv --http2-prior-knowledge -H 'content-type: application/grpc' " +
  "-H 'te: trailers' --data-binary @- -o /tmp/answer http://127.0.0.1:2379/etcdserverpb.KV/Put; xxd /tmp/answer";

/** PutRequest { key: "a", value: "one" } with its header, and { revision: 2 } as the whole answer. */
const PUT_A_ONE = Buffer.from('00000000080a016112036f6e65', 'hex');
const PUT_ANSWER = Buffer.from('00000000040a021802', 'hex');

const EVERYTHING = { key: bytes('\0'), rangeEnd: bytes('\0') };

const frame = (message: Buffer): Buffer => {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
};

const errorOf = (work: () => unknown): { code: string; message: string } => {
  try {
    work();
    return { code: 'no error', message: '' };
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return { code, message };
  }
};

lesson(
  'A frame is a flag, the length of the message, and the message',
  {
    invariant: 1,
    byHand: CURL,
    symbols: ['src/grpc/framing.ts#sealFrame'],
  },
  ({ event }) => {
    event('sealFrame() of a message of 8 bytes behind room for 5');
    const sealed = sealFrame(Buffer.concat([Buffer.alloc(5, 0xff), PUT_A_ONE.subarray(5)]));
    expect(sealed.toString('hex')).toBe(PUT_A_ONE.toString('hex'));
    event('sealFrame() of a message of 70,000 bytes, and of an empty one');
    const headerOf = (length: number) => {
      const sealedHeader = sealFrame(Buffer.alloc(5 + length, 0xff)).subarray(0, 5);
      return sealedHeader.toString('hex');
    };
    expect([headerOf(70_000), headerOf(0)]).toEqual(['0000011170', '0000000000']);
  },
);

lesson(
  'The network cuts the stream where it likes: the messages are the same for every cut',
  {
    invariant: 1,
    byHand: CURL,
    symbols: [
      'src/grpc/framing.ts#MessageReader.push',
      'src/grpc/framing.ts#MessageReader.#frameBytesAt',
    ],
  },
  ({ event, figure }) => {
    const messages = [
      Buffer.from('one'),
      Buffer.alloc(0),
      Buffer.alloc(300, 'x'),
      Buffer.from('4'),
    ];
    const stream = Buffer.concat(messages.map(frame));
    // What is long is told by its length.
    const brief = (message: Buffer) =>
      message.length > 20 ? `${message.length} bytes` : text(message);
    const want = messages.map(brief);
    for (let cut = 1; cut < stream.length; cut++) {
      event(`two chunks, of ${cut} and ${stream.length - cut} bytes`);
      const reader = new MessageReader(1000);
      const got = [...reader.push(stream.subarray(0, cut)), ...reader.push(stream.subarray(cut))];
      expect({ cut, messages: got.map(brief) }).toEqual({ cut, messages: want });
    }
    event('a chunk for every byte');
    const reader = new MessageReader(1000);
    const got = [...stream].flatMap((byte) => [...reader.push(Buffer.from([byte]))]);
    expect(got.map(brief)).toEqual(want);
    event('all of it in one chunk, and then again, with the same reader');
    expect([...reader.push(stream), ...reader.push(stream)].map(brief)).toEqual([...want, ...want]);
    figure('cuts', stream.length - 1);
  },
);

lesson(
  'A message comes out as soon as its last byte is there; only between messages may a stream end',
  {
    invariant: 1,
    byHand: CURL,
    symbols: ['src/grpc/framing.ts#MessageReader.push'],
  },
  ({ event }) => {
    const reader = new MessageReader(1000);
    const counts: number[] = [];
    const between: boolean[] = [reader.isBetweenMessages];
    for (const byte of Buffer.concat([frame(Buffer.from('ab')), frame(Buffer.from('c'))])) {
      event(`push() of one byte, ${byte}`);
      counts.push(reader.push(Buffer.from([byte])).length);
      between.push(reader.isBetweenMessages);
    }
    const atEnd = [6, 12];
    expect({ counts }).toEqual({ counts: counts.map((_, i) => (atEnd.includes(i) ? 1 : 0)) });
    expect({ between }).toEqual({ between: between.map((_, i) => [0, 7, 13].includes(i)) });
  },
);

lesson(
  'A message of a megabyte that comes in sixty chunks is not copied sixty times',
  {
    invariant: 1,
    byHand: 'head -c 900000 /dev/zero | tr "\\0" x | etcdctl put big',
    symbols: ['src/grpc/framing.ts#MessageReader.push'],
  },
  ({ event, figure }) => {
    const stream = frame(Buffer.alloc(1_000_000, 'x'));
    const reader = new MessageReader(1_000_000);
    const concat = vi.spyOn(Buffer, 'concat');
    try {
      event('a message of 1,000,000 bytes, in chunks of 16 KiB');
      let got = 0;
      for (let at = 0; at < stream.length; at += 16_384) {
        got += reader.push(stream.subarray(at, at + 16_384)).length;
      }
      expect({ messages: got }).toEqual({ messages: 1 });
      const copied = concat.mock.results.reduce((sum, { value }) => sum + value.length, 0);
      figure('bytes copied', copied);
      expect({ 'bytes copied, at most': Math.max(2_100_000, copied) }).toEqual({
        'bytes copied, at most': 2_100_000,
      });
    } finally {
      concat.mockRestore();
    }
  },
);

lesson(
  'A message that is too long is refused when its header is there, not when it has filled the memory',
  {
    invariant: 2,
    byHand: 'head -c 3000000 /dev/zero | etcdctl put big',
    symbols: ['src/grpc/framing.ts#MessageReader.#frameBytesAt'],
  },
  ({ event }) => {
    event('a header that announces 1,001 bytes, where 1,000 is the most');
    const tooLong = Buffer.from('00000003e9', 'hex');
    expect(errorOf(() => new MessageReader(1000).push(tooLong))).toEqual({
      code: 'RESOURCE_EXHAUSTED',
      message: 'grpc: received message larger than max (1001 vs. 1000)',
    });
    event('a message of exactly 1,000 bytes, then the header of one of 1,001');
    const reader = new MessageReader(1000);
    expect(reader.push(frame(Buffer.alloc(1000)))).toHaveLength(1);
    expect(errorOf(() => reader.push(tooLong)).code).toBe('RESOURCE_EXHAUSTED');
    event('a header whose flag says "compressed", and one that says 7');
    const flagged = (flag: number) => Buffer.from([flag, 0, 0, 0, 1, 0]);
    expect(
      [1, 7].map((flag) => errorOf(() => new MessageReader(1000).push(flagged(flag))).code),
    ).toEqual(['INTERNAL', 'INTERNAL']);
  },
);

lesson(
  'A put keeps all bytes of a key, all 63 bits of a lease, and a copy of the value',
  {
    invariant: 5,
    byHand: 'printf "\\377" | xargs -0 -I{} etcdctl put {} x; etcdctl get "" --prefix -w json',
    symbols: ['src/grpc/kv-service.ts#putRequestOf'],
  },
  ({ event }) => {
    const chunk = Buffer.from([0x00, 0x61, 0xff, 0x6f, 0x6e, 0x65]);
    event('a message whose key and value are views of a chunk: key 00 61 ff, value "one"');
    const request = putRequestOf({
      key: chunk.subarray(0, 3),
      value: chunk.subarray(3),
      // 2^53 + 1, which a number of JavaScript cannot be.
      lease: { toNumber: () => 2 ** 53, toString: () => '9007199254740993' },
      prevKv: true,
      ignoreValue: false,
      ignoreLease: false,
    });
    event('the network uses the chunk again');
    chunk.fill(0);
    expect({ ...request, value: text(request.value) }).toEqual({
      key: '\0a\xff',
      value: 'one',
      lease: '9007199254740993',
      prevKv: true,
      ignoreValue: false,
      ignoreLease: false,
    });
  },
);

lesson(
  'One call: header fields, the frame of the answer, and the status in the trailers',
  {
    invariant: 4,
    byHand: CURL,
    symbols: ['src/grpc/framing.ts#MessageReader.push', 'src/grpc/framing.ts#sealFrame'],
  },
  async ({ event, signal }) => {
    await using wire = await openWire();
    event('POST /etcdserverpb.KV/Put with the frame of put a=one');
    const answer = await callWith(wire, { path: 'KV/Put', chunks: [PUT_A_ONE], signal });
    expect({ ...answer, body: answer.body.toString('hex') }).toEqual({
      http: 200,
      contentType: 'application/grpc',
      status: '0',
      message: '',
      body: PUT_ANSWER.toString('hex'),
    });
    expect(wire.observed).toEqual([
      'Put started',
      'Put received 8 bytes',
      'Put sent 9 bytes',
      'Put handled: OK',
    ]);
    event('the same again, in 13 chunks');
    const chunks = [...PUT_A_ONE].map((byte) => Buffer.from([byte]));
    const again = await callWith(wire, { path: 'KV/Put', chunks, signal });
    expect(again.body.toString('hex')).toBe(`${PUT_ANSWER.toString('hex').slice(0, -2)}03`);
    expect(await wire.store.range({ key: 'a' })).toMatchObject({ revision: 3, count: 1 });
  },
);

lesson(
  'An error is an HTTP 200 too: its code and its text are in grpc-status and grpc-message',
  {
    invariant: 3,
    byHand: 'etcdctl put "" x; etcdctl get a --rev 99',
    symbols: ['src/grpc/call.ts#ServerCall.finish'],
  },
  async ({ event, signal }) => {
    await using wire = await openWire();
    await wire.store.put({ key: 'a', value: bytes('one') });
    for (const { about, path, request, status, message } of [
      {
        about: 'put without a key',
        path: 'KV/Put',
        request: frameOf('PutRequest', {}),
        status: '3',
        message: 'etcdserver: key is not provided',
      },
      {
        about: 'get a at revision 99',
        path: 'KV/Range',
        request: frameOf('RangeRequest', { key: bytes('a'), revision: 99 }),
        status: '11',
        message: 'etcdserver: mvcc: required revision is a future revision',
      },
      {
        about: 'put with a lease that is not there',
        path: 'KV/Put',
        request: frameOf('PutRequest', { key: bytes('a'), value: bytes(''), lease: 7 }),
        status: '5',
        message: 'etcdserver: requested lease not found',
      },
    ]) {
      event(about);
      const answer = await callWith(wire, { path, chunks: [request], signal });
      expect({ about, ...answer, body: answer.body.toString('hex') }).toEqual({
        about,
        http: 200,
        contentType: 'application/grpc',
        status,
        message,
        body: '',
      });
    }
    expect(wire.observed.filter((line) => line.includes('handled'))).toEqual([
      'Put handled: INVALID_ARGUMENT',
      'Range handled: OUT_OF_RANGE',
      'Put handled: NOT_FOUND',
    ]);
  },
);

lesson(
  'A stream that fails says so behind all that was sent, when HTTP has long said 200',
  {
    invariant: 3,
    byHand: 'etcdctl watch a; kill the server meanwhile',
    symbols: ['src/grpc/call.ts#ServerCall.finish'],
  },
  async ({ event, signal }) => {
    await using wire = await openWire({
      services: {
        'etcdserverpb.Lease': {
          LeaseKeepAlive: async (_: AsyncIterable<never>, call: ServerCall) => {
            for (const TTL of [1, 2, 3]) await call.send({ TTL });
            throw new StoreError('unavailable', 'the store is closed');
          },
        },
      },
    });
    event('a stream on which the server sends three messages, and then its store is closed');
    const answer = await callWith(wire, { path: 'Lease/LeaseKeepAlive', chunks: [], signal });
    const three = [1, 2, 3].map((TTL) => frameOf('LeaseKeepAliveResponse', { TTL }));
    expect({ ...answer, body: answer.body.toString('hex') }).toEqual({
      http: 200,
      contentType: 'application/grpc',
      status: '14',
      message: 'the store is closed',
      body: Buffer.concat(three).toString('hex'),
    });
  },
);

lesson(
  'A call that is over is closed, even if its client never ends its own half',
  {
    invariant: 4,
    byHand: 'head -c 3000000 /dev/zero | etcdctl put big',
    symbols: ['src/grpc/call.ts#ServerCall.finish'],
  },
  async ({ event }) => {
    await using wire = await openWire();
    event('a put that announces 2,000,000 bytes, too many, and then says nothing more');
    const stream = openCall(wire, 'KV/Put');
    stream.on('error', () => undefined);
    stream.resume();
    stream.write(Buffer.from('00001e8480', 'hex'));
    const seen = () => ({ handled: wire.observed.at(-1), 'stream is closed': stream.closed });
    await eventually(
      () =>
        expect(seen()).toEqual({
          handled: 'Put handled: RESOURCE_EXHAUSTED',
          'stream is closed': true,
        }),
      4000,
    );
  },
);

lesson(
  'A client that has gone gets no answer, and hurts nobody; each call ends exactly once',
  {
    invariant: 4,
    byHand: 'etcdctl --command-timeout=1ms get --prefix ""',
    symbols: ['src/grpc/call.ts#ServerCall.reply', 'src/grpc/call.ts#ServerCall.finish'],
  },
  async ({ event, signal }) => {
    let answer = () => {};
    let refuse = (_: Error) => {};
    await using wire = await openWire({
      services: {
        'etcdserverpb.Lease': {
          LeaseGrant: () =>
            new Promise<object>((resolve, reject) => {
              answer = () => resolve({ TTL: 1 });
              refuse = reject;
            }),
        },
      },
    });
    for (const settle of [() => answer(), () => refuse(new Error('too late'))]) {
      wire.observed.length = 0;
      event('a call whose client resets it before the answer');
      const stream = openCall(wire, 'Lease/LeaseGrant');
      stream.on('error', () => undefined);
      stream.end(frameOf('LeaseGrantRequest', { TTL: 1 }));
      await eventually(() => expect(wire.observed).toContain('LeaseGrant received 2 bytes'), 4000);
      stream.close(constants.NGHTTP2_CANCEL);
      await eventually(
        () => expect(wire.observed).toContain('LeaseGrant handled: CANCELLED'),
        4000,
      );
      event('and only now the answer, or the error, is there');
      settle();
      await nextTurn();
      expect(wire.observed.filter((line) => line.includes('handled'))).toEqual([
        'LeaseGrant handled: CANCELLED',
      ]);
    }
    for (const { about, end } of [
      { about: 'reply()', end: (call: ServerCall) => call.reply({ header: { revision: 2 } }) },
      { about: 'finish()', end: (call: ServerCall) => call.finish() },
    ]) {
      event(`${about} when the stream is destroyed, and nobody has heard 'close' yet`);
      await using gone = await serverCallOf('KV/Put');
      gone.stream.destroy();
      end(gone.call);
      expect({ about, observed: gone.observed }).toEqual({
        about,
        observed: ['Put started', 'Put handled: CANCELLED'],
      });
    }
    event('the connection works on');
    const { status } = await callWith(wire, { path: 'KV/Put', chunks: [PUT_A_ONE], signal });
    expect({ status }).toEqual({ status: '0' });
  },
);

lesson(
  'On a watch stream each watch has an id; its events come in order, a response for each revision',
  {
    invariant: 6,
    byHand: 'etcdctl watch --prefix "" --rev 2',
    symbols: ['src/grpc/watch-stream.ts#WatchStream.#deliver'],
  },
  async ({ event, signal }) => {
    await using wire = await openWire();
    const { store } = wire;
    await store.put({ key: 'a', value: bytes('one') }); // 2
    await store.put({ key: 'b', value: bytes('x') }); // 3
    const client = new WatchClient(wire, signal);
    event('create a watch of a from revision 2');
    client.ask({ createRequest: { key: bytes('a'), startRevision: 2 } });
    expect(await client.next()).toMatchObject({ watchId: 0, created: true });
    expect(lineOf(await client.next())).toBe('watch 0 at 2: PUT a=one');
    event('create a second watch on the same stream: everything, from now');
    client.ask({ createRequest: { key: bytes('\0'), rangeEnd: bytes('\0'), prevKv: true } });
    expect(await client.next()).toMatchObject({ watchId: 1, created: true });
    event('put b; then put c and delete a in one transaction');
    await store.put({ key: 'b', value: bytes('y') }); // 4
    expect(lineOf(await client.next())).toBe('watch 1 at 4: PUT b=y (was x)');
    await store.txn({
      compare: [],
      success: [
        { kind: 'put', key: 'c', value: bytes('z') },
        { kind: 'delete', key: 'a' },
      ],
      failure: [],
    }); // 5
    const both = [lineOf(await client.next()), lineOf(await client.next())].sort();
    expect(both).toEqual(['watch 0 at 5: DELETE a', 'watch 1 at 5: PUT c=z, DELETE a (was one)']);
    expect({ 'events counted': wire.counts.events }).toEqual({ 'events counted': 5 });
    client.close();
    await wire.watchesReturned(2);
  },
);

lesson(
  'A client that does not read makes the store wait: what it does not take is not sent',
  {
    invariant: 6,
    byHand: 'etcdctl watch --prefix "" | sleep 60; etcdctl check perf meanwhile',
    symbols: ['src/grpc/watch-stream.ts#WatchStream.#deliver'],
  },
  async ({ event, figure, signal }) => {
    await using wire = await openWire();
    const client = new WatchClient(wire, signal);
    client.ask({ createRequest: EVERYTHING });
    expect(await client.next()).toMatchObject({ watchId: 0, created: true });
    event('the client reads nothing; 40 puts of 20,000 bytes each');
    client.pause();
    const before = wire.observed.length;
    const revisions: number[] = [];
    for (let i = 0; i < 40; i++) {
      const { revision } = await wire.store.put({ key: `${i}`, value: Buffer.alloc(20_000) });
      revisions.push(revision);
    }
    // More than enough for somebody who waits for nothing: he needs no network for that.
    for (let i = 0; i < 20; i++) await nextTurn();
    const sent = wire.observed.slice(before).filter((line) => line.startsWith('Watch sent')).length;
    figure('sent meanwhile', sent);
    // The windows of HTTP/2 and the buffers of both sides take some of them.
    expect({ 'at most 20': sent <= 20, sent }).toMatchObject({ 'at most 20': true });
    event('the client reads again: all of it comes, in order');
    client.resume();
    const got: unknown[] = [];
    while (got.length < 40) got.push(revisionOf(await client.next()));
    expect(got).toEqual(revisions);
    client.close();
  },
);

lesson(
  'A large revision comes in several responses if the client allows it; when it cancels, the rest stays here',
  {
    invariant: 6,
    byHand: 'etcdctl watch -i',
    symbols: [
      'src/grpc/watch-stream.ts#WatchStream.#deliver',
      'src/grpc/watch-stream.ts#WatchStream.#cancel',
    ],
  },
  async ({ event, signal }) => {
    await using wire = await openWire({ responseBytesMax: 10_000 });
    const putMany = (count: number) =>
      wire.store.txn({
        compare: [],
        success: Array.from({ length: count }, (_, i) => ({
          kind: 'put',
          key: `key ${i}`,
          value: Buffer.alloc(6_000),
        })),
        failure: [],
      });
    const client = new WatchClient(wire, signal);
    event(
      'a watch that allows fragments, and three puts of 6,000 bytes; a response may have 10,000',
    );
    client.ask({ createRequest: { ...EVERYTHING, fragment: true } });
    expect(await client.next()).toMatchObject({ watchId: 0, created: true });
    await putMany(3);
    const shapes = (await client.until(({ fragment = false }) => !fragment)).map(shapeOf);
    expect(shapes).toEqual(['1 event, more follow', '1 event, more follow', '1 event']);
    event('100 puts; the client reads nothing, and cancels');
    client.pause();
    await putMany(100);
    client.ask({ cancelRequest: { watchId: 0 } });
    await eventually(
      () => expect({ 'watches stopped': wire.stopped }).toEqual({ 'watches stopped': 1 }),
      4000,
    );
    event('it reads again, until the store has heard that the watch is over');
    client.resume();
    const upToCanceled = await client.until(({ canceled }) => canceled === true);
    expect({ 'some fragments never came': upToCanceled.length < 90 }).toEqual({
      'some fragments never came': true,
    });
    await wire.watchesReturned(1);
    client.ask({ progressRequest: {} });
    const after = await client.until(({ watchId }) => watchId === -1);
    expect({ 'responses after canceled': after.length - 1 }).toEqual({
      'responses after canceled': 0,
    });
    event('the same of a watch that does not allow fragments: one response');
    client.ask({ createRequest: EVERYTHING });
    expect(await client.next()).toMatchObject({ created: true });
    await putMany(3);
    expect([await client.next()].map(shapeOf)).toEqual(['3 events']);
    client.close();
  },
);

lesson(
  'A cancelled watch is told so, and hears nothing after it; the others on the stream go on',
  {
    invariant: 6,
    byHand: 'etcdctl watch -i',
    symbols: ['src/grpc/watch-stream.ts#WatchStream.#cancel'],
  },
  async ({ event, signal }) => {
    await using wire = await openWire();
    const client = new WatchClient(wire, signal);
    event('create watches 0 and 1 of everything');
    for (const watchId of [0, 1]) {
      client.ask({ createRequest: EVERYTHING });
      expect(await client.next()).toMatchObject({ watchId, created: true });
    }
    event('cancel watch 0');
    client.ask({ cancelRequest: { watchId: 0 } });
    expect(await client.next()).toMatchObject({ watchId: 0, canceled: true });
    event('cancel watch 77, which is not there; then put a and put b');
    client.ask({ cancelRequest: { watchId: 77 } });
    await wire.store.put({ key: 'a', value: bytes('one') });
    await wire.store.put({ key: 'b', value: bytes('two') });
    const lines = [lineOf(await client.next()), lineOf(await client.next())];
    expect(lines).toEqual(['watch 1 at 2: PUT a=one', 'watch 1 at 3: PUT b=two']);
    event('cancel watch 1; while the store is asked for its revision, somebody puts c');
    const status = wire.store.status.bind(wire.store);
    wire.store.status = async () => {
      await wire.store.put({ key: 'c', value: bytes('three') });
      await nextTurn();
      return status();
    };
    client.ask({ cancelRequest: { watchId: 1 } });
    const upToCanceled = await client.until(({ canceled }) => canceled === true);
    expect(upToCanceled.map(lineOf)).toEqual(['watch 1 at 4: ']);
    client.close();
  },
);

lesson(
  'A watch that cannot go on ends alone; and one answer says how far all watches of the stream are',
  {
    invariant: 6,
    byHand: 'etcdctl compaction 4; etcdctl watch a --rev 2',
    symbols: ['src/grpc/watch-stream.ts#WatchStream.#deliver'],
  },
  async ({ event, signal }) => {
    const clock = new FakeClock();
    await using wire = await openWire({ clock });
    const { store } = wire;
    for (const value of ['one', 'two', 'three']) await store.put({ key: 'a', value: bytes(value) });
    await store.compact(3);
    const client = new WatchClient(wire, signal);
    event('create watch 0 of a, from now');
    client.ask({ createRequest: { key: bytes('a'), progressNotify: true } });
    expect(await client.next()).toMatchObject({ watchId: 0, created: true });
    event('create watch 1 of a from revision 2, which is compacted');
    client.ask({ createRequest: { key: bytes('a'), startRevision: 2 } });
    expect(await client.next()).toMatchObject({ watchId: 1, created: true });
    expect(await client.next()).toMatchObject({ watchId: 1, canceled: true, compactRevision: 3 });
    event('put a');
    await store.put({ key: 'a', value: bytes('four') });
    expect(lineOf(await client.next())).toBe('watch 0 at 5: PUT a=four');
    event('ask for progress');
    client.ask({ progressRequest: {} });
    const progress = await client.next();
    expect({ watchId: progress.watchId, line: lineOf(progress) }).toEqual({
      watchId: -1,
      line: 'watch -1 at 5: ',
    });
    event('watch 0 wants to hear now and then how far it is; ten minutes pass');
    await clock.advance(10 * 60 * 1000);
    expect(lineOf(await client.next())).toBe('watch 0 at 5: ');
    client.close();
  },
);

lesson(
  'The real etcdctl puts, gets, watches and hears errors, and does not notice that it is not etcd',
  {
    invariant: 3,
    byHand: 'etcdctl put a one; etcdctl get a; etcdctl get a --rev 99',
    symbols: ['src/grpc/call.ts#ServerCall.reply', 'src/grpc/call.ts#ServerCall.finish'],
    needs: ['etcdctl'],
    timeoutMs: 15_000,
  },
  async ({ event, figure, signal }) => {
    await using wire = await openWire();
    const etcdctl = (...args: string[]) => run(wire.endpoint, args, signal);
    event('etcdctl put a one');
    expect(await etcdctl('put', 'a', 'one')).toBe('OK\n');
    event('etcdctl put a two --prev-kv');
    expect(await etcdctl('put', 'a', 'two', '--prev-kv')).toBe('OK\na\none\n');
    event('etcdctl get a');
    expect(await etcdctl('get', 'a')).toBe('a\ntwo\n');
    event('etcdctl watch a --rev 2, until it said everything');
    const watching = spawnEtcdctl(wire.endpoint, ['watch', 'a', '--rev', '2'], signal);
    let said = '';
    for await (const chunk of watching.stdout) {
      said += chunk;
      if (said.split('\n').length > 6) break;
    }
    watching.kill();
    expect(said).toBe('PUT\na\none\nPUT\na\ntwo\n');
    event('etcdctl get a --rev 99');
    const failure = await etcdctl('get', 'a', '--rev', '99');
    expect(failure.trim().split('\n').at(-1)).toBe(
      'Error: etcdserver: mvcc: required revision is a future revision',
    );
    figure('commands', 5);
  },
);

const revisionOf = ({ header }: WatchResponse): number | undefined => header?.revision;

function shapeOf({ events = [], fragment = false }: WatchResponse): string {
  const count = events.length === 1 ? '1 event' : `${events.length} events`;
  return fragment ? `${count}, more follow` : count;
}

/** watch 1 at 4: PUT b=y (was x) */
function lineOf({ watchId = 0, header, events = [] }: WatchResponse): string {
  const plain = (base64 = '') => Buffer.from(base64, 'base64').toString();
  const lines = events.map(({ type = 'put', kv, prevKv }) => {
    const key = plain(kv?.key);
    const now = /^put$/i.test(type) ? `PUT ${key}=${plain(kv?.value)}` : `DELETE ${key}`;
    return prevKv === undefined ? now : `${now} (was ${plain(prevKv.value)})`;
  });
  return `watch ${watchId} at ${header?.revision}: ${lines.join(', ')}`;
}

function spawnEtcdctl(endpoint: string, args: readonly string[], signal: AbortSignal) {
  const patience = ['--dial-timeout=60s', '--command-timeout=60s'];
  const child = spawn('etcdctl', ['--endpoints', endpoint, ...patience, ...args], {
    env: { ...process.env, ETCDCTL_API: '3' },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  child.stdout.setEncoding('utf8');
  child.stderr.setEncoding('utf8');
  return child;
}

/** What it said, on both of its outputs. */
async function run(
  endpoint: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const child = spawnEtcdctl(endpoint, args, signal);
  let said = '';
  for (const output of [child.stdout, child.stderr]) output.on('data', (chunk) => (said += chunk));
  await once(child, 'close');
  return said;
}
