// HttpGet: one request, as the spec of a probe or hook wants it, and what came of it in Go's words.
//
// Same idea upstream: kubernetes, pkg/probe/http/request.go.

import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { HTTPGetAction } from 'kubernetes-types/core/v1';
import { type HookTarget, portOf } from './attempt-target.ts';

const BODY_BYTES_MAX = 10 * 1024;

export function urlOf(action: HTTPGetAction, target: HookTarget): string {
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const host = action.host || target.address;
  if (host === '') throw new Error('failed to find networking container');
  const path = action.path || '/';
  const port = portOf(action.port, target.spec);
  return `${scheme}://${host}:${port}${path.startsWith('/') ? path : `/${path}`}`;
}

export function headersOf(action: HTTPGetAction, agent: string): Record<string, string> {
  const wanted = (action.httpHeaders ?? []).map(({ name, value }) => [name, value] as const);
  return { 'User-Agent': agent, Accept: '*/*', ...Object.fromEntries(wanted) };
}

type HttpAnswer =
  | { readonly kind: 'answer'; status: number; location: string | undefined; body: string }
  /** @property speaksHttp it was asked by HTTPS, and answers in plain HTTP. */
  | { readonly kind: 'no answer'; message: string; speaksHttp: boolean };

export function get(
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

export function dialMessage(
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
  const unknown: Readonly<Record<string, string>> = {
    ENOTFOUND: 'no such host',
    EAI_AGAIN: 'Temporary failure in name resolution',
  };
  const why = unknown[error.code ?? ''];
  if (why !== undefined) return `dial tcp: lookup ${to.hostname}: ${why}`;
  return error.code === 'ECONNRESET' ? 'EOF' : error.message;
}
