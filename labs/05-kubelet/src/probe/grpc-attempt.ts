// GrpcAttempt: a probe that asks a gRPC server how it is, by gRPC's own health protocol.
//
// One call of grpc.health.v1.Health/Check over HTTP/2 without TLS. Whoever does not answer in time has failed, and so has
// who does not listen: until the time is up a connection is tried again, since a server may be about to come.
//
// Same idea upstream: kubernetes, pkg/probe/grpc. The messages: github.com/grpc/grpc, doc/health-checking.md, and its frames:
// doc/PROTOCOL-HTTP2.md.
// Left out here: TLS, which upstream has not either; answers that are compressed.

import { once } from 'node:events';
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from 'node:http2';
import { type Clock, sleep } from '@kube-labs/apiserver';
import type { GRPCAction } from 'kubernetes-types/core/v1';
import { type AttemptResult, type AttemptTarget, textOf } from './attempt-target.ts';

const PROBE_AGENT = 'kube-probe/1.33';
const RETRY_MS = 100;
const MESSAGE_BYTES_MAX = 4_096;
const SERVING = 1;
const HEALTH = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
const UNIMPLEMENTED = 12;
const CODES = [
  ...['OK', 'Canceled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound'],
  ...['AlreadyExists', 'PermissionDenied', 'ResourceExhausted', 'FailedPrecondition', 'Aborted'],
  ...['OutOfRange', 'Unimplemented', 'Internal', 'Unavailable', 'DataLoss', 'Unauthenticated'],
];
/** What a server says that does not speak gRPC at all; others are Unknown. */
const CODES_OF_HTTP: Readonly<Record<number, number>> = {
  ...{ 400: 13, 401: 16, 403: 7, 404: UNIMPLEMENTED, 429: 14, 502: 14, 503: 14, 504: 14 },
};

export async function probeOverGrpc(
  { port, service = '' }: GRPCAction,
  target: AttemptTarget,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const host = target.address;
  if (host === '') throw new Error('failed to find networking container');
  const address = `${host}:${port}`;
  const within = `${target.timeoutMs / 1_000}s`;
  const session = await connectInTime(`http://${address}`, target.clock, signal);
  if (session === undefined) {
    const what = `timeout: failed to connect service "${address}" within ${within}`;
    return { kind: 'failure', output: `${what}: context deadline exceeded` };
  }
  try {
    return resultOf(await check(session, service, signal));
  } catch (error) {
    if (!signal.aborted)
      return { kind: 'failure', output: `error: health rpc probe failed: ${textOf(error)}` };
    return { kind: 'failure', output: `timeout: health rpc did not complete within ${within}` };
  } finally {
    session.destroy();
  }
}

/** Connected is who has told the settings of its HTTP/2. */
async function connectInTime(
  url: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<ClientHttp2Session | undefined> {
  while (!signal.aborted) {
    const session = connect(url);
    // Told to whoever waits; what comes after that the call notices by itself.
    session.on('error', () => {});
    try {
      await once(session, 'remoteSettings', { signal });
      return session;
    } catch {
      session.destroy();
      await sleep(RETRY_MS, signal, clock);
    }
  }
  return undefined;
}

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function check(
  session: ClientHttp2Session,
  service: string,
  signal: AbortSignal,
): Promise<Answer> {
  const stream = session.request(
    {
      ...{ ':method': 'POST', ':path': '/grpc.health.v1.Health/Check' },
      ...{ 'content-type': 'application/grpc', te: 'trailers', 'user-agent': PROBE_AGENT },
    },
    { signal },
  );
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on('response', (received) => {
    headers = received;
  });
  stream.on('trailers', (received) => {
    trailers = received;
  });
  stream.end(requestOf(service));
  let body = Buffer.alloc(0);
  for await (const chunk of stream) {
    body = Buffer.concat([body, chunk as Buffer]).subarray(0, MESSAGE_BYTES_MAX);
  }
  return { headers, trailers, body };
}

/** HealthCheckRequest{service = 1}, in a frame: not compressed, and how long it is. */
function requestOf(service: string): Buffer {
  const text = Buffer.from(service);
  const message =
    text.length === 0 ? text : Buffer.concat([Buffer.from([0x0a]), varint(text.length), text]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(message.length, 1);
  return Buffer.concat([frame, message]);
}

function resultOf({ headers, trailers, body }: Answer): AttemptResult {
  const http = Number(headers[':status']);
  // A server that has nothing to say puts the trailers into its headers.
  const told = trailers['grpc-status'] ?? headers['grpc-status'];
  const code = told === undefined ? (http === 200 ? 2 : (CODES_OF_HTTP[http] ?? 2)) : Number(told);
  const said = String(trailers['grpc-message'] ?? headers['grpc-message'] ?? '');
  const message =
    told === undefined
      ? `unexpected HTTP status code received from server: ${http}`
      : decodeURIComponent(said);
  if (code === UNIMPLEMENTED) {
    const what = 'error: this server does not implement the grpc health protocol';
    return { kind: 'failure', output: `${what} (grpc.health.v1.Health): ${message}` };
  }
  if (code !== 0) {
    const what = `rpc error: code = ${CODES[code] ?? `Code(${code})`} desc = ${message}`;
    return { kind: 'failure', output: `error: health rpc probe failed: ${what}` };
  }
  const status = statusOf(body);
  if (status === SERVING) return { kind: 'success' };
  const name = HEALTH[status] ?? String(status);
  return { kind: 'failure', output: `service unhealthy (responded with "${name}")` };
}

/** HealthCheckResponse{status = 1}; 0 is not written. */
function statusOf(body: Buffer): number {
  const message = body.subarray(5, 5 + (body.length < 5 ? 0 : body.readUInt32BE(1)));
  return message[0] === 0x08 ? (message[1] ?? 0) : 0;
}

function varint(value: number): Buffer {
  return value < 0x80
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value & 0x7f) | 0x80]), varint(value >>> 7)]);
}
