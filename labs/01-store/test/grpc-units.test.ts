// The small parts of the wire that decide something, each by itself.
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { mendBlock } from '#src/grpc/authority.ts';
import { timeoutMsOf } from '#src/grpc/deadline.ts';
import { durationOf, etcdCommand } from '#src/grpc/flags.ts';
import { openIdentity } from '#src/grpc/identity.ts';
import { listen } from '#src/grpc/listener.ts';
import { EtcdMetrics } from '#src/grpc/metrics.ts';
import { ProgressRound } from '#src/grpc/watch-progress.ts';
import { eventResponses } from '#src/grpc/watch-responses.ts';
import type { StoreEvent } from '#src/kv.ts';
import { eventually } from './support/eventually.ts';
import { openSession } from './support/raw-grpc.ts';
import { serve } from './support/serve.ts';
import { randomOf, seedOf } from './support/store-helpers.ts';

describe('timeoutMsOf()', () => {
  test.each([
    ['5S', 5000],
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['99999999m', 99_999_999],
    ['1500u', 2],
    ['1n', 1],
  ])('%s is %d ms', (text, ms) => {
    expect(timeoutMsOf(text)).toBe(ms);
  });

  test.each(['', '5', 'S', '-5S', '123456789S', '5s', '1.5S'])('%j is none', (text) => {
    expect(() => timeoutMsOf(text)).toThrow(`malformed grpc-timeout: ${JSON.stringify(text)}`);
  });
});

describe('durationOf()', () => {
  test.each([
    ['0', 0],
    ['300ms', 300],
    ['1h30m', 5_400_000],
    ['1.5s', 1500],
  ])('%s is %d ms', (text, ms) => {
    expect(durationOf(text)).toBe(ms);
  });

  test.each(['', '5', 's', '-1s', '1s ', '1d'])('%j is none', (text) => {
    expect(() => durationOf(text)).toThrow('It takes a duration');
  });
});

test('every flag has an environment variable of etcd’s name', () => {
  const flags = new Map(etcdCommand().options.map(({ long, envVar }) => [long, envVar]));
  expect(flags.get('--listen-client-urls')).toBe('ETCD_LISTEN_CLIENT_URLS');
  expect([...flags.values()].every((name) => name?.startsWith('ETCD_'))).toBe(true);
});

describe('mendBlock()', () => {
  const mended = (hex: string) => {
    const block = Buffer.from(hex.replaceAll(' ', ''), 'hex');
    mendBlock(block);
    return block.toString('hex');
  };
  const plain = (text: string) => Buffer.from(text).toString('hex');

  test.each<[name: string, block: string, want: string]>([
    ['a plain text', `41 08 ${plain('http://h')}`, `4108${plain('http:..h')}`],
    [
      // "http://a" in Huffman's code: h 100111, t 01001, t 01001, p 101011, : 1011100, / 011000 twice, a 00011.
      'a text in Huffman’s code',
      '41 86 9d 29 ae e3 0c 0f',
      '41869d29aee2eb8f',
    ],
    ['a host, which stays as it is', `41 04 ${plain('a:99')}`, `4104${plain('a:99')}`],
    [
      'no other field',
      `44 04 ${plain('/a/b')} 40 01 ${plain('x')} 03 ${plain('a/b')} 41 01 ${plain('/')}`,
      `4404${plain('/a/b')}4001${plain('x')}03${plain('a/b')}4101${plain('.')}`,
    ],
    ['fields that are known, and a new size of the table', '82 83 3f e1 1f 86', '82833fe11f86'],
    ['a field that is not to be remembered', `01 03 ${plain('a/b')}`, `0103${plain('a.b')}`],
    ['a field cut in the middle', `41 7f 80`, '417f80'],
  ])('of %s', (_name, block, want) => {
    expect(mended(block)).toBe(want);
  });

  test('takes whatever bytes there are', () => {
    const random = randomOf(seedOf('header blocks'));
    for (let round = 0; round < 2000; round++) {
      const block = Buffer.from(Array.from({ length: random(40) }, () => random(256)));
      const { length } = block;
      mendBlock(block);
      expect(block.length).toBe(length);
    }
  });
});

describe('ProgressRound', () => {
  test('answers when the last has got there, with the smallest revision', () => {
    const answers: number[] = [];
    const round = new ProgressRound<string>((revision) => answers.push(revision));
    round.start(['a', 'b', 'c'], 9);
    expect(round.reached('a', 7)).toBe(true);
    expect(round.reached('a', 8)).toBe(false);
    round.leave('b');
    expect(answers).toEqual([]);
    round.reached('c', 8);
    expect(answers).toEqual([7]);
    round.leave('c');
    expect(round.reached('a', 10)).toBe(false);
    expect(answers).toEqual([7]);
  });

  test('answers at once when there is nobody to wait for', () => {
    const answers: number[] = [];
    new ProgressRound<string>((revision) => answers.push(revision)).start([], 5);
    expect(answers).toEqual([5]);
  });
});

