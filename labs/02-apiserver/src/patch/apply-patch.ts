// apply-patch: the body of a PATCH and the current object become the wanted object.
//
// Pure: the caller checks the result against the schema (checkObject) and tries again when somebody else wrote meanwhile.
// `current` is shared with every reader and never changed.
//
// Same dispatch upstream: apiserver, pkg/endpoints/handlers/patch.go.

import { badRequest, unsupportedMediaType } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { JsonSyntaxError, parseGoJson } from '../codec/go-json.ts';
import { definitionOfKind, type GroupVersionKind } from '../schema/catalog.ts';
import { applyJsonPatch } from './json-patch.ts';
import { isMap, type JsonMap, mergePatch } from './merge-patch.ts';
import { strategicMerge } from './strategic-merge.ts';

export const JSON_PATCH = 'application/json-patch+json';
export const MERGE_PATCH = 'application/merge-patch+json';
export const STRATEGIC_MERGE_PATCH = 'application/strategic-merge-patch+json';
/** Server-side apply, which is no patch of the object but a part of it: server/apply-handler.ts. */
export const APPLY_PATCH = 'application/apply-patch+yaml';
const POD_TEMPLATE = 'io.k8s.api.core.v1.PodTemplateSpec';

export function applyPatch(
  current: KubernetesObject,
  patch: Uint8Array,
  contentType: string,
  kind: GroupVersionKind,
): KubernetesObject {
  const mediaType = contentType.split(';')[0]?.trim().toLowerCase();
  switch (mediaType) {
    case JSON_PATCH:
      return applyJsonPatch(current, parse(patch)) as KubernetesObject;
    case MERGE_PATCH:
      return mergePatch(current, parseMap(patch)) as KubernetesObject;
    case STRATEGIC_MERGE_PATCH: {
      const definition = definitionOfKind(kind);
      const changes = parseMap(patch);
      if (definition === undefined) return mergeTemplates(current as JsonMap, changes);
      return strategicMerge(current as JsonMap, changes, definition) as KubernetesObject;
    }
    default:
      throw unsupportedMediaType([JSON_PATCH, MERGE_PATCH, STRATEGIC_MERGE_PATCH]);
  }
}

/** For kinds without a generated schema (extensions/v1beta1): only what they have in common with others is merged by keys. */
function mergeTemplates(current: JsonMap, changes: JsonMap): KubernetesObject {
  const merged = mergePatch(current, changes) as JsonMap;
  const before = templateOf(current);
  const change = templateOf(changes);
  if (before === undefined || change === undefined) return merged as KubernetesObject;
  const template = strategicMerge(before, change, POD_TEMPLATE);
  return { ...merged, spec: { ...(merged.spec as JsonMap), template } } as KubernetesObject;
}

function templateOf({ spec }: JsonMap): JsonMap | undefined {
  return isMap(spec) && isMap(spec.template) ? spec.template : undefined;
}

function parse(patch: Uint8Array): unknown {
  try {
    return parseGoJson(Buffer.from(patch).toString('utf8')).value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw badRequest(`error decoding patch: ${error.message}`, error);
  }
}

function parseMap(patch: Uint8Array): JsonMap {
  const value = parse(patch);
  if (isMap(value)) return value;
  const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  throw badRequest(
    `error decoding patch: json: cannot unmarshal ${type} into Go value of type map[string]interface {}`,
  );
}
