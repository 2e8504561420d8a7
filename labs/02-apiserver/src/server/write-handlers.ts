// write-handlers: POST, PUT, PATCH and DELETE of objects.
//
// A handler turns a body into an object of the right kind, checked, with its defaults and the list of who owns its fields; what the
// write means is the registry's. Server-side apply is in apply-handler.ts.
//
// Same idea upstream: apiserver, endpoints/handlers (create.go, update.go, patch.go, delete.go).

import type { DeleteOptions } from 'kubernetes-types/meta/v1';
import { ApiError, unsupportedMediaType } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { type DecodedObject, decodeOptions } from '../codec/decode.ts';
import { APPLY_PATCH, applyPatch } from '../patch/apply-patch.ts';
import { mutableCopy } from '../registry/api-object.ts';
import { deletionWarning } from '../registry/delete-options.ts';
import { list } from '../registry/list.ts';
import { ObjectFilter } from '../registry/object-filter.ts';
import { listKindOf } from '../registry/resource-definition.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import type { UpdateOptions } from '../registry/write-options.ts';
import { handleApply } from './apply-handler.ts';
import { checkManager, own } from './field-ownership.ts';
import type { StoredContext } from './handler.ts';
import { sendObject } from './read-handlers.ts';
import {
  bodyOf,
  dryRunOf,
  fieldValidationOf,
  integerOf,
  negotiated,
  refOf,
  selectorsOf,
  writeOptions,
} from './request-context.ts';
import { send } from './responses.ts';
import { addWarnings } from './warnings.ts';
import { checkName, checkNamespace } from './write-checks.ts';

type Scope = UpdateOptions['scope'];

export async function handleCreate(context: StoredContext): Promise<void> {
  const { registry, served, info } = context;
  checkManager(context, '');
  const { object, warnings } = await decodeBody(context);
  checkNamespace(object, info.namespace);
  const wanted = own(context, undefined, served.toStorage(object));
  const stored = await registry.create(wanted, info.namespace, writeOptions(context));
  await sendObject(context, stored, { status: 201, warnings });
}

export async function handleUpdate(context: StoredContext, scope: Scope = 'object'): Promise<void> {
  const { registry, served, info } = context;
  checkManager(context, '');
  const { object: sent, warnings } = await decodeBody(context);
  checkNamespace(sent, info.namespace);
  checkName(sent, info.name ?? '');
  const object = served.toStorage(sent);
  const options = updateOptions(context, scope);
  const change = (current: StoredObject): KubernetesObject =>
    own(context, current.object, mutableCopy(object));
  try {
    const stored = await registry.update(refOf(context), change, options);
    await sendObject(context, stored, { warnings });
  } catch (error) {
    const absent = ApiError.is(error, 'NotFound') && scope === 'object';
    if (!absent || !registry.definition.createOnUpdate) throw error;
    context.exchange.checkAlsoAllowed('create');
    const wanted = own(context, undefined, object);
    const stored = await registry.create(wanted, info.namespace, options);
    await sendObject(context, stored, { status: 201, warnings });
  }
}

export async function handlePatch(context: StoredContext, scope: Scope = 'object'): Promise<void> {
  const { registry, served } = context;
  const { definition, codec } = served;
  const { bytes, contentType } = await bodyOf(context);
  const patchType = mediaType(contentType).toLowerCase();
  if (!codec.patchTypes.includes(patchType)) throw unsupportedMediaType(codec.patchTypes);
  checkManager(context, patchType);
  if (patchType === APPLY_PATCH) return handleApply(context, bytes, updateOptions(context, scope));
  const validation = fieldValidationOf(context);
  let warnings: readonly string[] = [];
  const change = (current: StoredObject): KubernetesObject => {
    const before = mutableCopy(served.shown(current.object));
    const patched = applyPatch(before, bytes, patchType, definition);
    const checked = codec.check(patched, validation);
    warnings = checked.warnings;
    checkName(checked.object, context.info.name ?? '');
    return own(context, current.object, served.toStorage(checked.object));
  };
  const stored = await registry.update(refOf(context), change, updateOptions(context, scope));
  await sendObject(context, stored, { warnings });
}

export async function handleDelete(context: StoredContext): Promise<void> {
  const { registry } = context;
  const options = await deleteOptions(context);
  const write = { ...writeOptions(context), dryRun: isDryRun(context, options) };
  const warning = deletionWarning(registry.definition, options);
  if (warning !== undefined) addWarnings(context.response, [warning]);
  const { removed, stored } = await registry.delete(refOf(context), options, write);
  if (!removed) {
    await sendObject(context, stored);
    return;
  }
  const { group, resource } = context.served.definition;
  const { name, uid } = stored.object.metadata;
  const details = { name, ...(group === '' ? {} : { group }), kind: resource, uid };
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details };
  const { encoding } = negotiated(context);
  await send(context.request, context.response, { body: status, encoding });
}

export async function handleDeleteCollection(context: StoredContext): Promise<void> {
  const { registry, served } = context;
  const options = await deleteOptions(context);
  const write = { ...writeOptions(context), dryRun: isDryRun(context, options) };
  const filter = new ObjectFilter(served.definition, selectorsOf(context));
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
  const metadata = { resourceVersion: String(revision) };
  const body = {
    kind: listKindOf(served.definition),
    apiVersion: served.apiVersion,
    metadata,
    items: items.map(({ object }) => served.shown(object)),
  };
  await send(context.request, context.response, { body, encoding: negotiated(context).encoding });
}

/** The object in the body, in the version of the path. */
async function decodeBody(context: StoredContext): Promise<DecodedObject> {
  const { bytes, contentType } = await bodyOf(context);
  const decoded = context.served.codec.decode(bytes, contentType, fieldValidationOf(context));
  context.exchange.audit?.requestObject(decoded.object);
  return decoded;
}

function updateOptions(context: StoredContext, scope: Scope): UpdateOptions {
  const { subresource } = context.info;
  return {
    ...writeOptions(context),
    scope,
    ...(subresource === undefined ? {} : { subresource }),
  };
}

/** Options come in the body, and for old clients in the query. */
async function deleteOptions(context: StoredContext): Promise<DeleteOptions> {
  const { query } = context;
  const { bytes, contentType } = await bodyOf(context);
  const options: DeleteOptions = decodeOptions(bytes, contentType, 'DeleteOptions');
  const graceSeconds = integerOf(query, 'gracePeriodSeconds');
  if (graceSeconds !== undefined) options.gracePeriodSeconds ??= graceSeconds;
  const policy = query.get('propagationPolicy');
  if (policy !== null && policy !== '') options.propagationPolicy ??= policy;
  return options;
}

function isDryRun(context: StoredContext, { dryRun = [] }: DeleteOptions): boolean {
  return writeOptions(context).dryRun || dryRunOf(dryRun);
}

export function mediaType(contentType: string | undefined): string {
  return (contentType ?? '').split(';')[0]?.trim() ?? '';
}
