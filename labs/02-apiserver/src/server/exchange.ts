// Exchange: one request on its way through the filters, with what they found out about it.
//
// An ordinary request has a response; an upgrade (exec, attach, …) has the bare socket instead. Filters treat both alike: what a caller
// may do is asked in one place. `info`, `user` and `audit` are set by their filters and are there for every filter behind them.
//
// Invariant: `onStarted` listeners are called at most once: when the head of the answer leaves, or the connection is upgraded.
// Same idea upstream: the request's context.Context with its values, and apiserver's endpoints/responsewriter.

import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AuditEntry } from '../audit/auditor.ts';
import type { User } from '../auth/user.ts';
import type { Attributes, Authorizer } from '../authz/authorizer.ts';
import { forbiddenError } from '../authz/forbidden.ts';
import { requestAttributes } from '../authz/request-attributes.ts';
import type { Upgrade } from './handler.ts';
import type { RequestInfo } from './request-info.ts';

export interface ExchangeParts {
  readonly request: IncomingMessage;
  readonly response?: ServerResponse;
  readonly upgrade?: Upgrade;
  /** Aborts when the server stops. */
  readonly signal: AbortSignal;
}

export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse | undefined;
  readonly upgrade: Upgrade | undefined;
  readonly signal: AbortSignal;
  /** As it was sent, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly receivedMs = performance.now();
  /** Who asked, before impersonation; for the audit log and the server's own. */
  originalUser: User | undefined;
  audit: AuditEntry | undefined;
  /** Who let the request through; set by the filter authorization. */
  authorizer: Authorizer | undefined;
  #info: RequestInfo | undefined;
  #user: User | undefined;
  #attributes: Attributes | undefined;
  #startedListeners: (() => void)[] | undefined;

  constructor({ request, response, upgrade, signal }: ExchangeParts) {
    this.request = request;
    this.response = response;
    this.upgrade = upgrade;
    this.signal = signal;
    const url = request.url ?? '/';
    const at = url.indexOf('?');
    this.path = at < 0 ? url : url.slice(0, at);
    this.query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1));
  }

  get info(): RequestInfo {
    assert(this.#info !== undefined, 'the filter requestInfo runs first');
    return this.#info;
  }
  set info(info: RequestInfo) {
    this.#info = info;
  }

  get user(): User {
    assert(this.#user !== undefined, 'the filter authentication runs before this one');
    return this.#user;
  }
  set user(user: User) {
    this.#user = user;
    this.#attributes = undefined;
  }

  /** What the authorizers, the audit log and fairness are asked about. */
  get attributes(): Attributes {
    this.#attributes ??= this.attributesFor(this.user);
    return this.#attributes;
  }

  attributesFor(user: User): Attributes {
    const { info, query } = this;
    // A namespace lies in itself: who may do everything in it may also look at it.
    const isNamespace = info.kind === 'resource' && info.resource === 'namespaces';
    const shape = isNamespace && info.name !== undefined ? { ...info, namespace: info.name } : info;
    return requestAttributes({ info: shape, user, query });
  }

  /** For what a request turns out to be only on its way: a PUT that makes the object is a create too. Throws Forbidden. */
  checkAlsoAllowed(verb: string): void {
    if (this.authorizer === undefined) return;
    const attributes = { ...this.attributes, verb };
    const { decision, reason } = this.authorizer.authorize(attributes);
    if (decision !== 'allow') throw forbiddenError(attributes, reason);
  }

  /** The name for logs, also of a request that was refused before anybody knew who sent it. */
  get userName(): string {
    return this.#user?.name ?? '';
  }

  /** Calls back when the answer begins: the head was written, or the connection upgraded. */
  onStarted(listener: () => void): void {
    if (this.#startedListeners === undefined) {
      this.#startedListeners = [];
      if (this.response !== undefined) onHead(this.response, () => this.started());
    }
    this.#startedListeners.push(listener);
  }

  /** For upgrades, which have no response whose head could tell. */
  started(): void {
    for (const listener of this.#startedListeners?.splice(0) ?? []) listener();
  }
}

/** Node has no event for it; every head passes through writeHead, also the implicit one. */
function onHead(response: ServerResponse, callback: () => void): void {
  const original = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = ((...args: unknown[]) => {
    const result = original(...args);
    callback();
    return result;
  }) as ServerResponse['writeHead'];
}
