// write-handlers: POST, PUT, PATCH and DELETE of objects.
//
// A handler turns a body into an object of the right kind, checked and with its defaults; what the write means is the registry's.
// Same idea upstream: apiserver, endpoints/handlers (create.go, update.go, patch.go, delete.go).
// Left out in this step: server-side apply.

import type { DeleteOptions } from 'kubernetes-types/meta/v1';
import { ApiError, badRequest, methodNotAllowed } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { checkObject, decodeObject, decodeOptions } from '../codec/decode.ts';
import { applyPatch } from '../patch/apply-patch.ts';
import { metadataOf, mutableCopy } from '../registry/api-object.ts';
import { list } from '../registry/list.ts';
import { ObjectFilter } from '../registry/object-filter.ts';
import type { UpdateOptions } from '../registry/registry.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import { sendObject } from './read-handlers.ts';
import {
  bodyOf,
  dryRunOf,
  fieldValidationOf,
  integerOf,
  type RequestContext,
  refOf,
  selectorsOf,
  writeOptions,
} from './request-context.ts';
import { send } from './responses.ts';

type Scope = UpdateOptions['scope'];

export async function handleCreate(context: RequestContext): Promise<void> {
  const { registry, info } = context;
  const { object, warnings } = await decodeBody(context);
  checkNamespace(object, info.namespace);
  registry.strategy.setDefaults(object);
  const stored = await registry.create(object, info.namespace, writeOptions(context));
  await sendObject(context, stored, { status: 201, warnings });
}

export async function handleUpdate(
  context: RequestContext,
  scope: Scope = 'object',
): Promise<void> {
  const { registry, info } = context;
  const { object, warnings } = await decodeBody(context);
  checkNamespace(object, info.namespace);
  checkName(object, info.name ?? '');
  registry.strategy.setDefaults(object);
  const options = updateOptions(context, scope);
  try {
    const stored = await registry.update(refOf(context), () => mutableCopy(object), options);
    await sendObject(context, stored, { warnings });
  } catch (error) {
    const absent = ApiError.is(error, 'NotFound') && scope === 'object';
    if (!absent || !registry.definition.createOnUpdate) throw error;
    const stored = await registry.create(object, info.namespace, options);
    await sendObject(context, stored, { status: 201, warnings });
  }
}

export async function handlePatch(context: RequestContext, scope: Scope = 'object'): Promise<void> {
  const { registry } = context;
  const { bytes, contentType } = await bodyOf(context);
  const validation = fieldValidationOf(context);
  let warnings: readonly string[] = [];
  const change = (current: StoredObject): KubernetesObject => {
    const before = mutableCopy(current.object);
    const patched = applyPatch(before, bytes, mediaType(contentType), registry.definition);
    const checked = checkObject(patched, registry.definition, validation);
    warnings = checked.warnings;
    checkName(checked.object, context.info.name ?? '');
    registry.strategy.setDefaults(checked.object);
    return checked.object;
  };
  const stored = await registry.update(refOf(context), change, updateOptions(context, scope));
  await sendObject(context, stored, { warnings });
}

export async function handleDelete(context: RequestContext): Promise<void> {
  const { registry } = context;
  const options = await deleteOptions(context);
  const write = { ...writeOptions(context), dryRun: isDryRun(context, options) };
  const { removed, stored } = await registry.delete(refOf(context), options, write);
  if (!removed) {
    await sendObject(context, stored);
    return;
  }
  const { group, resource } = registry.definition;
  const { name, uid } = stored.object.metadata;
  const details = { name, ...(group === '' ? {} : { group }), kind: resource, uid };
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  await send(context.request, context.response, { body: status });
}

export async function handleDeleteCollection(context: RequestContext): Promise<void> {
  const { registry, info } = context;
  const options = await deleteOptions(context);
  const write = { ...writeOptions(context), dryRun: isDryRun(context, options) };
  const filter = new ObjectFilter(registry.definition, selectorsOf(context));
  const { items, revision } = await list(registry.storage, filter, {});
  for (const { object } of items) {
    const { name = '', namespace } = object.metadata;
    const ref = namespace === undefined ? { name } : { name, namespace };
    try {
      await registry.delete(ref, options, write);
    } catch (error) {
      if (!ApiError.is(error, 'NotFound')) throw error; // Somebody else was faster.
    }
  }
  const { kind, group, version } = registry.definition;
  const apiVersion = group === '' ? version : `${group}/${version}`;
  const metadata = { resourceVersion: String(revision) };
  const body = {
    kind: `${kind}List`,
    apiVersion,
    metadata,
    items: items.map(({ object }) => object),
  };
  if (!registry.definition.verbs.includes('deletecollection')) {
    throw methodNotAllowed(registry.definition, 'deletecollection');
  }
  await send(context.request, context.response, { body: info.name === undefined ? body : {} });
}

async function decodeBody(context: RequestContext) {
  const { bytes, contentType } = await bodyOf(context);
  return decodeObject(bytes, contentType, context.registry.definition, fieldValidationOf(context));
}

function updateOptions(context: RequestContext, scope: Scope): UpdateOptions {
  const { subresource } = context.info;
  return {
    ...writeOptions(context),
    scope,
    ...(subresource === undefined ? {} : { subresource }),
  };
}

/** Options come in the body, and for old clients in the query. */
async function deleteOptions(context: RequestContext): Promise<DeleteOptions> {
  const { query } = context;
  const { bytes, contentType } = await bodyOf(context);
  const options: DeleteOptions = decodeOptions(bytes, contentType, 'DeleteOptions');
  const graceSeconds = integerOf(query, 'gracePeriodSeconds');
  if (graceSeconds !== undefined) options.gracePeriodSeconds ??= graceSeconds;
  const policy = query.get('propagationPolicy');
  if (policy !== null && policy !== '') options.propagationPolicy ??= policy;
  return options;
}

function isDryRun(context: RequestContext, { dryRun = [] }: DeleteOptions): boolean {
  return writeOptions(context).dryRun || dryRunOf(dryRun);
}

export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]?.trim() ?? '';
}

function checkNamespace(object: KubernetesObject, namespace: string | undefined): void {
  const own = object.metadata?.namespace ?? '';
  if (own !== '' && own !== (namespace ?? '')) {
    throw badRequest(
      `the namespace of the provided object does not match the namespace sent on the request`,
    );
  }
}

function checkName(object: KubernetesObject, name: string): void {
  const metadata = metadataOf(object);
  metadata.name ||= name;
  if (metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
}
