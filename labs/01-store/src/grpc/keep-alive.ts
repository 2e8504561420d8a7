// keepAlive: asks silent clients whether they are still there, and closes the connections of those that are not.
//
// A machine that is switched off closes nothing: its connection, and the watches on it, would stay for ever.
// Upstream: etcd's --grpc-keepalive-interval and --grpc-keepalive-timeout; google.golang.org/grpc/keepalive.
// Left out: sending away clients that ping too often (--grpc-keepalive-min-time).
import type { ServerHttp2Session } from 'node:http2';

export interface KeepAliveOptions {
  /** 0 = never ask. */
  readonly keepAliveIntervalMs?: number;
  readonly keepAliveTimeoutMs?: number;
}

const INTERVAL_MS = 2 * 3_600_000;
const TIMEOUT_MS = 20_000;

export function keepAlive(
  sessions: ReadonlySet<ServerHttp2Session>,
  options: KeepAliveOptions,
): Disposable {
  const { keepAliveIntervalMs = INTERVAL_MS, keepAliveTimeoutMs = TIMEOUT_MS } = options;
  if (keepAliveIntervalMs === 0) return { [Symbol.dispose]() {} };
  const timer = setInterval(() => {
    for (const session of sessions) ask(session, keepAliveTimeoutMs);
  }, keepAliveIntervalMs).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function ask(session: ServerHttp2Session, timeoutMs: number): void {
  if (session.destroyed) return;
  const timer = setTimeout(() => session.destroy(), timeoutMs).unref();
  session.ping(() => clearTimeout(timer));
}
