// Handlers: one attempt of a probe or hook: a command in the container, an HTTP request, a TCP connection.
//
// HTTP and TCP go from the node's own network to the pod's address, as a client of the pod would. Success is a union
// member, and so is failure with the text that ends up in the event, in upstream's words. A probe that could not be made at all
// (the engine is away, the port has no such name) says nothing about the container: that is `unknown`, and no failure.
//
// Same idea upstream: kubernetes, pkg/probe/{exec,http,tcp}, and pkg/kubelet/lifecycle/handlers.go.
// Left out here: gRPC, the sleep hook.

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
  /** @property warning is worth an event, e.g. a redirect to another host, which nobody follows. */
  | { readonly kind: 'success'; readonly warning?: string }
  | { readonly kind: 'failure'; readonly output: string }
  | { readonly kind: 'unknown'; readonly output: string };

export type HookResult = Exclude<AttemptResult, { kind: 'unknown' }>;

export interface Handler {
  readonly exec?: ExecAction;
  readonly httpGet?: HTTPGetAction;
  readonly tcpSocket?: TCPSocketAction;
}

/** Hooks have no time limit of their own: they take as long as they take. */
export interface HookTarget {
  readonly runtime: Runtime;
  readonly containerId: string;
  readonly spec: Container;
  readonly address: string;
}

export interface AttemptTarget extends HookTarget {
  readonly timeoutMs: number;
}

/** An attempt that cannot be made is tried again at once this often. */
const TRIES_MAX = 3;

const BODY_BYTES_MAX = 10 * 1024;
const REDIRECTS_MAX = 10;
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
const PROBE_AGENT = 'kube-probe/1.33';
const HOOK_AGENT = 'kube-lifecycle/1.33';

/** One attempt of a probe. What it finds after the signal was aborted means nothing. */
export async function attempt(
  handler: Handler,
  target: AttemptTarget,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const { exec, httpGet, tcpSocket } = handler;
  for (let tries = 1; ; tries++) {
    try {
      if (exec !== undefined) return await probeByCommand(exec, target, signal);
      if (httpGet !== undefined) return await probeOverHttp(httpGet, target, signal);
      if (tcpSocket !== undefined) return await connectOverTcp(tcpSocket, target, signal);
      return { kind: 'unknown', output: `missing probe handler for ${target.spec.name}` };
    } catch (error) {
      if (tries === TRIES_MAX || signal.aborted) return { kind: 'unknown', output: textOf(error) };
    }
  }
}

/** What an event says of an attempt, if it deserves one. */
export function complaintOf(result: AttemptResult): { reason: string; text: string } | undefined {
  if (result.kind === 'success') {
    const { warning } = result;
    return warning === undefined
      ? undefined
      : { reason: 'ProbeWarning', text: `warning: ${warning}` };
  }
  const how = result.kind === 'failure' ? 'failed' : 'errored and resulted in unknown state';
  return { reason: 'Unhealthy', text: `${how}: ${result.output}` };
}

/**
 * A postStart or preStop hook. Whatever goes wrong, it has failed; any answer to a request is a success.
 * @throws when the signal is aborted, which also ends the command.
 */
export async function runHook(
  handler: Handler,
  target: HookTarget,
  signal: AbortSignal,
): Promise<HookResult> {
  const { exec, httpGet } = handler;
  try {
    if (exec !== undefined) return await hookByCommand(exec, target, signal);
    if (httpGet !== undefined) return await hookOverHttp(httpGet, target, signal);
  } catch (error) {
    signal.throwIfAborted();
    return { kind: 'failure', output: textOf(error) };
  }
  return { kind: 'failure', output: 'invalid handler: it has neither exec nor httpGet' };
}

async function probeByCommand(
  action: ExecAction,
  target: AttemptTarget,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const { runtime, containerId, timeoutMs } = target;
  const command = action.command ?? [];
  const result = await runtime.execSync(containerId, command, { timeoutMs, signal });
  if (result.kind === 'timeout') {
    const text = `command "${command.join(' ')}" timed out after ${timeoutMs / 1_000}s`;
    return { kind: 'failure', output: `command timed out: ${text}` };
  }
  if (result.exitCode === 0) return { kind: 'success' };
  return { kind: 'failure', output: result.output };
}

async function hookByCommand(
  action: ExecAction,
  { runtime, containerId }: HookTarget,
  signal: AbortSignal,
): Promise<HookResult> {
  const command = action.command ?? [];
  const result = await runtime.execSync(containerId, command, { signal });
  if (result.kind === 'exited' && result.exitCode === 0) return { kind: 'success' };
  const how =
    result.kind === 'timeout' ? 'timed out' : `exited with ${result.exitCode}: ${result.output}`;
  return { kind: 'failure', output: `command '${command.join(' ')}' ${how}` };
}

