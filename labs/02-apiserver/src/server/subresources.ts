// subresources: status, scale, binding and finalize: small windows on an object, each with its own rule of what may change.
//
//   status     the status only, from the whole object
//   scale      one number, under a kind of its own, so that any scalable kind is scaled alike
//   binding    a pod gets its node: once, and never another
//   finalize   the namespace controller takes its hold off a namespace
//
// Each is a handler that declarations name (registry/resources); `bindings`, a resource of which nothing is stored, is here too, as it is
// the older way to bind.
//
// Same idea upstream: registry/core/pod/storage (BindingREST), registry/apps/…/storage (ScaleREST), registry/core/namespace/storage.

import type { Scale } from 'kubernetes-types/autoscaling/v1';
import type { Binding, Namespace, Pod } from 'kubernetes-types/core/v1';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { badRequest, conflict } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { formatLabelSelector } from '../client/selectors.ts';
import { checkObject, decodeObject } from '../codec/decode.ts';
import { applyPatch } from '../patch/apply-patch.ts';
import { formatTime, mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import { checkManager, own } from './field-ownership.ts';
import type { HandlerEnv, StoredContext } from './handler.ts';
import { handleGet, sendObject } from './read-handlers.ts';
import {
  bodyOf,
  fieldValidationOf,
  negotiated,
  type RequestContext,
  refOf,
  writeOptions,
} from './request-context.ts';
import { send } from './responses.ts';
import { checkNamespace } from './write-checks.ts';
import { handlePatch, handleUpdate, mediaType } from './write-handlers.ts';

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
const BINDING = { group: '', version: 'v1', kind: 'Binding' };

interface Scalable extends ReadonlyApiObject {
  readonly spec?: { replicas?: number; selector?: LabelSelector | Record<string, string> };
  readonly status?: { replicas?: number };
}

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

export async function scaleSubresource(context: StoredContext): Promise<void> {
  const { request, response, registry } = context;
  const ref = refOf(context);
  const { encoding } = negotiated(context);
  if (request.method === 'GET') {
    await send(request, response, { body: scaleOf(await registry.get(ref)), encoding });
    return;
  }
  const { bytes, contentType } = await bodyOf(context);
  const validation = fieldValidationOf(context);
  checkManager(context, '');
  const change = (current: StoredObject): KubernetesObject => {
    const wanted =
      request.method === 'PATCH'
        ? checkObject(
            applyPatch(scaleOf(current), bytes, mediaType(contentType), SCALE),
            SCALE,
            validation,
          )
        : decodeObject(bytes, contentType, SCALE, validation);
    return own(context, current.object, scaled(current, wanted.object as Scale));
  };
  const options = { ...writeOptions(context), scope: 'object' as const, subresource: 'scale' };
  const stored = await registry.update(ref, change, options);
  await send(request, response, { body: scaleOf(stored), encoding });
}

function scaled(current: StoredObject, { metadata, spec }: Scale): KubernetesObject {
  const next = mutableCopy(current.object) as KubernetesObject & { spec?: { replicas?: number } };
  if (metadata?.resourceVersion) {
    next.metadata = { ...next.metadata, resourceVersion: metadata.resourceVersion };
  }
  next.spec = { ...next.spec, replicas: spec?.replicas ?? 0 };
  return next;
}

function scaleOf({ object }: StoredObject): Scale {
  const { metadata, spec, status } = object as Scalable;
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  const selector = spec?.selector;
  const labels =
    selector !== undefined && !('matchLabels' in selector || 'matchExpressions' in selector);
  const formal = (labels ? { matchLabels: selector } : selector) as LabelSelector | undefined;
  return JSON.parse(
    JSON.stringify({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
      spec: { replicas: spec?.replicas ?? 0 },
      status: {
        replicas: status?.replicas ?? 0,
        selector: formal === undefined ? '' : formatLabelSelector(formal),
      },
    }),
  ) as Scale;
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
