// What a client can do wrong on the wire, and the exact answer; etcd's own is the same wherever it gives one.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Etcd, startEtcd } from './support/etcd.ts';
import { openSession, type RawCall, rawCall } from './support/raw-grpc.ts';
import { type Served, serve } from './support/serve.ts';
import { decodeFrames, encode, frame, frameOf } from './support/wire-messages.ts';

const PUT = '/etcdserverpb.KV/Put';
const RANGE = '/etcdserverpb.KV/Range';
const TXN = '/etcdserverpb.KV/Txn';
const WATCH = '/etcdserverpb.Watch/Watch';
const KEEP_ALIVE = '/etcdserverpb.Lease/LeaseKeepAlive';

const key = Buffer.from('k');
const good = frameOf('PutRequest', { key, value: Buffer.from('v') });
const compressed = Buffer.concat([Buffer.from([1]), good.subarray(1)]);
const nonsense = frame(Buffer.from([0xff, 0xff, 0xff]));
const tooLarge = 'grpc: received message larger than max';

interface Case {
  readonly name: string;
  readonly path: string;
  readonly call: RawCall;
  /** The status, and how its text begins. */
  readonly want: readonly [status: string, message: string];
}

/** On both, the same answer. */
const cases: readonly Case[] = [
  { name: 'no message at all', path: PUT, call: { body: [] }, want: ['2', 'EOF'] },
  {
    name: 'a header cut in the middle',
    path: PUT,
    call: { body: good.subarray(0, 2) },
    want: ['2', 'unexpected EOF'],
  },
  {
    name: 'a message cut in the middle',
    path: PUT,
    call: { body: good.subarray(0, 8) },
    want: ['2', 'unexpected EOF'],
  },
  {
    name: 'a compressed message without an encoding',
    path: PUT,
    call: { body: compressed },
    want: ['13', 'grpc: compressed flag set with identity or empty encoding'],
  },
  {
    name: 'a compressed message with one',
    path: PUT,
    call: { body: compressed, headers: { 'grpc-encoding': 'gzip' } },
    want: ['12', 'grpc: Decompressor is not installed for grpc-encoding "gzip"'],
  },
  {
    name: 'another protocol, whose letters make a length',
    path: PUT,
    call: { body: Buffer.from('GET / HTTP/1.1\r\n\r\n') },
    want: ['8', `${tooLarge} (1163141167 vs. 2097152)`],
  },
  {
    name: 'a length that is too large, before the message is there',
    path: PUT,
    call: { body: Buffer.from([0, 0xff, 0xff, 0xff, 0xff]), isEnded: false },
    want: ['8', `${tooLarge} (4294967295 vs. 2097152)`],
  },
  {
    name: 'a message that is no message',
    path: PUT,
    call: { body: nonsense },
    want: ['13', 'grpc: error unmarshalling request: '],
  },
  {
    name: 'a field that is longer than its message',
    path: PUT,
    call: { body: frame(Buffer.from([0x0a, 0x10, 0x61])) },
    want: ['13', 'grpc: error unmarshalling request: '],
  },
  {
    name: 'an empty message',
    path: PUT,
    call: { body: frame(Buffer.alloc(0)) },
    want: ['3', 'etcdserver: key is not provided'],
  },
  {
    name: 'a field from the future, which is passed over',
    path: PUT,
    call: {
      body: frame(Buffer.concat([encode('PutRequest', { key }), Buffer.from([0xf8, 0x3f, 1])])),
    },
    want: ['0', ''],
  },
  {
    name: 'a second message where there is one, which is passed over',
    path: PUT,
    call: { body: [good, good] },
    want: ['0', ''],
  },
  {
    name: 'a half that is never ended',
    path: PUT,
    call: { body: good, isEnded: false },
    want: ['0', ''],
  },
  {
    name: 'a key that is not UTF-8',
    path: PUT,
    call: { body: frameOf('PutRequest', { key: Buffer.from([0xff, 0xfe, 0]) }) },
    want: ['0', ''],
  },
  {
    name: 'a user name that is not UTF-8',
    path: '/etcdserverpb.Auth/UserAdd',
    call: { body: frame(Buffer.from([0x0a, 2, 0xff, 0xfe])) },
    want: ['0', ''],
  },
  {
    name: 'a method that is not there',
    path: '/etcdserverpb.KV/Nope',
    call: { body: good },
    want: ['12', 'unknown method Nope for service etcdserverpb.KV'],
  },
  {
    name: 'a service that is not there',
    path: '/nope.KV/Put',
    call: { body: good },
    want: ['12', 'unknown service nope.KV'],
  },
  {
    name: 'a request that is too large for the store, not for the transport',
    path: PUT,
    call: { body: frameOf('PutRequest', { key, value: Buffer.alloc(1_600_000) }) },
    want: ['3', 'etcdserver: request is too large'],
  },
  {
    name: 'a request that is too large for the transport',
    path: PUT,
    call: { body: frameOf('PutRequest', { key, value: Buffer.alloc(2_200_000) }) },
    want: ['8', `${tooLarge} (2200008 vs. 2097152)`],
  },
  {
    name: 'an operation of no kind',
    path: TXN,
    call: { body: frameOf('TxnRequest', { success: [{}] }) },
    want: ['3', 'etcdserver: key not found'],
  },
  {
    name: 'a negative limit, which is none',
    path: RANGE,
    call: { body: frameOf('RangeRequest', { key, limit: -1 }) },
    want: ['0', ''],
  },
  {
    name: 'a negative revision, which is now',
    path: RANGE,
    call: { body: frameOf('RangeRequest', { key, revision: -1 }) },
    want: ['0', ''],
  },
  {
    name: 'a lease id of 63 bits that is not there',
    path: PUT,
    call: { body: frameOf('PutRequest', { key, lease: '9223372036854775807' }) },
    want: ['5', 'etcdserver: requested lease not found'],
  },
  {
    name: 'a stream of nonsense',
    path: KEEP_ALIVE,
    call: { body: nonsense },
    want: ['13', 'grpc: failed to unmarshal the received message '],
  },
  {
    name: 'a stream cut in the middle of a message',
    path: KEEP_ALIVE,
    call: { body: Buffer.from([0, 0]) },
    want: ['13', 'unexpected EOF'],
  },
];

