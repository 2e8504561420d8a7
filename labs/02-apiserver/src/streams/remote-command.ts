// remote-command: exec and attach for clients that speak SPDY: their streams become channels of the kubelet's WebSocket.
//
//   stream (header streamtype)     error   stdin   stdout   stderr   resize
//   channel                          3       0       1        2        4
//
// The client opens one stream each; when all are there bytes flow. The end is what the kubelet says on the error channel: a Status since
// v4, a line of text for older clients. Resizing is there since v3.
//
// Invariant: when it resolves, both connections are over.
// Same idea upstream: k8s.io/kubelet, pkg/cri/streaming/remotecommand, and apiserver, util/proxy/streamtranslator.go, which translates the
// other way round.

import type { Duplex } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { ChannelSocket } from './channel-socket.ts';
import { SpdySession } from './spdy-session.ts';
import type { SpdyStream } from './spdy-stream.ts';

export const REMOTE_COMMAND_PROTOCOLS = [
  'v4.channel.k8s.io',
  'v3.channel.k8s.io',
  'v2.channel.k8s.io',
  'channel.k8s.io',
] as const;
export type RemoteCommandProtocol = (typeof REMOTE_COMMAND_PROTOCOLS)[number];

const CHANNELS = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;
type StreamType = keyof typeof CHANNELS;
const STREAM_CREATION_MS = 30_000;
const SIZE_BYTES_MAX = 1024;
const STATUS_BYTES_MAX = 256 * 1024;

export interface RemoteCommandOptions {
  readonly protocol: RemoteCommandProtocol;
  /** What the client asked for. */
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
  readonly idleTimeoutMs?: number | undefined;
}

/** Serves one command over a connection that has been upgraded, until it is over. */
export async function serveRemoteCommand(
  socket: Duplex,
  channels: ChannelSocket,
  options: RemoteCommandOptions,
): Promise<void> {
  const command = new RemoteCommand(socket, channels, options);
  await command.run();
}

/** The streams that a client opens for what it asked. */
export function expectedStreams(
  query: URLSearchParams,
  protocol: RemoteCommandProtocol,
): ReadonlySet<StreamType> {
  const asked = (name: string) => ['true', '1'].includes(query.get(name) ?? '');
  const isTty = asked('tty');
  const hasResize = protocol === 'v4.channel.k8s.io' || protocol === 'v3.channel.k8s.io';
  const wanted: readonly [StreamType, boolean][] = [
    ['error', true],
    ['stdin', asked('stdin')],
    ['stdout', asked('stdout')],
    ['stderr', asked('stderr') && !isTty],
    ['resize', isTty && hasResize],
  ];
  return new Set(wanted.flatMap(([type, is]) => (is ? [type] : [])));
}

class RemoteCommand {
  readonly #channels: ChannelSocket;
  readonly #options: RemoteCommandOptions;
  readonly #session: SpdySession;
  readonly #expected: ReadonlySet<StreamType>;
  readonly #streams = new Map<StreamType, SpdyStream>();
  #status: Buffer = Buffer.alloc(0);

