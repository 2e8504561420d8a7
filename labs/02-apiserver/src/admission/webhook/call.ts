// call: one question to a webhook over HTTPS, with a time limit.
//
// A webhook listens at a URL or behind a service; of a service one of the ready endpoints is asked, which must prove to be SERVICE.NAMESPACE.svc
// by a certificate of the caBundle. Whatever goes wrong is a CallError, in the words in which upstream's HTTP client says it.
//
// What a webhook may answer is limited: it is trusted, but a broken one must not fill the memory of the server.
// Same idea upstream: apiserver, util/webhook/client.go and client-go, rest/request.go.

import { randomInt } from 'node:crypto';
import { Agent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { WebhookClientConfig } from 'kubernetes-types/admissionregistration/v1';
import type { Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { resolveService } from '../../aggregator/service-resolver.ts';
import { parseGoJson } from '../../codec/go-json.ts';
import type { ResourceTable } from '../../registry/resource-table.ts';
import { cachedObjects, findObject } from '../lookup.ts';
import { CallError } from './errors.ts';
import type { Hook } from './hooks.ts';

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;
const DEFAULT_TIMEOUT_SECONDS = 10;
const SERVICE_LABEL = 'kubernetes.io/service-name';
/** Connections that are idle are kept for the next question. */
const IDLE_SOCKETS_MAX = 16;

interface Target {
  readonly url: URL;
  /** Where to connect; undefined: what the URL says. */
  readonly address?: { readonly host: string; readonly port: number };
}

interface RawAnswer {
  readonly code: number;
  readonly text: string;
}

export class WebhookClient {
  readonly #table: ResourceTable;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: IDLE_SOCKETS_MAX });

  constructor(table: ResourceTable) {
    this.#table = table;
  }

  /** The parsed answer; throws CallError. */
  async ask({ webhook }: Hook, body: object): Promise<unknown> {
    const { name, clientConfig, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS } = webhook;
    const failed = (why: string, rest: { readonly cause?: unknown; readonly code?: number }) =>
      new CallError(name, `failed to call webhook: ${why}`, rest);
    let url = urlOf(clientConfig);
    url.searchParams.set('timeout', `${timeoutSeconds}s`);
    try {
      const target = await this.#target(clientConfig, url);
      ({ url } = target);
      const bytes = Buffer.from(JSON.stringify(body));
      const signal = AbortSignal.timeout(timeoutSeconds * 1000);
      const answer = await this.#send(target, clientConfig, { bytes, signal });
      if (answer.code < 200 || answer.code > 206)
        throw failed(sayCode(answer), { code: answer.code });
      return parseAnswer(answer.text);
    } catch (error) {
      if (error instanceof CallError) throw error;
      if (error instanceof AnswerError) throw failed(error.message, { cause: error });
      throw failed(`Post ${JSON.stringify(url.href)}: ${sayFailure(error)}`, { cause: error });
    }
  }

  async #target({ service }: WebhookClientConfig, url: URL): Promise<Target> {
    if (service === undefined) return { url };
    const { name, namespace } = service;
    const found = await findObject(this.#table.registry('', 'services'), { name, namespace });
    if (found === undefined) throw new Error(`service ${JSON.stringify(name)} not found`);
    const all = this.#table.registry('discovery.k8s.io', 'endpointslices');
    const slices = (await cachedObjects(all, namespace)).filter(
      ({ metadata }) => metadata.labels?.[SERVICE_LABEL] === name,
    );
    const resolved = resolveService(
      service,
      found as Service,
      slices as unknown as EndpointSlice[],
    );
    if (resolved.kind === 'unavailable') throw new Error(resolved.message);
    const address = resolved.addresses[randomInt(resolved.addresses.length)];
    return address === undefined ? { url } : { url, address };
  }

  async #send(
    { url, address }: Target,
    { caBundle = '' }: WebhookClientConfig,
    { bytes, signal }: { bytes: Buffer; signal: AbortSignal },
  ): Promise<RawAnswer> {
    const options: RequestOptions = {
      agent: this.#agent,
      method: 'POST',
      host: address?.host ?? url.hostname.replace(/^\[|\]$/g, ''),
      port: address?.port ?? (url.port === '' ? 443 : Number(url.port)),
      path: url.pathname + url.search,
      servername: isIpAddress(url.hostname) ? '' : url.hostname,
      headers: {
        host: url.host,
        'content-type': 'application/json',
        accept: 'application/json, */*',
        'user-agent': 'kube-apiserver-admission',
        'content-length': bytes.length,
      },
      ...(caBundle === '' ? {} : { ca: Buffer.from(caBundle, 'base64') }),
    };
    try {
      return await exchange(options, bytes, signal);
    } catch (error) {
      // The other side closed a kept connection just when we used it again: it has not seen the question.
      if (error instanceof StaleConnection) return await exchange(options, bytes, signal);
      throw error;
    }
  }
}

/** The one failure after which asking again is safe. */
class StaleConnection extends Error {}
/** There is an answer, but it is none. */
class AnswerError extends Error {}

/** One request and its whole answer; rejects with the signal's reason when the time is over. */
function exchange(options: RequestOptions, bytes: Buffer, signal: AbortSignal): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    // `signal` also ends an answer that has begun and does not go on.
    const outgoing = httpsRequest({ ...options, signal }, (answer) => {
      const chunks: Buffer[] = [];
      let length = 0;
      answer.on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > ANSWER_BYTES_MAX) {
          reject(new AnswerError(`the answer is larger than ${ANSWER_BYTES_MAX} bytes`));
          answer.destroy();
          return;
        }
        chunks.push(chunk);
      });
      answer.on('error', (error) => reject(signal.aborted ? signal.reason : error));
      answer.on('end', () =>
        resolve({ code: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') }),
      );
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      if (signal.aborted) reject(signal.reason);
      else if (outgoing.reusedSocket && error.code === 'ECONNRESET') reject(new StaleConnection());
      else reject(error);
    });
    outgoing.end(bytes);
  });
}