let ours: Served;
let etcd: Etcd;

beforeAll(async () => {
  [ours, etcd] = await Promise.all([serve(), startEtcd()]);
});

afterAll(async () => {
  await ours?.[Symbol.asyncDispose]();
  await etcd?.[Symbol.asyncDispose]();
});

describe.each(['ours', 'etcd'])('%s answers', (side) => {
  test.each(cases)('$name', async ({ path, call, want: [status, message] }) => {
    using session = await openSession(side === 'ours' ? ours.url : etcd.endpoint);
    const answer = await rawCall(session, path, call);
    expect([answer.http, answer.status]).toEqual([200, status]);
    expect(answer.message?.slice(0, message.length)).toBe(message);
    // The connection is as good as before.
    expect((await rawCall(session, PUT, { body: good })).status).toBe('0');
  });
});

/** Where etcd has no answer (it crashes, or says nothing) or one of its own, ours alone. */
const ownCases: readonly (Case & { readonly http?: number })[] = [
  {
    name: 'not a POST',
    path: PUT,
    call: { headers: { ':method': 'PUT' } },
    http: 405,
    want: ['', ''],
  },
  {
    name: 'a body of another type',
    path: PUT,
    call: { headers: { 'content-type': 'application/json' } },
    http: 415,
    want: ['', ''],
  },
  {
    name: 'a path that names no method',
    path: '/nope',
    call: {},
    want: ['12', 'malformed method name: "/nope"'],
  },
  {
    name: 'a path of the kind that names files',
    path: '/../../etc/passwd',
    call: {},
    want: ['12', 'unknown service ..'],
  },
  {
    name: 'the name of something that every object has',
    path: '/etcdserverpb.KV/constructor',
    call: {},
    want: ['12', 'unknown method constructor for service etcdserverpb.KV'],
  },
  {
    name: 'a time that is no time',
    path: PUT,
    call: { headers: { 'grpc-timeout': 'soon' } },
    want: ['13', 'malformed grpc-timeout: "soon"'],
  },
  {
    name: 'an order by nothing known',
    path: RANGE,
    call: { body: frameOf('RangeRequest', { key, sortTarget: 9 }) },
    want: ['3', 'etcdserver: unknown sort target 9'],
  },
  {
    name: 'a comparison of no kind',
    path: TXN,
    call: { body: frameOf('TxnRequest', { compare: [{ key, result: 9 }] }) },
    want: ['3', 'etcdserver: unknown comparison 9'],
  },
  {
    name: 'a comparison of nothing known',
    path: TXN,
    call: { body: frameOf('TxnRequest', { compare: [{ key, target: 9 }] }) },
    want: ['3', 'etcdserver: unknown compare target 9'],
  },
  {
    name: 'a watch whose time is over',
    path: WATCH,
    call: {
      headers: { 'grpc-timeout': '100m' },
      body: frameOf('WatchRequest', { createRequest: { key } }),
      isEnded: false,
    },
    want: ['4', 'context deadline exceeded'],
  },
  {
    name: 'a watch request of no kind, which is passed over',
    path: WATCH,
    call: { body: frameOf('WatchRequest', {}) },
    want: ['0', ''],
  },
  {
    name: 'an alarm raised by hand',
    path: '/etcdserverpb.Maintenance/Alarm',
    call: { body: frameOf('AlarmRequest', { action: 1, alarm: 1 }) },
    want: ['12', 'etcdserver: raising an alarm by hand is not supported'],
  },
  {
    name: 'a leader that is somebody else',
    path: '/etcdserverpb.Maintenance/MoveLeader',
    call: { body: frameOf('MoveLeaderRequest', { targetID: 7 }) },
    want: ['9', 'etcdserver: bad leader transferee'],
  },
  {
    name: 'a member that would join',
    path: '/etcdserverpb.Cluster/MemberAdd',
    call: {},
    want: ['12', 'etcdserver: this store is a cluster of one member'],
  },
];

