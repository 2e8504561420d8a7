// Handlers: one attempt of a probe or hook: a command in the container, an HTTP request, a TCP connection.
//
// HTTP and TCP go from the node's own network to the pod's address, as a client of the pod would. Success is a union
// member, and so is failure with the text that ends up in the event, in upstream's words.
//
// Same idea upstream: kubernetes, pkg/probe/{exec,http,tcp}, and pkg/kubelet/lifecycle/handlers.go.
// Left out here: gRPC, redirects to other hosts.

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import type {
  Container,
  ExecAction,
  HTTPGetAction,
  TCPSocketAction,
} from 'kubernetes-types/core/v1';
import type { Runtime } from '../runtime/runtime.ts';

export type AttemptResult =
  | { readonly kind: 'success' }
  | { readonly kind: 'failure'; readonly output: string };

export interface Handler {
  readonly exec?: ExecAction;
  readonly httpGet?: HTTPGetAction;
  readonly tcpSocket?: TCPSocketAction;
}

export interface AttemptTarget {
  readonly runtime: Runtime;
  readonly containerId: string;
  readonly spec: Container;
  readonly address: string;
  readonly timeoutMs: number;
}

const BODY_BYTES_MAX = 10 * 1024;

export async function attempt(handler: Handler, target: AttemptTarget): Promise<AttemptResult> {
  try {
    if (handler.exec !== undefined) return await runCommand(handler.exec, target);
    if (handler.httpGet !== undefined) return await getOverHttp(handler.httpGet, target);
    if (handler.tcpSocket !== undefined) return await connectOverTcp(handler.tcpSocket, target);
  } catch (error) {
    return { kind: 'failure', output: error instanceof Error ? error.message : String(error) };
  }
  return { kind: 'failure', output: 'missing probe handler' };
}

async function runCommand(action: ExecAction, target: AttemptTarget): Promise<AttemptResult> {
  const { runtime, containerId, timeoutMs } = target;
  const command = action.command ?? [];
  const result = await runtime.execSync(containerId, command, timeoutMs);
  if (result.kind === 'timeout') {
    const text = `command "${command.join(' ')}" timed out after ${timeoutMs / 1_000}s`;
    return { kind: 'failure', output: `command timed out: ${text}` };
  }
  if (result.exitCode === 0) return { kind: 'success' };
  return { kind: 'failure', output: result.output };
}

/** Any status from 200 to 399 will do. */
function getOverHttp(action: HTTPGetAction, target: AttemptTarget): Promise<AttemptResult> {
  const port = portOf(action.port, target.spec);
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const host = action.host || target.address;
  const path = action.path || '/';
  const url = `${scheme}://${host}:${port}${path.startsWith('/') ? path : `/${path}`}`;
  const headers = Object.fromEntries(
    (action.httpHeaders ?? []).map(({ name, value }) => [name, value]),
  );
  const send = scheme === 'https' ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const fail = (output: string) => resolve({ kind: 'failure', output });
    const options = {
      headers: { 'User-Agent': 'kube-probe/1.33', Accept: '*/*', ...headers },
      // A connection of its own each time; the certificate is the pod's business.
      agent: false as const,
      rejectUnauthorized: false,
      signal: AbortSignal.timeout(target.timeoutMs),
    };
    const request = send(url, options, (response) => {
      const status = response.statusCode ?? 0;
      let receivedBytes = 0;
      response.on('data', (chunk: Buffer) => {
        receivedBytes += chunk.length;
        if (receivedBytes > BODY_BYTES_MAX) response.destroy();
      });
      response.on('error', () => {});
      if (status >= 200 && status < 400) resolve({ kind: 'success' });
      else fail(`HTTP probe failed with statuscode: ${status}`);
    });
    request.on('error', (error: NodeJS.ErrnoException) =>
      fail(`Get "${url}": ${dialMessage(error, `${host}:${port}`)}`),
    );
    request.end();
  });
}

function connectOverTcp(action: TCPSocketAction, target: AttemptTarget): Promise<AttemptResult> {
  const port = portOf(action.port, target.spec);
  const host = action.host || target.address;
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: target.timeoutMs });
    const finish = (result: AttemptResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => finish({ kind: 'success' }));
    socket.on('timeout', () =>
      finish({ kind: 'failure', output: `dial tcp ${host}:${port}: i/o timeout` }),
    );
    socket.on('error', (error) =>
      finish({ kind: 'failure', output: dialMessage(error, `${host}:${port}`) }),
    );
  });
}

/** A number, or the name of one of the container's ports. */
export function portOf(port: number | string, spec: Container): number {
  const number = Number(port);
  if (Number.isInteger(number)) return number;
  const named = (spec.ports ?? []).find(({ name }) => name === port);
  if (named === undefined) throw new Error(`couldn't find port: ${port}`);
  return named.containerPort;
}

function dialMessage(error: NodeJS.ErrnoException, address: string): string {
  if (error.name === 'TimeoutError' || error.name === 'AbortError') {
    return 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
  }
  const said: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connection refused',
    EHOSTUNREACH: 'no route to host',
    ENETUNREACH: 'network is unreachable',
    ETIMEDOUT: 'connection timed out',
  };
  const text = said[error.code ?? ''];
  if (text !== undefined) return `dial tcp ${address}: connect: ${text}`;
  return error.code === 'ECONNRESET' ? 'EOF' : error.message;
}