/** Any status from 200 to 399 will do. Redirects are followed as long as they stay on the host. */
async function probeOverHttp(
  action: HTTPGetAction,
  target: AttemptTarget,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const first = urlOf(action, target);
  // For all requests together.
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(target.timeoutMs)]);
  let url = first;
  for (let count = 1; ; count++) {
    const answer = await get(url, headersOf(action, PROBE_AGENT), inTime);
    if (answer.kind === 'no answer') {
      return { kind: 'failure', output: `Get "${url}": ${answer.message}` };
    }
    const { status, location, body } = answer;
    const next =
      REDIRECTS.includes(status) && location !== undefined ? new URL(location, url) : undefined;
    if (next === undefined || next.hostname !== new URL(first).hostname) {
      if (status < 200 || status >= 400) {
        return { kind: 'failure', output: `HTTP probe failed with statuscode: ${status}` };
      }
      if (status < 300) return { kind: 'success' };
      return { kind: 'success', warning: `Probe terminated redirects, Response body: ${body}` };
    }
    if (count === REDIRECTS_MAX) {
      return { kind: 'failure', output: `Get "${next}": stopped after ${count} redirects` };
    }
    url = next.href;
  }
}

async function hookOverHttp(
  action: HTTPGetAction,
  target: HookTarget,
  signal: AbortSignal,
): Promise<HookResult> {
  const url = urlOf(action, target);
  const headers = headersOf(action, HOOK_AGENT);
  const answer = await get(url, headers, signal);
  signal.throwIfAborted();
  if (answer.kind === 'answer') return { kind: 'success' };
  if (answer.speaksHttp) {
    const { host } = new URL(url);
    const plain = await get(url.replace('https:', 'http:'), headers, signal);
    const warning = `request to HTTPS lifecycle hook ${host} got HTTP response, retry with HTTP succeeded`;
    if (plain.kind === 'answer') return { kind: 'success', warning };
  }
  return { kind: 'failure', output: `Get "${url}": ${answer.message}` };
}

function urlOf(action: HTTPGetAction, target: HookTarget): string {
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const host = action.host || target.address;
  if (host === '') throw new Error('failed to find networking container');
  const path = action.path || '/';
  const port = portOf(action.port, target.spec);
  return `${scheme}://${host}:${port}${path.startsWith('/') ? path : `/${path}`}`;
}

function headersOf(action: HTTPGetAction, agent: string): Record<string, string> {
  const wanted = (action.httpHeaders ?? []).map(({ name, value }) => [name, value] as const);
  return { 'User-Agent': agent, Accept: '*/*', ...Object.fromEntries(wanted) };
}

type HttpAnswer =
  | { readonly kind: 'answer'; status: number; location: string | undefined; body: string }
  /** @property speaksHttp it was asked by HTTPS, and answers in plain HTTP. */
  | { readonly kind: 'no answer'; message: string; speaksHttp: boolean };

function get(
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<HttpAnswer> {
  // A connection of its own each time; the certificate is the pod's business.
  const options = { headers, agent: false as const, rejectUnauthorized: false, signal };
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException) => {
      const speaksHttp = /wrong version number|packet length too long/i.test(error.message);
      resolve({ kind: 'no answer', message: dialMessage(error, new URL(url)), speaksHttp });
    };
    const send = url.startsWith('https:') ? httpsRequest : httpRequest;
    const sent = send(url, options, (response) => {
      const { statusCode: status = 0, headers } = response;
      let body = Buffer.alloc(0);
      const finish = () =>
        resolve({ kind: 'answer', status, location: headers.location, body: body.toString() });
      response.on('data', (chunk: Buffer) => {
        body = Buffer.concat([body, chunk]).subarray(0, BODY_BYTES_MAX);
        if (body.length === BODY_BYTES_MAX) response.destroy();
      });
      // In this order: one that was cut off because it is too long is an answer, too.
      response.on('end', finish).on('close', () => {
        if (body.length === BODY_BYTES_MAX) finish();
      });
      response.on('error', fail);
    });
    sent.on('error', fail);
    sent.end();
  });
}

function connectOverTcp(
  action: TCPSocketAction,
  target: AttemptTarget,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const port = portOf(action.port, target.spec);
  const host = action.host || target.address;
  return new Promise((resolve) => {
    const socket = connect({ host, port, signal, timeout: target.timeoutMs });
    const finish = (result: AttemptResult) => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => finish({ kind: 'success' }));
    socket.on('timeout', () =>
      finish({ kind: 'failure', output: `dial tcp ${host}:${port}: i/o timeout` }),
    );
    socket.on('error', (error) =>
      finish({ kind: 'failure', output: dialMessage(error, { hostname: host, port }) }),
    );
  });
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A number, or the name of one of the container's ports. */
export function portOf(port: number | string, spec: Container): number {
  const number = Number(port);
  if (Number.isInteger(number)) return number;
  const named = (spec.ports ?? []).find(({ name }) => name === port);
  if (named === undefined) throw new Error(`couldn't find port: ${port}`);
  return named.containerPort;
}

function dialMessage(
  error: NodeJS.ErrnoException,
  to: { readonly hostname: string; readonly port: string | number },
): string {
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
  if (text !== undefined) return `dial tcp ${to.hostname}:${to.port}: connect: ${text}`;
  return error.code === 'ECONNRESET' ? 'EOF' : error.message;
}
