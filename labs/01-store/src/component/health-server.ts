// startHealthServer: /healthz, /livez, /readyz and /metrics of one process, over plain HTTP.
// A process that has an HTTP server already gives it healthListener() for what it does not serve itself.
//
// A check is a function that throws when something is wrong. /healthz and /readyz run them all; /livez answers
// as long as the process can answer at all. With ?verbose, or when a check fails, each check has a line of its
// own; the reason stays in the log, as upstream withholds it from whoever asks. /healthz/NAME runs one check.
// Same idea upstream: k8s.io/apiserver/pkg/server/healthz.
// Left out: ?exclude, TLS, authorization, pprof.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface HealthOptions {
  readonly checks?: Readonly<Record<string, () => void | Promise<void>>>;
  /** For /readyz only: what is no fault, but means that the work cannot be done yet. */
  readonly readyChecks?: Readonly<Record<string, () => void | Promise<void>>>;
  /** Prometheus text. */
  readonly metrics?: () => Promise<string>;
}

export interface HealthServerOptions extends HealthOptions {
  readonly address: string;
  /** 0 = any free port. */
  readonly port: number;
}

type Checks = NonNullable<HealthOptions['checks']>;

const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const TEXT_TYPE = 'text/plain; charset=utf-8';
const REQUEST_TIMEOUT_MS = 10_000;

export async function startHealthServer(
  options: HealthServerOptions,
): Promise<{ port: number } & AsyncDisposable> {
  // An import of node:http also loads Node's fetch and WebSocket, 11 MiB that a process has for nothing.
  const server = process.getBuiltinModule('node:http').createServer(healthListener(options));
  server.requestTimeout = REQUEST_TIMEOUT_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, options)));
    server.listen(options.port, options.address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

export function healthListener(options: HealthOptions): RequestListener {
  return (request, response) => {
    answer(options, request, response).catch((error: unknown) => {
      send(response, 500, TEXT_TYPE, `${error instanceof Error ? error.message : error}\n`);
    });
  };
}

async function answer(
  options: HealthOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    send(response, 405, TEXT_TYPE, 'Method Not Allowed\n');
    return;
  }
  // Not through URL: a path like // would be read as a host.
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  const [, endpoint = '', name] = path.split('/');
  if (endpoint === 'metrics' && name === undefined && options.metrics !== undefined) {
    send(response, 200, METRICS_TYPE, await options.metrics());
    return;
  }
  const checks = checksOf(endpoint, name, options);
  if (checks === undefined) {
    send(response, 404, TEXT_TYPE, '404 page not found\n');
    return;
  }
  const result = await runChecks(endpoint, checks);
  const brief = result.healthy && !new URLSearchParams(query).has('verbose');
  send(response, result.healthy ? 200 : 500, TEXT_TYPE, brief ? 'ok' : result.text);
}

/** The checks behind a path, or undefined when there is no such path. */
function checksOf(
  endpoint: string,
  name: string | undefined,
  { checks, readyChecks }: HealthOptions,
): Checks | undefined {
  const all: Checks = { ping() {} };
  if (endpoint === 'healthz') Object.assign(all, checks);
  else if (endpoint === 'readyz') Object.assign(all, checks, readyChecks);
  else if (endpoint !== 'livez') return undefined;
  if (name === undefined || name === '') return all;
  const check = Object.hasOwn(all, name) ? all[name] : undefined;
  return check === undefined ? undefined : { [name]: check };
}

async function runChecks(endpoint: string, checks: Checks) {
  const lines: string[] = [];
  let healthy = true;
  for (const [name, check] of Object.entries(checks)) {
    try {
      await check();
      lines.push(`[+]${name} ok`);
    } catch {
      healthy = false;
      lines.push(`[-]${name} failed: reason withheld`);
    }
  }
  lines.push(`${endpoint} check ${healthy ? 'passed' : 'failed'}`);
  return { healthy, text: `${lines.join('\n')}\n` };
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  if (response.headersSent) return;
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body),
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

function listenError(error: NodeJS.ErrnoException, { address, port }: HealthServerOptions): Error {
  const why = error.code === 'EADDRINUSE' ? 'the address is already in use' : error.message;
  return new Error(`Cannot listen on ${address}:${port}: ${why}`, { cause: error });
}
