// routes: which handler answers a request for a resource, and what the request is called in metrics and logs.
//
// The method, whether there is a name, and the subresource decide. What a resource does not declare it does not serve.
// Same idea upstream: apiserver, endpoints/installer.go and endpoints/request/requestinfo.go (the verbs).

import { methodNotAllowed } from '../api-error.ts';
import type { ResourceDefinition, Verb } from '../registry/resource-definition.ts';
import type { KubeletProxy } from './kubelet-proxy.ts';
import type { RequestLabels } from './metrics.ts';
import { unknownPath } from './path-handlers.ts';
import { handleGet, handleList, handleWatch } from './read-handlers.ts';
import { isTrue, type RequestContext } from './request-context.ts';
import type { ResourceRequest } from './request-info.ts';
import { handleBinding, handleFinalize, handleScale } from './subresources.ts';
import {
  handleCreate,
  handleDelete,
  handleDeleteCollection,
  handlePatch,
  handleUpdate,
} from './write-handlers.ts';

export interface Route {
  readonly verb: string;
  readonly longRunning: boolean;
  readonly handle: () => Promise<void>;
}

export function routeResource(context: RequestContext, kubelets: KubeletProxy): Route {
  const verb = verbOf(context);
  if (context.info.subresource !== undefined) return subresourceRoute(context, verb, kubelets);
  if (context.registry.definition.kind === 'Binding') {
    if (verb !== 'create') throw methodNotAllowed(context.registry.definition, verb);
    return { verb: 'POST', longRunning: false, handle: () => bindPod(context) };
  }
  if (!context.registry.definition.verbs.includes(verb)) {
    throw methodNotAllowed(context.registry.definition, verb);
  }
  return {
    verb: METRIC_VERBS[verb],
    longRunning: verb === 'watch',
    handle: handlerOf(context, verb),
  };
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

function handlerOf(context: RequestContext, verb: Verb): () => Promise<void> {
  switch (verb) {
    case 'create':
      return () => handleCreate(context);
    case 'delete':
      return () => handleDelete(context);
    case 'deletecollection':
      return () => handleDeleteCollection(context);
    case 'get':
      return () => handleGet(context);
    case 'list':
      return () => handleList(context);
    case 'patch':
      return () => handlePatch(context);
    case 'update':
      return () => handleUpdate(context);
    case 'watch':
      return () => handleWatch(context);
  }
}

function subresourceRoute(context: RequestContext, verb: Verb, kubelets: KubeletProxy): Route {
  const { info, registry } = context;
  const { definition } = registry;
  const found = definition.subresources.find(({ name }) => name === info.subresource);
  if (found === undefined || info.rest.length > 0) throw unknownPath();
  if (!found.verbs.includes(verb)) throw methodNotAllowed(definition, verb);
  const route = (handle: () => Promise<void>, longRunning = false): Route => ({
    verb: METRIC_VERBS[verb],
    longRunning,
    handle,
  });
  switch (found.name) {
    case 'status':
      return route(statusHandler(context, verb));
    case 'scale':
      return route(() => handleScale(context));
    case 'binding':
      return route(() => handleBinding(context));
    case 'finalize':
      return route(() => handleFinalize(context));
    case 'log':
      return route(() => kubelets.log(context), true);
    default:
      throw upgradeRequired(definition);
  }
}

/** exec and attach only mean something as an upgraded connection. */
function upgradeRequired(definition: ResourceDefinition): Error {
  return methodNotAllowed(definition, 'a request without "Upgrade: websocket"');
}

function statusHandler(context: RequestContext, verb: Verb): () => Promise<void> {
  if (verb === 'get') return () => handleGet(context);
  return verb === 'patch'
    ? () => handlePatch(context, 'status')
    : () => handleUpdate(context, 'status');
}

function bindPod(context: RequestContext): Promise<void> {
  return handleBinding(context);
}

function verbOf({ request, info, query }: RequestContext): Verb {
  switch (request.method) {
    case 'HEAD':
    case 'GET':
      if (info.subresource === undefined && isTrue(query, 'watch')) return 'watch';
      return info.name === undefined ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return info.name === undefined ? 'deletecollection' : 'delete';
    default:
      throw unknownPath();
  }
}

export function labelsOf(info: ResourceRequest, verb: string): RequestLabels {
  const { group, version, resource, subresource = '' } = info;
  return { verb, group, version, resource, subresource };
}