  constructor(socket: Duplex, channels: ChannelSocket, options: RemoteCommandOptions) {
    this.#channels = channels;
    this.#options = options;
    this.#expected = expectedStreams(options.query, options.protocol);
    const { signal, idleTimeoutMs } = options;
    this.#session = new SpdySession(socket, {
      signal,
      idleTimeoutMs,
      streamsMax: Object.keys(CHANNELS).length,
      onStream: (stream) => this.#open(stream),
    });
  }

  async run(): Promise<void> {
    // Without its streams the client hears nothing, and the command would stand still for ever.
    const late = setTimeout(() => this.#session.close(), STREAM_CREATION_MS);
    const ended = Promise.race([this.#done, this.#channels.closed]).then(() => this.#finish());
    this.#onComplete = () => clearTimeout(late);
    await this.#session.run();
    clearTimeout(late);
    this.#channels.destroy();
    await ended;
  }

  #onComplete: () => void = () => undefined;
  #onStatus: () => void = () => undefined;
  /** The status is the last that a kubelet says; how long it takes to hang up is not the client's concern. */
  readonly #done = new Promise<void>((resolve) => {
    this.#onStatus = resolve;
  });

  #open(stream: SpdyStream): void {
    const type = stream.headers.get('streamtype') ?? '';
    if (!isStreamType(type) || !this.#expected.has(type) || this.#streams.has(type)) {
      stream.destroy();
      return;
    }
    this.#streams.set(type, stream);
    stream.accept();
    if (type === 'stdin') void this.#pumpStdin(stream);
    else if (type === 'resize') void this.#pumpSizes(stream);
    else stream.resume(); // The client says nothing on these but their end.
    if (this.#streams.size < this.#expected.size) return;
    this.#onComplete();
    this.#channels.receive({ data: (channel, bytes) => this.#receive(channel, bytes) });
  }

  #receive(channel: number, bytes: Buffer): Promise<void> | undefined {
    if (channel === CHANNELS.error) {
      const whole = Buffer.concat([this.#status, bytes]);
      this.#status = whole.subarray(0, STATUS_BYTES_MAX);
      if (isWholeStatus(this.#status)) this.#onStatus();
      return undefined;
    }
    const type = channel === CHANNELS.stdout ? 'stdout' : 'stderr';
    const stream = channel > CHANNELS.stderr ? undefined : this.#streams.get(type);
    if (stream === undefined || bytes.length === 0 || !stream.writable) return undefined;
    return written(stream, bytes);
  }

  async #pumpStdin(stream: SpdyStream): Promise<void> {
    try {
      for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
        await this.#channels.send(CHANNELS.stdin, chunk as Buffer);
      }
      this.#channels.endChannel(CHANNELS.stdin);
    } catch {
      // The client gave the stream up; the command hears the end of its input when the connection ends.
    }
  }

  /** One JSON object a line. */
  async #pumpSizes(stream: SpdyStream): Promise<void> {
    let text = '';
    try {
      for await (const chunk of stream.iterator({ destroyOnReturn: false })) {
        const lines = (text + String(chunk)).split('\n');
        text = (lines.pop() ?? '').slice(0, SIZE_BYTES_MAX);
        for (const line of lines) {
          await this.#channels.send(CHANNELS.resize, Buffer.from(`${line}\n`));
        }
      }
    } catch {
      // As above.
    }
  }

  /** The kubelet is done: the client gets the status, then the end of every stream. */
  async #finish(): Promise<void> {
    const error = this.#streams.get('error');
    const words = statusWords(
      this.#status.length > 0 ? this.#status : LOST,
      this.#options.protocol,
    );
    if (error?.writable && words.length > 0) error.write(words);
    const streams = [...this.#streams.values()];
    for (const stream of streams) stream.end();
    await Promise.all(
      streams.map((stream) => finished(stream, { readable: false }).catch(() => undefined)),
    );
    this.#session.close();
  }
}

const LOST = Buffer.from(
  JSON.stringify({
    metadata: {},
    status: 'Failure',
    reason: 'InternalError',
    message: 'Internal error occurred: the connection to the kubelet was lost',
    code: 500,
  }),
);

/** Since v4 a client reads the Status itself; before, it takes any text for a failure. */
export function statusWords(status: Buffer, protocol: RemoteCommandProtocol): Buffer {
  if (protocol === 'v4.channel.k8s.io') return status;
  try {
    const { status: outcome, message } = JSON.parse(status.toString()) as Record<string, unknown>;
    return outcome === 'Success' ? Buffer.alloc(0) : Buffer.from(String(message ?? outcome));
  } catch {
    return status;
  }
}

function isWholeStatus(bytes: Buffer): boolean {
  try {
    return typeof JSON.parse(bytes.toString()) === 'object';
  } catch {
    return false;
  }
}

function isStreamType(type: string): type is StreamType {
  return Object.hasOwn(CHANNELS, type);
}

/** Those who wait for a stream; many small messages wait for the same. */
const drained = new WeakMap<Duplex, Promise<void>>();

/** Undefined when the stream takes more; else a promise for when it does, or is gone. */
export function written(stream: Duplex, bytes: Buffer): Promise<void> | undefined {
  if (stream.write(bytes)) return undefined;
  const known = drained.get(stream);
  if (known !== undefined) return known;
  const waiting = new Promise<void>((resolve) => {
    const done = () => {
      stream.off('drain', done).off('finish', done).off('close', done);
      drained.delete(stream);
      resolve();
    };
    // A stream that is ended meanwhile finishes, and does not drain.
    stream.once('drain', done).once('finish', done).once('close', done);
  });
  drained.set(stream, waiting);
  return waiting;
}