function parseAnswer(text: string): unknown {
  try {
    return parseGoJson(text).value;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AnswerError(`couldn't get version/kind; json parse error: ${why}`, { cause: error });
  }
}

/** A service's URL names the service, whatever address is asked: it is what errors show and what the certificate must say. */
function urlOf({ url, service }: WebhookClientConfig): URL {
  if (service === undefined) return new URL(url ?? '');
  const { name, namespace, path = '', port = 443 } = service;
  const base = new URL(`https://${name}.${namespace}.svc:${port}`);
  base.pathname = path;
  return base;
}

/** Server names in TLS are names: an address must not be sent as one. */
function isIpAddress(host: string): boolean {
  return host.startsWith('[') || /^\d+\.\d+\.\d+\.\d+$/.test(host);
}

/** As upstream's client says them when the body is no Status. */
const CODES: Readonly<Partial<Record<number, string>>> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  403: 'the server does not allow access to the requested resource',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  503: 'the server is currently unable to handle the request',
  504: 'the server was unable to return a response in the time allotted, but may still be processing the request',
};

/** The body of a fault of the server's own may say why, so it is shown; other bodies are not. */
function sayCode({ code, text }: RawAnswer): string {
  const known = CODES[code];
  if (known !== undefined) return known;
  if (code < 500) {
    return `the server responded with the status code ${code} but did not return more information`;
  }
  const shown = JSON.stringify(text.trim().slice(0, 2048));
  return `an error on the server (${shown}) has prevented the request from succeeding`;
}

/** Node's names for what Go says in words. */
const SYSTEM_ERRORS: Readonly<Partial<Record<string, string>>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'connect: connection timed out',
};

/** Node's error in the words of Go's client: people search the web for them. */
function sayFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError' || error.name === 'AbortError')
    return 'context deadline exceeded';
  const { code = '', message } = error as NodeJS.ErrnoException;
  const { address, port } = error as { address?: string; port?: number };
  const known = SYSTEM_ERRORS[code];
  if (known !== undefined) return `dial tcp ${address}:${port}: ${known}`;
  if (code === 'ECONNRESET') return 'EOF';
  if (code === 'ENOTFOUND') {
    return `dial tcp: lookup ${(error as { hostname?: string }).hostname}: no such host`;
  }
  const isUnknownAuthority =
    code.startsWith('UNABLE_TO_') || code.includes('SELF_SIGNED') || code === 'CERT_UNTRUSTED';
  if (isUnknownAuthority) {
    return 'tls: failed to verify certificate: x509: certificate signed by unknown authority';
  }
  return code.startsWith('ERR_TLS') || code.startsWith('CERT_')
    ? `tls: failed to verify certificate: x509: ${message}`
    : message;
}
