// ExecStream: a command's streams over one WebSocket, as kubectl's exec and attach speak it.
//
//   binary message = channel byte + data     0 stdin   1 stdout   2 stderr   3 error   4 resize   255 close a channel
//
// The end is one Status on channel 3, then a close frame: without the Status kubectl would take any end for success.
// v5 is v4 with channel 255, by which a client says that stdin is at its end. Both directions have a bound: a reader that
// does not read stops the command's output, a command that does not read stops the client.
//
// Same idea upstream: k8s.io/apimachinery/pkg/util/remotecommand, k8s.io/kubelet/pkg/cri/streaming/remotecommand.
// Left out here: SPDY/3.1, which kubectl before 1.30 wants: the API server translates it.

import type { RawData, WebSocket } from 'ws';
import type { ExecSession } from '../runtime/runtime.ts';

export const PROTOCOLS = ['v5.channel.k8s.io', 'v4.channel.k8s.io'] as const;

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
const ERROR = 3;
const RESIZE = 4;
const CLOSE = 255;
const BUFFERED_BYTES_MAX = 1024 * 1024;
const NORMAL_CLOSURE = 1000;

export async function serveStreams(socket: WebSocket, session: ExecSession): Promise<void> {
  // Tells the client that the streams exist, as upstream does.
  socket.send(Buffer.from([STDOUT]));
  socket.on('message', (data) => receive(socket, session, toBuffer(data)));
  socket.on('close', () => session.socket.destroy());
  socket.on('error', () => session.socket.destroy());
  session.onOutput(
    (chunk) => send(socket, session, { channel: STDOUT, chunk }),
    (chunk) => send(socket, session, { channel: STDERR, chunk }),
  );
  const status = await statusOf(session);
  if (socket.readyState !== socket.OPEN) return;
  socket.send(Buffer.concat([Buffer.from([ERROR]), Buffer.from(JSON.stringify(status))]));
  socket.close(NORMAL_CLOSURE);
}

export function exitStatus(exitCode: number): object {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}

async function statusOf(session: ExecSession): Promise<object> {
  try {
    return exitStatus(await session.wait());
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { metadata: {}, status: 'Failure', reason: 'InternalError', message, code: 500 };
  }
}

function receive(socket: WebSocket, session: ExecSession, message: Buffer): void {
  const [channel] = message;
  const data = message.subarray(1);
  if (channel === STDIN && data.length > 0) {
    if (session.socket.writableEnded || session.socket.destroyed) return;
    // More messages may come out of what was read already; the first that found it full waits for all.
    if (session.socket.write(data) || socket.isPaused) return;
    socket.pause();
    // A stdin that is ended meanwhile does not drain, and a command may go without reading it.
    const resume = () => {
      session.socket.off('drain', resume).off('finish', resume).off('close', resume);
      socket.resume();
    };
    session.socket.once('drain', resume).once('finish', resume).once('close', resume);
  } else if (channel === CLOSE && data[0] === STDIN) {
    session.socket.end();
  } else if (channel === RESIZE) {
    resize(session, data.toString());
  }
}

/** A size that makes no sense, or comes after the end, is nobody's trouble. */
function resize(session: ExecSession, text: string): void {
  try {
    const { Width = 0, Height = 0 } = JSON.parse(text) as { Width?: number; Height?: number };
    if (Width > 0 && Height > 0) {
      session.resize({ width: Width, height: Height }).catch(() => {});
    }
  } catch {
    // Not JSON.
  }
}

function send(
  socket: WebSocket,
  session: ExecSession,
  message: { readonly channel: number; readonly chunk: Buffer },
): void {
  if (socket.readyState !== socket.OPEN) return;
  socket.send(Buffer.concat([Buffer.from([message.channel]), message.chunk]), () => {
    if (socket.bufferedAmount < BUFFERED_BYTES_MAX) session.socket.resume();
  });
  if (socket.bufferedAmount >= BUFFERED_BYTES_MAX) session.socket.pause();
}

function toBuffer(data: RawData): Buffer {
  if (Buffer.isBuffer(data)) return data;
  return Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data);
}
