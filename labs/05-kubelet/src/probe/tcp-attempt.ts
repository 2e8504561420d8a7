// TcpAttempt: a probe that opens a connection, and says nothing on it.
//
// Same idea upstream: kubernetes, pkg/probe/tcp.

import { connect } from 'node:net';
import type { TCPSocketAction } from 'kubernetes-types/core/v1';
import { type AttemptResult, type AttemptTarget, portOf } from './attempt-target.ts';
import { dialMessage } from './http-get.ts';

export function connectOverTcp(
  action: TCPSocketAction,
  target: AttemptTarget,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const port = portOf(action.port, target.spec);
  const host = action.host || target.address;
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal });
    const finish = (result: AttemptResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => finish({ kind: 'success' }));
    socket.on('error', (error) => {
      const isLate = error.name === 'AbortError';
      const what = isLate ? `dial tcp ${host}:${port}: i/o timeout` : undefined;
      finish({ kind: 'failure', output: what ?? dialMessage(error, { hostname: host, port }) });
    });
  });
}
