// handler: what a resource or a subresource may bring along to answer its requests itself.
//
// Most resources bring nothing: the registry answers get, list, watch and the writes for all of them. A handler is for what has rules or
// answers of its own: scale, binding, logs, reviews that are never stored. It throws an ApiError for what a client shall hear.
// Who needs more than HandlerEnv has adds an optional line to it, and fills it where the server makes it.
//
// Same idea upstream: apiserver, registry/rest (Connecter, GetterWithOptions, NamedCreater).

import type { Duplex } from 'node:stream';
import type { KeyValueStore, Logger } from '@kube-labs/store';
import type { AdmissionChain } from '../admission/admission.ts';
import type { TokenAuthenticator } from '../auth/authenticator.ts';
import type { TokenIssuer } from '../auth/token-issuer.ts';
import type { AuthorizerAndRules } from '../authz/authorizer.ts';
import type { Clock } from '../client/clock.ts';
import type { Registry } from '../registry/registry.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import type { KubeletProxy } from './kubelet-proxy.ts';
import type { Dial } from './proxy-target.ts';
import type { RequestContext } from './request-context.ts';

/** What handlers may use besides the request. */
export interface HandlerEnv {
  readonly table: ResourceTable;
  readonly kubelets: KubeletProxy;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** For what is no write: CONNECT, evictions. */
  readonly admission: AdmissionChain;
  /** Undefined where everybody may do everything. */
  readonly authorizer?: AuthorizerAndRules | undefined;
  readonly tokenAuthenticator?: TokenAuthenticator | undefined;
  /** Gives service accounts their tokens. */
  readonly tokenIssuer?: TokenIssuer | undefined;
  /** How proxies reach pods and services. Default: directly. */
  readonly dial?: Dial | undefined;
}

/** A request for a resource that is stored. */
export interface StoredContext extends RequestContext {
  readonly registry: Registry;
}

/** A client's connection that is to speak another protocol from here on. */
export interface Upgrade {
  readonly socket: Duplex;
  /** What the client sent behind its request already. */
  readonly head: Buffer;
}

/** Answers one request; the verb is one of those that the declaration lists. */
export type ResourceHandler = (context: RequestContext, env: HandlerEnv) => Promise<void>;

/** The same for what belongs to a stored resource. */
export type StoredHandler = (context: StoredContext, env: HandlerEnv) => Promise<void>;

/** Takes the connection over; resolves when both sides have ended. There is no response to write to. */
export type ConnectHandler = (
  context: StoredContext,
  upgrade: Upgrade,
  env: HandlerEnv,
) => Promise<void>;
