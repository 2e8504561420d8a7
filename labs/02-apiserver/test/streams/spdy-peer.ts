// spdy-peer: the client's side of SPDY for tests: it says what it is told to, right or wrong, and remembers what it hears.
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { dataHead, encodeSynStream, type Frame, FrameReader } from '#src/streams/spdy-frames.ts';
import { HeaderDeflater, HeaderInflater } from '#src/streams/spdy-headers.ts';

export class SpdyPeer {
  readonly transport: Duplex;
  readonly frames: Frame[] = [];
  readonly closed: Promise<void>;
  readonly #reader = new FrameReader();
  readonly #inflater = new HeaderInflater();
  readonly #deflater = new HeaderDeflater();
  readonly #data = new Map<number, Buffer[]>();
  #nextId = 1;

  constructor(transport: Duplex) {
    this.transport = transport;
    transport.on('error', () => transport.destroy());
    this.closed = new Promise((resolve) => transport.once('close', () => resolve()));
    transport.on('data', (chunk: Buffer) => {
      for (const frame of this.#reader.frames(chunk)) {
        if (frame.type === 'synReply') this.#inflater.read(frame.block);
        if (frame.type === 'data') {
          const pieces = this.#data.get(frame.streamId) ?? [];
          this.#data.set(frame.streamId, pieces);
          pieces.push(frame.bytes);
        }
        this.frames.push(frame);
      }
    });
    transport.resume();
  }

  /** Opens a stream, and says what it is called. */
  open(headers: Readonly<Record<string, string>>, { fin = false, id = this.#nextId } = {}): number {
    this.#nextId = id + 2;
    const block = this.#deflater.write(new Map(Object.entries(headers)));
    this.transport.write(encodeSynStream(id, block, fin));
    return id;
  }

  send(streamId: number, bytes: Uint8Array | string, fin = false): void {
    const data = Buffer.from(bytes);
    this.transport.write(Buffer.concat([dataHead(streamId, data.length, fin), data]));
  }

  /** All data of a stream so far. */
  received(streamId: number): Buffer {
    return Buffer.concat(this.#data.get(streamId) ?? []);
  }

  isFinished(streamId: number): boolean {
    return this.frames.some(
      (frame) => frame.type === 'data' && frame.streamId === streamId && frame.fin,
    );
  }

  resets(): readonly (readonly [number, number])[] {
    return this.frames.flatMap((frame) =>
      frame.type === 'rstStream' ? [[frame.streamId, frame.status] as const] : [],
    );
  }

  count(type: Frame['type']): number {
    return this.frames.filter((frame) => frame.type === type).length;
  }
}

/** Two ends of a connection over 127.0.0.1. */
export async function socketPair(): Promise<{ near: Socket; far: Socket }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const far = await accepted;
  server.close();
  return { near, far };
}
