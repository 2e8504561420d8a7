// scale-handler: /scale of a custom resource: one number, under a kind of its own, wherever the definition keeps it.
//
// Same idea upstream: apiextensions-apiserver, pkg/registry/customresource/etcd.go (ScaleREST).
// Left out: server-side apply of a scale.

import type { Scale } from 'kubernetes-types/autoscaling/v1';
import { badRequest, unsupportedMediaType } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { checkObject, decodeObject } from '../codec/decode.ts';
import { applyPatch, JSON_PATCH, MERGE_PATCH } from '../patch/apply-patch.ts';
import { mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import { checkManager, own } from '../server/field-ownership.ts';
import type { StoredContext, StoredHandler } from '../server/handler.ts';
import {
  bodyOf,
  fieldValidationOf,
  negotiated,
  refOf,
  writeOptions,
} from '../server/request-context.ts';
import { send } from '../server/responses.ts';
import { mediaType } from '../server/write-handlers.ts';
import { invalid, invalidValue } from '../strategy/field-error.ts';
import type { CustomResourceSubresourceScale } from './definition.ts';
import { customScaleOf, NO_REPLICAS, setCustomReplicas } from './scale.ts';

/** As of the object itself; an apply of a scale is left out. */
const PATCH_TYPES: readonly string[] = [JSON_PATCH, MERGE_PATCH];
const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };

export function scaleHandler(paths: CustomResourceSubresourceScale): StoredHandler {
  const shown = (context: StoredContext, stored: StoredObject): Scale =>
    found(context.served.shown(stored.object), paths);
  return async (context) => {
    const { request, response, registry } = context;
    const ref = refOf(context);
    const { encoding } = negotiated(context);
    if (context.verb === 'get') {
      await send(request, response, { body: shown(context, await registry.get(ref)), encoding });
      return;
    }
    const { bytes, contentType } = await bodyOf(context);
    const type = mediaType(contentType).toLowerCase();
    if (context.verb === 'patch' && !PATCH_TYPES.includes(type)) {
      throw unsupportedMediaType(PATCH_TYPES);
    }
    checkManager(context, type);
    const validation = fieldValidationOf(context);
    const change = (current: StoredObject): KubernetesObject => {
      const before = customScaleOf(context.served.shown(current.object), paths);
      const { object } =
        context.verb === 'patch'
          ? checkObject(applyPatch(before, bytes, type, SCALE), SCALE, validation)
          : decodeObject(bytes, contentType, SCALE, validation);
      return scaled(context, current, { wanted: object as Scale, paths });
    };
    const options = { ...writeOptions(context), scope: 'object' as const, subresource: 'scale' };
    const stored = await registry.update(ref, change, options);
    await send(request, response, { body: shown(context, stored), encoding });
  };
}

/** Upstream calls it an internal error; but it is the object that lacks the field, and who sets it gets the Scale. */
function found(object: ReadonlyApiObject, paths: CustomResourceSubresourceScale): Scale {
  const scale = customScaleOf(object, paths);
  if (scale.spec?.replicas !== NO_REPLICAS) return scale;
  throw badRequest(`the spec replicas field "${paths.specReplicasPath}" does not exist`);
}

function scaled(
  context: StoredContext,
  current: StoredObject,
  { wanted, paths }: { wanted: Scale; paths: CustomResourceSubresourceScale },
): KubernetesObject {
  const { served } = context;
  const replicas = wanted.spec?.replicas ?? 0;
  if (replicas === NO_REPLICAS) {
    throw badRequest(`the spec replicas field "${paths.specReplicasPath}" cannot be empty`);
  }
  if (replicas < 0) {
    const error = invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0');
    throw invalid(SCALE, wanted.metadata?.name ?? '', [error]);
  }
  const next = mutableCopy(served.shown(current.object));
  setCustomReplicas(next, paths, replicas);
  const { resourceVersion } = wanted.metadata ?? {};
  if (resourceVersion) next.metadata = { ...next.metadata, resourceVersion };
  return own(context, current.object, served.toStorage(next));
}