describe('ours alone answers', () => {
  test.each(ownCases)('$name', async ({ path, call, http = 200, want: [status, message] }) => {
    using session = await openSession(ours.url);
    const answer = await rawCall(session, path, call);
    expect([answer.http, answer.status ?? '']).toEqual([http, status]);
    expect((answer.message ?? '').slice(0, message.length)).toBe(message);
    expect((await rawCall(session, PUT, { body: good })).status).toBe('0');
  });
});

describe('a connection', () => {
  /** What comes back until the server closes. */
  async function say(bytes: Buffer | string): Promise<string> {
    const socket = connectTcp(Number(new URL(ours.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.write(bytes);
    // However it ends: what a server did not read before it closes becomes an error here.
    await new Promise((resolve) => socket.once('close', resolve));
    return answer;
  }

  test('of noise gets an HTTP answer and its end', async () => {
    expect(await say('\x16\x03\x01 hello, is this TLS?\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('of HTTP/2 that turns into noise is closed', async () => {
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
    const noise = createHash('sha512').update('noise').digest();
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    const answer = await say(Buffer.concat([Buffer.from(preface), settings, noise, noise, noise]));
    // GOAWAY, or nothing at all: in any case it ended.
    expect(answer.length).toBeLessThan(200);
  });

  test('that vanishes in the middle of a request costs nothing', async () => {
    const socket = connectTcp(Number(new URL(ours.url).port), '127.0.0.1');
    socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n');
    await once(socket, 'connect');
    socket.resetAndDestroy();
    using session = await openSession(ours.url);
    expect((await rawCall(session, PUT, { body: good })).status).toBe('0');
  });

  test('that names the server by a URL gets in, as a client of etcd 3.4 does for one endpoint', async () => {
    using session = await openSession(ours.url);
    const headers = { ':authority': ours.url };
    const { status, body } = await rawCall(session, RANGE, {
      headers,
      body: frameOf('RangeRequest', { key }),
    });
    expect(status).toBe('0');
    expect(decodeFrames('RangeResponse', body)).toMatchObject([{ count: 1 }]);
    // And again, when the field is known to both by its place in the table.
    expect((await rawCall(session, PUT, { headers, body: good })).status).toBe('0');
  });
});