describe('eventResponses()', () => {
  const event = (valueBytes: number): StoreEvent => ({
    type: 'put',
    kv: {
      ...{ key: 'k', value: Buffer.alloc(valueBytes), createRevision: 2, modRevision: 2 },
      ...{ version: 1, lease: '0' },
    },
  });
  const shape = (sizes: readonly number[], max: number) =>
    [...eventResponses({}, sizes.map(event), max)].map((response) => {
      const { fragment = false, events } = response as { fragment?: boolean; events: unknown[] };
      return [fragment, events.length];
    });

  test('is one response as long as it fits', () => {
    expect(shape([10, 10, 10], 1000)).toEqual([[false, 3]]);
    expect(shape([], 1000)).toEqual([[false, 0]]);
  });

  test('is several otherwise, all but the last marked, each with an event at least', () => {
    expect(shape([700, 100, 800, 5000, 10], 1000)).toEqual([
      [true, 2],
      [true, 1],
      [true, 1],
      [false, 1],
    ]);
  });
});

describe('openIdentity()', () => {
  test('makes ids once, and counts starts', async () => {
    const kept = new Map<string, Uint8Array>();
    const meta = {
      get: (name: string) => kept.get(name),
      set: async (name: string, value: Uint8Array) => void kept.set(name, value),
    };
    const first = await openIdentity(meta);
    const second = await openIdentity(meta);
    expect(second).toEqual({ ...first, raftTerm: first.raftTerm + 1 });
    expect(BigInt(first.memberId)).toBeGreaterThan(0n);
    kept.set('member', Buffer.from('{}'));
    await expect(openIdentity(meta)).rejects.toThrow('cannot read who this member is: "{}"');
  });
});

describe('listen()', () => {
  test('hands over every connection once, whatever comes in pieces', async () => {
    const seen: string[] = [];
    const take = (kind: string) => (socket: NodeJS.EventEmitter & { read(): Buffer | null }) => {
      seen.push(`${kind} ${socket.read()?.toString('latin1').slice(0, 14)}`);
      (socket as unknown as { destroy(): void }).destroy();
    };
    const url = new URL('http://127.0.0.1:0');
    const listener = await listen(url, { http1: take('1'), http2: take('2') });
    const port = Number(new URL(listener.url).port);
    const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
    // A header block with one known field, as the first frame.
    const request = Buffer.from([0, 0, 1, 1, 5, 0, 0, 0, 1, 0x82]).toString('latin1');
    for (const [first, second] of [
      ['GET / HTTP/1.1', '\r\n\r\n'],
      [preface.slice(0, 5), preface.slice(5) + request],
      ['PRI * HTTP/1.1', '\r\n\r\n'],
    ] as const) {
      const socket = connect(port, '127.0.0.1').setNoDelay();
      socket.on('error', () => undefined).write(first, 'latin1');
      const before = seen.length;
      await once(socket, 'connect');
      socket.write(second, 'latin1');
      await eventually(() => expect(seen.length).toBe(before + 1));
    }
    // One that says nothing does not hold back the end.
    await once(
      connect(port, '127.0.0.1').on('error', () => undefined),
      'connect',
    );
    await listener.close();
    expect(seen.map((text) => text.slice(0, 7))).toEqual(['1 GET /', '2 PRI *', '1 PRI *']);
  });

  test('says what is wrong with a port', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const url = new URL(`http://127.0.0.1:${port}`);
    const http1 = () => undefined;
    await expect(listen(url, { http1 })).rejects.toThrow(
      `cannot listen on http://127.0.0.1:${port}: another process listens there already`,
    );
    server.close();
  });
});

/** What became of a connection that answers, when one that does not was closed after this time. */
async function aliveWhenDeadIsClosed(keepAliveTimeoutMs: number): Promise<boolean> {
  await using served = await serve({ server: { keepAliveIntervalMs: 50, keepAliveTimeoutMs } });
  using alive = await openSession(served.url);
  // A client by hand, which knows what HTTP/2 begins with and nothing else: SETTINGS, their acknowledgement, one request.
  const dead = connect(Number(new URL(served.url).port), '127.0.0.1');
  const closed = once(dead.on('error', () => undefined).resume(), 'close');
  dead.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
  dead.write(Buffer.from('000000040000000000' + '000000040100000000', 'hex'));
  dead.write(Buffer.from('000005010500000001' + '838644012f', 'hex'));
  await closed;
  return !alive.destroyed;
}

test('keepAlive() closes a connection that does not answer, and keeps one that does', async () => {
  // Client and server wait for the same processor: where it stands still for longer than an answer may take, more time is given.
  for (const timeoutMs of [1500, 5000, 20_000]) {
    if (await aliveWhenDeadIsClosed(timeoutMs)) return;
  }
  expect.fail('the connection that answers was closed too');
});

test('EtcdMetrics times what the disk takes', async () => {
  const metrics = new EtcdMetrics();
  const file = {
    write: async () => undefined,
    datasync: async () => undefined,
    truncate: async () => undefined,
    close: async () => undefined,
  };
  const disk = metrics.timed({ open: async () => file });
  await (await disk.open('x')).datasync();
  expect(await metrics.text()).toContain('etcd_disk_wal_fsync_duration_seconds_count 1');
});
