// scale: one number, under a kind of its own, so that any scalable kind is scaled alike, wherever the number stands.
//
// GET shows a Scale; PUT and PATCH change the Scale, and its number goes back into the object. An apply of a Scale is one of the object
// with nothing but that field: so its owner in managedFields is the applier, by the subresource `scale`, and conflicts are those of the
// object. Whoever applies a Scale without the number lets go of it: then it is 0, as upstream.
//
// Same idea upstream: registry/apps/…/storage (ScaleREST), apiextensions-apiserver's ScaleREST, and managedfields/scalehandler.go.

import type { Scale } from 'kubernetes-types/autoscaling/v1';
import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { badRequest, conflict, unsupportedMediaType } from '../api-error.ts';
import { checkConfiguration } from '../apply/field-manager.ts';
import { EMPTY_SET } from '../apply/field-set.ts';
import { builtInKind } from '../apply/managed-kind.ts';
import type { JsonMap } from '../apply/type-structure.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { formatLabelSelector } from '../client/selectors.ts';
import { checkObject, decodeObject } from '../codec/decode.ts';
import { APPLY_PATCH, applyPatch } from '../patch/apply-patch.ts';
import { mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { StoredObject } from '../registry/stored-object.ts';
import { invalid, invalidValue } from '../strategy/field-error.ts';
import { readConfiguration } from './apply-handler.ts';
import { applied, checkManager, own, withManagedFields } from './field-ownership.ts';
import type { StoredContext, StoredHandler } from './handler.ts';
import {
  type Body,
  bodyOf,
  fieldValidationOf,
  negotiated,
  refOf,
  writeOptions,
} from './request-context.ts';
import { send } from './responses.ts';
import { checkName, checkNamespace } from './write-checks.ts';
import { mediaType } from './write-handlers.ts';

/** What an object without a number has until somebody gives it one: a number that nobody can ask for. */
export const NO_REPLICAS = -(2 ** 31);

/** Where a kind keeps what its Scale shows. */
export interface ScaleAccess {
  /** Of the number, as messages name it: `.spec.replicas`. */
  readonly path: string;
  /** The replicas are NO_REPLICAS when the object has none. */
  read(object: ReadonlyApiObject): Scale;
  /** Changes `object`. */
  write(object: object, replicas: number): void;
}

interface Scalable extends ReadonlyApiObject {
  readonly spec?: { replicas?: number; selector?: LabelSelector | Record<string, string> };
  readonly status?: { replicas?: number };
}

export const builtInScale: ScaleAccess = {
  path: '.spec.replicas',
  read({ metadata, spec, status }: Scalable) {
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
  },
  write(object: { spec?: object }, replicas) {
    object.spec = { ...object.spec, replicas };
  },
};

interface Wanted {
  readonly scale: Scale;
  /** The object as it is to be stored, its number set, with the owners that follow from that. */
  owned(next: KubernetesObject): KubernetesObject;
}

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
const managedScale = builtInKind(SCALE, EMPTY_SET);

export function scaleHandler(access: ScaleAccess): StoredHandler {
  return async (context) => {
    const { request, response, registry, served, verb } = context;
    const { encoding } = negotiated(context);
    const answer = (stored: StoredObject, warnings: readonly string[] = []) => {
      const body = shown(served.shown(stored.object), access);
      return send(request, response, { body, encoding, warnings });
    };
    if (verb === 'get') return answer(await registry.get(refOf(context)));
    const sent = await bodyOf(context);
    const type = verb === 'patch' ? mediaType(sent.contentType).toLowerCase() : '';
    const { patchTypes } = served.codec;
    if (verb === 'patch' && !patchTypes.includes(type)) throw unsupportedMediaType(patchTypes);
    checkManager(context, type);
    const read = type === APPLY_PATCH ? readScale(context, sent) : undefined;
    const change = ({ object }: StoredObject): KubernetesObject => {
      const wanted =
        read === undefined
          ? changedScale(context, object, { access, sent })
          : appliedScale(context, object, { access, config: read.config });
      return scaled(context, object, { access, wanted });
    };
    const options = { ...writeOptions(context), scope: 'object' as const, subresource: 'scale' };
    await answer(await registry.update(refOf(context), change, options), read?.warnings);
  };
}

/** Upstream calls it an internal error; but it is the object that lacks the field, and who sets it gets the Scale. */
function shown(object: ReadonlyApiObject, access: ScaleAccess): Scale {
  const scale = access.read(object);
  if (scale.spec?.replicas !== NO_REPLICAS) return scale;
  throw badRequest(`the spec replicas field "${access.path}" does not exist`);
}

/** By the patch, or by the whole Scale, in the body. */
function changedScale(
  context: StoredContext,
  current: ReadonlyApiObject,
  { access, sent: { bytes, contentType } }: { readonly access: ScaleAccess; readonly sent: Body },
): Wanted {
  const validation = fieldValidationOf(context);
  const before = access.read(context.served.shown(current));
  const { object } =
    context.verb === 'patch'
      ? checkObject(applyPatch(before, bytes, contentType ?? '', SCALE), SCALE, validation)
      : decodeObject(bytes, contentType, SCALE, validation);
  return { scale: object as Scale, owned: (next) => own(context, current, next) };
}

function readScale(
  context: StoredContext,
  { bytes }: Body,
): { readonly config: JsonMap; readonly warnings: readonly string[] } {
  const read = readConfiguration(context, bytes);
  checkConfiguration(read.config, managedScale);
  return read;
}

/** The configuration, in terms of the object itself. */
function appliedScale(
  context: StoredContext,
  current: ReadonlyApiObject,
  { access, config }: { readonly access: ScaleAccess; readonly config: JsonMap },
): Wanted {
  const { served } = context;
  const given = checkObject(mutableCopy(config), SCALE, 'Ignore').object as Scale;
  const own: JsonMap = { apiVersion: served.apiVersion, kind: served.definition.kind };
  if (given.spec?.replicas !== undefined) access.write(own, given.spec.replicas);
  const { object, managedFields } = applied(context, current, own);
  const before = access.read(served.shown(current)).spec?.replicas;
  const after = access.read(object as unknown as ReadonlyApiObject).spec?.replicas;
  const replicas = after === NO_REPLICAS && before !== NO_REPLICAS ? 0 : (after ?? 0);
  return {
    scale: { ...given, spec: { replicas } },
    owned: (next) => withManagedFields(next, managedFields),
  };
}

function scaled(
  context: StoredContext,
  current: ReadonlyApiObject,
  { access, wanted }: { readonly access: ScaleAccess; readonly wanted: Wanted },
): KubernetesObject {
  const { served, info } = context;
  const { scale } = wanted;
  checkNamespace(scale as KubernetesObject, info.namespace);
  checkName(scale as KubernetesObject, info.name ?? '');
  const { resourceVersion, uid } = scale.metadata ?? {};
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas === NO_REPLICAS) {
    throw badRequest(`the spec replicas field "${access.path}" cannot be empty`);
  }
  if (replicas < 0) {
    const error = invalidValue('spec.replicas', replicas, 'must be greater than or equal to 0');
    throw invalid(SCALE, scale.metadata?.name ?? '', [error]);
  }
  if (uid && uid !== current.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`;
    const { group, resource } = served.definition;
    throw conflict({ group, resource: `${resource}/scale` }, info.name ?? '', why);
  }
  const next = mutableCopy(served.shown(current));
  access.write(next, replicas);
  if (resourceVersion) next.metadata = { ...next.metadata, resourceVersion };
  return wanted.owned(served.toStorage(next));
}
