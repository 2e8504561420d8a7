// A SPDY session: its streams, its flow control, its bounds, and how it ends; also under fire.
import { createHash, randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import {
  encodeGoAway,
  encodeHeaders,
  encodePing,
  encodeRstStream,
  encodeSettings,
  encodeSynStream,
  encodeWindowUpdate,
} from '#src/streams/spdy-frames.ts';
import { HeaderDeflater } from '#src/streams/spdy-headers.ts';
import { SpdySession, type SpdySessionOptions } from '#src/streams/spdy-session.ts';
import type { SpdyStream } from '#src/streams/spdy-stream.ts';
import { SpdyPeer, socketPair } from './spdy-peer.ts';

interface Rig {
  readonly peer: SpdyPeer;
  readonly session: SpdySession;
  readonly streams: SpdyStream[];
  readonly ended: Promise<void>;
  readonly stop: AbortController;
}

const rigs: Rig[] = [];
afterEach(async () => {
  for (const { peer, ended, stop } of rigs.splice(0)) {
    stop.abort();
    peer.transport.destroy();
    await ended;
  }
});

async function start(
  onStream: (stream: SpdyStream) => void = (stream) => stream.accept(),
  options: Partial<SpdySessionOptions> = {},
): Promise<Rig> {
  const { near, far } = await socketPair();
  const stop = new AbortController();
  const streams: SpdyStream[] = [];
  const session = new SpdySession(far, {
    streamsMax: 100,
    signal: stop.signal,
    ...options,
    onStream: (stream) => {
      streams.push(stream);
      onStream(stream);
    },
  });
  const rig = { peer: new SpdyPeer(near), session, streams, ended: session.run(), stop };
  rigs.push(rig);
  return rig;
}

const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
function echo(stream: SpdyStream): void {
  stream.accept();
  stream.pipe(stream);
}

describe('streams', () => {
  test('are answered, carry bytes both ways, and close when both sides are done', async () => {
    const { peer, session, streams } = await start(echo);
    const id = peer.open({ streamtype: 'data', port: '80' });
    const sent = randomBytes(1_000_000);
    for (let at = 0; at < sent.length; at += 100_000)
      peer.send(id, sent.subarray(at, at + 100_000));
    peer.send(id, '', true);
    await expect.poll(() => peer.isFinished(id)).toBe(true);
    expect(digest(peer.received(id))).toBe(digest(sent));
    expect(streams[0]?.headers).toEqual(
      new Map([
        ['streamtype', 'data'],
        ['port', '80'],
      ]),
    );
    expect(peer.frames[0]).toMatchObject({ type: 'synReply', streamId: id });
    await expect.poll(() => session.streamCount).toBe(0);
    expect(peer.resets()).toEqual([]);
  });

  test('may be half closed by either side', async () => {
    const { peer, streams } = await start((stream) => {
      stream.accept();
      stream.end('all said');
    });
    const id = peer.open({});
    await expect.poll(() => peer.isFinished(id)).toBe(true);
    peer.send(id, 'still talking');
    await expect.poll(() => String(streams[0]?.read() ?? '')).toBe('still talking');
  });

  test('that the client gives up end here, and those that we give up end there', async () => {
    const { peer, session, streams } = await start();
    const [one, two] = [peer.open({}), peer.open({})];
    await expect.poll(() => session.streamCount).toBe(2);
    peer.transport.write(encodeRstStream(one, 5));
    streams[1]?.destroy();
    await expect.poll(() => session.streamCount).toBe(0);
    expect(streams[0]?.destroyed).toBe(true);
    await expect.poll(() => peer.resets()).toEqual([[two, 5]]);
    // What was on its way is passed over.
    peer.send(two, 'late');
    peer.transport.write(encodePing(1));
    await expect.poll(() => peer.count('ping')).toBe(1);
  });

  test('beyond the limit are refused, and the others go on', async () => {
    const { peer, session } = await start(echo, { streamsMax: 2 });
    const ids = Array.from({ length: 5 }, () => peer.open({}));
    await expect.poll(() => peer.resets()).toEqual(ids.slice(2).map((id) => [id, 3]));
    peer.send(ids[0] ?? 0, 'here');
    await expect.poll(() => peer.received(ids[0] ?? 0).toString()).toBe('here');
    expect(session.streamCount).toBe(2);
  });

  test('are refused once the client said that it leaves', async () => {
    const { peer } = await start();
    peer.transport.write(encodeGoAway(0, 0));
    const id = peer.open({});
    await expect.poll(() => peer.resets()).toEqual([[id, 3]]);
  });

  test('headers that come later are read, as all share one compression', async () => {
    const { peer, streams } = await start();
    const deflater = new HeaderDeflater();
    peer.transport.write(encodeSynStream(1, deflater.write(new Map([['a', 'b']]))));
    peer.transport.write(encodeHeaders(1, deflater.write(new Map([['c', 'd']]))));
    peer.transport.write(encodeSynStream(3, deflater.write(new Map([['e', 'f']]))));
    await expect.poll(() => streams[1]?.headers).toEqual(new Map([['e', 'f']]));
  });
});

describe('flow control', () => {
  test('a client that never speaks of windows gets everything', async () => {
    const { peer } = await start((stream) => {
      stream.accept();
      stream.end(Buffer.alloc(1_000_000));
    });
    const id = peer.open({});
    await expect.poll(() => peer.received(id).length).toBe(1_000_000);
  });

  test('one that does gets what it allows, a stream and in all', async () => {
    const { peer } = await start((stream) => {
      stream.accept();
      stream.end(Buffer.alloc(100_000));
    });
    peer.transport.write(encodeSettings([{ id: 7, value: 10_000 }]));
    const [one, two] = [peer.open({}), peer.open({})];
    await expect.poll(() => peer.received(two).length).toBe(10_000);
    expect(peer.received(one).length).toBe(10_000);
    peer.transport.write(encodeWindowUpdate(one, 5000));
    await expect.poll(() => peer.received(one).length).toBe(15_000);
    // Now the whole connection's 64 KiB are what holds it up.
    peer.transport.write(encodeWindowUpdate(one, 200_000));
    await expect.poll(() => peer.received(one).length).toBe(65_536 - 10_000);
    peer.transport.write(encodeWindowUpdate(0, 200_000));
    await expect.poll(() => peer.isFinished(one)).toBe(true);
    expect([peer.received(one).length, peer.received(two).length]).toEqual([100_000, 10_000]);
  });

  test('announces what was read', async () => {
    const { peer } = await start((stream) => {
      stream.accept();
      stream.resume();
    });
    const id = peer.open({});
    for (let count = 0; count < 10; count += 1) peer.send(id, Buffer.alloc(20_000));
    const announced = (of: number) =>
      peer.frames.reduce(
        (sum, frame) =>
          frame.type === 'windowUpdate' && frame.streamId === of ? sum + frame.deltaBytes : sum,
        0,
      );
    await expect.poll(() => announced(id)).toBeGreaterThan(150_000);
    await expect.poll(() => announced(0)).toBeGreaterThan(150_000);
  });

  test('a window beyond 2 GiB ends the stream, or the session', async () => {
    const { peer, ended } = await start();
    const id = peer.open({});
    peer.transport.write(encodeWindowUpdate(id, 0x7fff_ffff));
    await expect.poll(() => peer.resets()).toEqual([[id, 7]]);
    peer.transport.write(encodeWindowUpdate(0, 0x7fff_ffff));
    await ended;
    await peer.closed;
    expect(peer.count('goAway')).toBe(1);
  });

  test('a reader who does not read holds up the client, not the memory', async () => {
    const { peer, streams } = await start();
    const id = peer.open({});
    const socket = peer.transport;
    let sentBytes = 0;
    const chunk = Buffer.alloc(64 * 1024);
    // Until the sockets in between are full.
    for (let idle = 0; idle < 5; ) {
      if (socket.writableLength < 1_000_000) {
        peer.send(id, chunk);
        sentBytes += chunk.length;
        idle = 0;
      } else idle += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(streams[0]?.readableLength).toBeLessThan(512 * 1024);
    let readBytes = 0;
    streams[0]?.on('data', (data: Buffer) => {
      readBytes += data.length;
    });
    await expect.poll(() => readBytes).toBe(sentBytes);
  });
});

describe('the end', () => {
  test('of the session is the end of its streams', async () => {
    const { peer, session, streams, ended } = await start();
    peer.open({});
    await expect.poll(() => session.streamCount).toBe(1);
    peer.transport.destroy();
    await ended;
    expect([session.streamCount, streams[0]?.destroyed]).toEqual([0, true]);
  });

  test('comes with the signal', async () => {
    const { peer, ended, stop } = await start();
    stop.abort();
    await ended;
    await peer.closed;
  });

  test('comes after the idle timeout, which every frame puts off', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { peer, ended } = await start(undefined, { idleTimeoutMs: 300 });
    for (let count = 0; count < 4; count += 1) {
      vi.advanceTimersByTime(299);
      const answered = once(peer.transport, 'data');
      peer.transport.write(encodePing(1));
      await answered;
    }
    expect(peer.transport.destroyed).toBe(false);
    vi.advanceTimersByTime(300);
    await ended;
    await peer.closed;
  });

  test('by close() lets everything out first', async () => {
    const { peer, session } = await start();
    const id = peer.open({});
    await expect.poll(() => session.streamCount).toBe(1);
    const [stream] = rigs[0]?.streams ?? [];
    stream?.end(Buffer.alloc(500_000));
    session.close();
    await expect.poll(() => peer.isFinished(id)).toBe(true);
    expect(peer.received(id).length).toBe(500_000);
    expect(peer.frames.some((frame) => frame.type === 'goAway' && frame.status === 0)).toBe(true);
  });
});

describe('under fire', () => {
  test.each([
    ['a stream id that went before', (peer: SpdyPeer) => void peer.open({}, { id: 1 })],
    ['a stream id of the server’s', (peer: SpdyPeer) => void peer.open({}, { id: 8 })],
    ['noise', (peer: SpdyPeer) => void peer.transport.write(Buffer.alloc(100, 0xff))],
  ])('%s ends the session with GOAWAY', async (_name, attack) => {
    const { peer, session, ended } = await start();
    peer.open({}, { id: 5 });
    await expect.poll(() => session.streamCount).toBe(1);
    attack(peer);
    await ended;
    await peer.closed;
    expect(peer.frames.some((frame) => frame.type === 'goAway' && frame.status === 1)).toBe(true);
  });

  test('thousands of streams and pings leave nothing behind', async () => {
    const { peer, session } = await start((stream) => stream.destroy());
    for (let count = 0; count < 5000; count += 1) {
      peer.open({ streamtype: 'data' });
      peer.transport.write(encodePing(1));
    }
    await expect.poll(() => peer.count('ping'), { timeout: 60_000 }).toBe(5000);
    expect(session.streamCount).toBe(0);
    expect(peer.resets().length).toBe(5000);
  });

  test('who asks for answers and does not read them is not read any more', async () => {
    const { peer } = await start();
    peer.transport.pause();
    let written = 0;
    const pings = Buffer.concat(Array.from({ length: 5000 }, () => encodePing(1)));
    for (let idle = 0; idle < 10; ) {
      if (peer.transport.writableLength < 1_000_000) {
        peer.transport.write(pings);
        written += 5000;
        idle = 0;
      } else idle += 1;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    peer.transport.resume();
    await expect.poll(() => peer.count('ping')).toBeGreaterThan(0);
    expect(written).toBeGreaterThan(0);
  });

  test('random frames, cut at random, never do more than end the session', async () => {
    const seed = randomInt(2 ** 31);
    console.info(`seed ${seed}`);
    let state = seed;
    const random = (max: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
      return (state >>> 8) % max;
    };
    for (let round = 0; round < 60; round += 1) {
      const { peer, session, ended } = await start(echo, { streamsMax: 10 });
      const deflater = new HeaderDeflater();
      for (let step = 0; step < 40 && !peer.transport.destroyed; step += 1) {
        const id = random(30) + 1;
        const good = [
          encodeSynStream(
            step * 2 + 1,
            deflater.write(new Map([['a', String(step)]])),
            random(4) === 0,
          ),
          encodeRstStream(id, random(12) + 1),
          encodePing(random(1000)),
          encodeSettings([{ id: random(9), value: random(100_000) }]),
          encodeWindowUpdate(id - 1, random(2 ** 31)),
          Buffer.concat([Buffer.from([0, 0, 0, id, random(2), 0, 0, 50]), Buffer.alloc(50)]),
        ];
        const frame = Buffer.from(good[random(good.length)] ?? []);
        // One in twenty is damaged.
        if (random(20) === 0) frame[random(frame.length)] = random(256);
        const cut = random(frame.length + 1);
        peer.transport.write(frame.subarray(0, cut));
        peer.transport.write(frame.subarray(cut));
      }
      peer.transport.end();
      await ended;
      expect(session.streamCount, `seed ${seed}`).toBe(0);
    }
  });
});
