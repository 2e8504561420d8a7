// port-forward: connections into a pod, many over one SPDY session: for each a stream for errors and a stream for data.
//
// The client opens both with the same port and requestid; when a pair is complete the pod's kubelet is asked for a connection of its own,
// a WebSocket with a channel for data and one for errors. An error is text on the error stream, which kubectl prints. Either side may end
// its half of the data and still hear the other.
//
// Invariant: a pair's kubelet connection ends with the pair, and every pair with the session.
// Same idea upstream: k8s.io/kubelet, pkg/cri/streaming/portforward/httpstream.go and websocket.go.

import type { Duplex } from 'node:stream';
import type { ChannelSocket } from './channel-socket.ts';
import { written } from './remote-command.ts';
import { SpdySession } from './spdy-session.ts';
import type { SpdyStream } from './spdy-stream.ts';

export const PORT_FORWARD_PROTOCOL = 'portforward.k8s.io';
export const TUNNEL_PROTOCOL = 'SPDY/3.1+portforward.k8s.io';

const STREAM_CREATION_MS = 30_000;
const STREAMS_MAX = 2000;
const PORT_MAX = 65_535;
const DATA = 0;
const ERROR = 1;
/** Each channel begins with its port. */
const PREAMBLE_BYTES = 2;

export interface PortForwardOptions {
  readonly pod: string;
  /** A connection to a port of the pod; rejects with what could not be done. */
  connect(port: number): Promise<ChannelSocket>;
  readonly signal: AbortSignal;
  readonly idleTimeoutMs?: number | undefined;
}

/** Serves a connection that speaks SPDY, until it is over. Never rejects. */
export async function servePortForward(
  transport: Duplex,
  options: PortForwardOptions,
): Promise<void> {
  const pairs = new StreamPairs(options);
  const { signal, idleTimeoutMs } = options;
  const onStream = (stream: SpdyStream) => pairs.add(stream);
  await new SpdySession(transport, {
    signal,
    idleTimeoutMs,
    streamsMax: STREAMS_MAX,
    onStream,
  }).run();
  pairs.dispose();
}

interface HalfPair {
  readonly stream: SpdyStream;
  readonly isError: boolean;
  readonly timer: NodeJS.Timeout;
}

class StreamPairs {
  readonly #options: PortForwardOptions;
  readonly #waiting = new Map<string, HalfPair>();
  readonly #connected = new Set<ChannelSocket>();

  constructor(options: PortForwardOptions) {
    this.#options = options;
  }

  add(stream: SpdyStream): void {
    const port = portOf(stream.headers.get('port') ?? '');
    const type = stream.headers.get('streamtype');
    if (port === undefined || (type !== 'error' && type !== 'data')) {
      stream.destroy();
      return;
    }
    const isError = type === 'error';
    // Clients of Kubernetes 1.0 number nothing; their data stream comes right behind its error stream.
    const id = stream.headers.get('requestid') ?? String(isError ? stream.id : stream.id - 2);
    const other = this.#waiting.get(id);
    if (other !== undefined && other.isError === isError) {
      stream.destroy();
      return;
    }
    stream.accept();
    if (isError) stream.resume();
    if (other === undefined) {
      const timer = setTimeout(() => this.#expire(id, stream, isError), STREAM_CREATION_MS);
      this.#waiting.set(id, { stream, isError, timer });
      return;
    }
    clearTimeout(other.timer);
    this.#waiting.delete(id);
    const [error, data] = isError ? [stream, other.stream] : [other.stream, stream];
    void this.#forward(error, data, port);
  }

  dispose(): void {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
    for (const channels of this.#connected) channels.destroy();
  }

  #expire(id: string, stream: SpdyStream, isError: boolean): void {
    this.#waiting.delete(id);
    if (isError) stream.write(`(request=${id}) timed out waiting for streams`);
    stream.end();
  }

  async #forward(error: SpdyStream, data: SpdyStream, port: number): Promise<void> {
    const { connect, pod } = this.#options;
    const fail = (why: string) => {
      if (error.writable) error.write(`error forwarding port ${port} to pod ${pod}, uid : ${why}`);
    };
    try {
      const channels = await connect(port);
      this.#connected.add(channels);
      void channels.closed.then(() => this.#connected.delete(channels));
      // Both sides said all: the kubelet ends it once everything is delivered. Anything else is a client that gave up.
      const onClose = () => {
        if (!(data.readableEnded && data.writableFinished)) channels.destroy();
      };
      data.once('close', onClose);
      // The client may have gone while the kubelet was asked.
      if (data.destroyed) onClose();
      relay(channels, error, data);
      void sendAll(data, channels);
      const inOrder = await channels.closed;
      if (!inOrder && !data.destroyed && !data.readableEnded) {
        fail('the connection to the kubelet was lost');
      }
    } catch (refused) {
      fail(refused instanceof Error ? refused.message : String(refused));
    }
    error.end();
    data.end();
    // What the client still sends goes nowhere; nothing may wait for it to be read.
    data.resume();
  }
}

function portOf(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= PORT_MAX ? port : undefined;
}

/** What the kubelet says, to the client's two streams. */
function relay(channels: ChannelSocket, error: SpdyStream, data: SpdyStream): void {
  const skipBytes = [PREAMBLE_BYTES, PREAMBLE_BYTES];
  channels.receive({
    data(channel, bytes) {
      const stream = channel === DATA ? data : channel === ERROR ? error : undefined;
      const skip = Math.min(skipBytes[channel] ?? 0, bytes.length);
      skipBytes[channel] = (skipBytes[channel] ?? 0) - skip;
      const rest = bytes.subarray(skip);
      if (stream === undefined || rest.length === 0 || !stream.writable) return undefined;
      return written(stream, rest);
    },
    end(channel) {
      if (channel !== DATA) return;
      // kubectl hangs up only when the errors have ended too; it may still send what is left.
      data.end();
      error.end();
    },
  });
}

async function sendAll(data: SpdyStream, channels: ChannelSocket): Promise<void> {
  try {
    for await (const chunk of data.iterator({ destroyOnReturn: false })) {
      await channels.send(DATA, chunk as Buffer);
    }
    // Without a word for the end of one half there is only the end of both.
    if (!channels.endChannel(DATA)) channels.destroy();
  } catch {
    // The client gave the connection up; 'close' has ended the other side.
  }
}
