// routes: which handler answers a request for a resource, and what the request is called in metrics and logs.
//
// The declaration decides: what a resource or a subresource does not declare it does not serve. A resource or a subresource with a handler
// of its own is answered by that; all others by the generic handlers below, one a verb.
//
// Same idea upstream: apiserver, endpoints/installer.go (which routes there are, and the 404 or 405 where there is none).

import { ApiError, methodNotAllowed } from '../api-error.ts';
import type {
  ResourceDefinition,
  SubresourceDefinition,
  Verb,
} from '../registry/resource-definition.ts';
import type { HandlerEnv, StoredContext, StoredHandler, Upgrade } from './handler.ts';
import type { RequestLabels } from './metrics.ts';
import { unknownPath } from './path-handlers.ts';
import { handleGet, handleList, handleWatch } from './read-handlers.ts';
import type { RequestContext } from './request-context.ts';
import type { ResourceRequest } from './request-info.ts';
import {
  handleCreate,
  handleDelete,
  handleDeleteCollection,
  handlePatch,
  handleUpdate,
} from './write-handlers.ts';

export interface Route {
  /** As metrics name it: POST, LIST, WATCH. */
  readonly verb: string;
  readonly longRunning: boolean;
  handle(): Promise<void>;
}

export interface UpgradeRoute {
  readonly verb: string;
  /** Resolves when the upgraded connection has ended. */
  readonly connect: (upgrade: Upgrade) => Promise<void>;
}

const METRIC_VERBS: Readonly<Record<Verb, string>> = {
  create: 'POST',
  delete: 'DELETE',
  deletecollection: 'DELETECOLLECTION',
  get: 'GET',
  list: 'LIST',
  patch: 'PATCH',
  update: 'PUT',
  watch: 'WATCH',
};

const GENERIC_HANDLERS: Readonly<Record<Verb, StoredHandler>> = {
  create: (context) => handleCreate(context),
  delete: (context) => handleDelete(context),
  deletecollection: (context) => handleDeleteCollection(context),
  get: (context) => handleGet(context),
  list: (context) => handleList(context),
  patch: (context) => handlePatch(context),
  update: (context) => handleUpdate(context),
  watch: (context) => handleWatch(context),
};

/** Verbs that read over all namespaces; everything else that a namespaced resource does is done in one. */
const ACROSS_NAMESPACES: ReadonlySet<Verb> = new Set(['list', 'watch']);
const ON_COLLECTION: ReadonlySet<Verb> = new Set(['create', 'deletecollection', 'list', 'watch']);

/** Throws what upstream answers where it has no such route: NotFound for a path, MethodNotAllowed for a method on it. */
export function routeResource(context: RequestContext, env: HandlerEnv): Route {
  const { definition } = context.served;
  const verb = apiVerb(context);
  checkTarget(context.info, definition, verb);
  if (context.info.subresource !== undefined) return subresourceRoute(context, verb, env);
  if (!definition.verbs.includes(verb)) throw methodNotAllowed(definition, verb);
  const { handle } = definition;
  return {
    verb: METRIC_VERBS[verb],
    longRunning: verb === 'watch',
    handle() {
      return handle === undefined
        ? GENERIC_HANDLERS[verb](storedContext(context), env)
        : handle(context, env);
    },
  };
}

function subresourceRoute(context: RequestContext, verb: Verb, env: HandlerEnv): Route {
  const { handle, longRunning = false } = subresourceOf(context, verb);
  if (handle === undefined) throw upgradeRequired(context.served.definition);
  const stored = storedContext(context);
  return { verb: METRIC_VERBS[verb], longRunning, handle: () => handle(stored, env) };
}

/** For requests that ask for an upgrade. Only subresources with `connect` grant one; all else is unknown. */
export function routeUpgrade(context: RequestContext, env: HandlerEnv): UpgradeRoute {
  const verb = apiVerb(context);
  checkTarget(context.info, context.served.definition, verb);
  const { connect } = subresourceOf(context, verb);
  if (connect === undefined) throw unknownPath();
  const stored = storedContext(context);
  return { verb: 'CONNECT', connect: (upgrade) => connect(stored, upgrade, env) };
}

function subresourceOf({ info, served }: RequestContext, verb: Verb): SubresourceDefinition {
  const { definition } = served;
  const found = definition.subresources.find(({ name }) => name === info.subresource);
  if (found === undefined || (info.rest.length > 0 && found.hasRest !== true)) throw unknownPath();
  if (!found.verbs.includes(verb)) throw methodNotAllowed(definition, verb);
  return found;
}

/** The path must be one that the resource has, and the verb one that the path has. */
function checkTarget(info: ResourceRequest, definition: ResourceDefinition, verb: Verb): void {
  const { name, namespace } = info;
  const isObject = name !== undefined;
  if (namespace !== undefined && !definition.namespaced) throw unknownPath();
  if (definition.namespaced && namespace === undefined) {
    if (isObject) throw unknownPath();
    if (!ACROSS_NAMESPACES.has(verb)) throw noSuchMethod();
  }
  if (info.subresource !== undefined) return;
  const fits = isObject ? !ON_COLLECTION.has(verb) || verb === 'watch' : ON_COLLECTION.has(verb);
  if (!fits) throw noSuchMethod();
}

/** Upstream's answer when a path exists, and only the method does not. */
function noSuchMethod(): ApiError {
  const message = 'the server does not allow this method on the requested resource';
  return new ApiError('MethodNotAllowed', message, { details: {} });
}

/** exec and attach only mean something as an upgraded connection. */
function upgradeRequired(definition: ResourceDefinition): ApiError {
  return methodNotAllowed(definition, 'a request without "Upgrade: websocket"');
}

/** Generic handlers and subresources need a registry; a declaration that has neither registry nor handler offers nothing. */
function storedContext(context: RequestContext): StoredContext {
  if (!isStoredContext(context)) throw unknownPath();
  return context;
}

function isStoredContext(context: RequestContext): context is StoredContext {
  return context.registry !== undefined;
}

function apiVerb({ verb, info, request }: RequestContext): Verb {
  // What a proxy passes on may be asked with it; to the API, and so to the authorizers, it is no verb.
  if (request.method === 'OPTIONS' && info.subresource === 'proxy') return 'get';
  if (!isVerb(verb)) throw unknownPath();
  return verb;
}

function isVerb(verb: string): verb is Verb {
  return Object.hasOwn(METRIC_VERBS, verb);
}

/** `LIST` for list; what the API does not know is called by nothing. */
export function metricVerbOf(verb: string): string {
  return isVerb(verb) ? METRIC_VERBS[verb] : '';
}

export function labelsOf(info: ResourceRequest, verb: string): RequestLabels {
  const { group, version, resource, subresource = '' } = info;
  return { verb, group, version, resource, subresource };
}
