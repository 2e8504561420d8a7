// subresources: status, binding and finalize: small windows on an object, each with its own rule of what may change.
//
//   status     the status only, from the whole object
//   binding    a pod gets its node: once, and never another
//   finalize   the namespace controller takes its hold off a namespace
//
// Each is a handler that declarations name (registry/resources); `bindings`, a resource of which nothing is stored, is here too, as it is
// the older way to bind.
//
// Same idea upstream: registry/core/pod/storage (BindingREST) and registry/core/namespace/storage.

import type { Binding, Namespace, Pod } from 'kubernetes-types/core/v1';
import { badRequest, conflict } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { decodeObject } from '../codec/decode.ts';
import { formatTime, mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { HandlerEnv, StoredContext } from './handler.ts';
import { handleGet, sendObject } from './read-handlers.ts';
import {
  bodyOf,
  fieldValidationOf,
  type RequestContext,
  refOf,
  writeOptions,
} from './request-context.ts';
import { send } from './responses.ts';
import { checkNamespace } from './write-checks.ts';
import { handlePatch, handleUpdate } from './write-handlers.ts';

const BINDING = { group: '', version: 'v1', kind: 'Binding' };

export function statusSubresource(context: StoredContext): Promise<void> {
  const { method } = context.request;
  if (method === 'PATCH') return handlePatch(context, 'status');
  return method === 'PUT' ? handleUpdate(context, 'status') : handleGet(context);
}

/** The whole object, judged by the subresource's own strategy. */
export function objectSubresource(context: StoredContext): Promise<void> {
  const { method } = context.request;
  if (method === 'PATCH') return handlePatch(context);
  return method === 'PUT' ? handleUpdate(context) : handleGet(context);
}

/** POST pods/NAME/binding */
export function bindingSubresource(context: StoredContext): Promise<void> {
  return bind(context, context.registry);
}

/** POST bindings, whose metadata names the pod. */
export function bindingsResource(context: RequestContext, { table }: HandlerEnv): Promise<void> {
  return bind(context, table.registry('', 'pods'));
}

async function bind(context: RequestContext, pods: Registry): Promise<void> {
  const { info, now } = context;
  const { bytes, contentType } = await bodyOf(context);
  const decoded = decodeObject(bytes, contentType, BINDING, fieldValidationOf(context));
  checkNamespace(decoded.object, info.namespace);
  const { metadata, target } = decoded.object as Binding;
  const name = info.name ?? metadata?.name ?? '';
  if (name === '') throw badRequest('Name parameter required.');
  if (info.name !== undefined && metadata?.name && metadata.name !== info.name) {
    throw badRequest('name in URL does not match name in Binding object');
  }
  if (target?.kind && target.kind !== 'Node') {
    throw badRequest('target.kind: Unsupported value: supported values: "Node", "<empty>"');
  }
  if (!target?.name) throw badRequest('target.name: Required value');
  const ref = info.namespace === undefined ? { name } : { name, namespace: info.namespace };
  const change = (current: StoredObject) => bound(current.object, target.name ?? '', now());
  const options = { ...writeOptions(context), scope: 'raw' as const, subresource: 'binding' };
  await pods.update(ref, change, options);
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' };
  await send(context.request, context.response, { status: 201, body: { ...status, code: 201 } });
}

function bound(object: ReadonlyApiObject, node: string, nowMs: number): KubernetesObject {
  const pod = mutableCopy(object) as Pod;
  const name = pod.metadata?.name ?? '';
  const at = { group: '', resource: 'pods/binding' };
  if (pod.metadata?.deletionTimestamp !== undefined) {
    throw conflict(at, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  }
  if (pod.spec?.nodeName) {
    throw conflict(at, name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  }
  const others = (pod.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  const scheduled = {
    type: 'PodScheduled',
    status: 'True',
    lastProbeTime: null,
    lastTransitionTime: formatTime(nowMs),
  };
  // The API writes null for a time that never was; the published type knows only text.
  const conditions = [...others, scheduled] as NonNullable<Pod['status']>['conditions'];
  return {
    ...pod,
    spec: { ...pod.spec, nodeName: node },
    status: { ...pod.status, conditions },
  } as KubernetesObject;
}

/** PUT namespaces/NAME/finalize */
export async function finalizeSubresource(context: StoredContext): Promise<void> {
  const { registry, served } = context;
  const { bytes, contentType } = await bodyOf(context);
  const { object } = served.codec.decode(bytes, contentType, fieldValidationOf(context));
  const wanted = object as Namespace;
  const change = (current: StoredObject): KubernetesObject => {
    const next = mutableCopy(current.object) as Namespace;
    const { finalizers = [] } = wanted.spec ?? {};
    next.spec = finalizers.length === 0 ? {} : { finalizers };
    return next;
  };
  const options = { ...writeOptions(context), scope: 'raw' as const, subresource: 'finalize' };
  await sendObject(context, await registry.update(refOf(context), change, options));
}
