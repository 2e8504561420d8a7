// review: the AdmissionReview that a webhook gets, and what its answer says. Pure.
//
// Objects are in the version that the webhook's rule named. While an object that is being made may still change, it has no identity: its
// uid and the time of its creation belong to what will be stored.
//
// Same shapes and sentences upstream: k8s.io/api/admission/v1 and apiserver, admission/plugin/webhook/request/admissionreview.go.

import type { Status } from 'kubernetes-types/meta/v1';
import { isMap } from '../../patch/merge-patch.ts';
import type { ReadonlyApiObject } from '../../registry/api-object.ts';
import type { AdmissionRequest } from '../admission.ts';
import { type Invocation, isNamespace } from './hooks.ts';

const API_VERSION = 'admission.k8s.io/v1';
const KIND = 'AdmissionReview';

export interface ReviewAnswer {
  readonly isAllowed: boolean;
  readonly status?: Partial<Status>;
  /** JSON patch operations, as they came. */
  readonly patch?: string;
  readonly warnings: readonly string[];
  readonly auditAnnotations: Readonly<Record<string, string>>;
}

/** What the webhook sees of the object. */
export function shownObject(
  { served }: Invocation,
  { operation, object }: AdmissionRequest,
  isMutating: boolean,
): object | null {
  if (object === undefined) return null;
  const shown = served === undefined ? object : served.shown(object as ReadonlyApiObject);
  if (!isMutating || operation !== 'CREATE') return shown;
  const { uid: _uid, creationTimestamp: _time, ...metadata } = shown.metadata ?? {};
  return { ...shown, metadata };
}

export function reviewOf(
  invocation: Invocation,
  request: AdmissionRequest,
  { uid, object }: { readonly uid: string; readonly object: object | null },
): object {
  const { kind, resource, served } = invocation;
  const { definition, operation, user, dryRun, old, options, name, subresource } = request;
  const { requestKind = kind, requestResource = resource, requestSubresource } = request;
  const namespace = isNamespace(definition) ? name : request.namespace;
  const oldObject = old === undefined ? null : (served?.shown(old) ?? old);
  const extra = Object.keys(user.extra ?? {}).length === 0 ? {} : { extra: user.extra };
  return {
    kind: KIND,
    apiVersion: API_VERSION,
    request: {
      uid,
      kind,
      resource,
      ...given('subResource', subresource),
      requestKind,
      requestResource,
      ...given('requestSubResource', requestSubresource ?? subresource),
      ...given('name', name),
      ...given('namespace', namespace),
      operation,
      userInfo: { username: user.name, ...given('uid', user.uid), groups: user.groups, ...extra },
      object,
      oldObject,
      dryRun,
      options: operation === 'CONNECT' ? null : (options ?? null),
    },
  };
}

function given(field: string, value: string | undefined): object {
  return value === undefined || value === '' ? {} : { [field]: value };
}

/** The answer, or in upstream's words why it is none. */
export function readAnswer(
  value: unknown,
  uid: string,
  isMutating: boolean,
): ReviewAnswer | string {
  const review = isMap(value) ? value : {};
  const { response } = review;
  if (!isMap(response)) return 'webhook response was absent';
  if (response.uid !== uid) {
    return `expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`;
  }
  if (review.apiVersion !== API_VERSION || review.kind !== KIND) {
    return `expected webhook response of ${API_VERSION}, Kind=${KIND}, got ${review.apiVersion ?? ''}, Kind=${review.kind ?? ''}`;
  }
  const patch = typeof response.patch === 'string' ? response.patch : '';
  const problem = patchProblem(patch, response.patchType, isMutating);
  if (problem !== undefined) return problem;
  return {
    isAllowed: response.allowed === true,
    ...(isMap(response.status) ? { status: response.status as Partial<Status> } : {}),
    ...(patch === '' ? {} : { patch: Buffer.from(patch, 'base64').toString('utf8') }),
    warnings: Array.isArray(response.warnings) ? response.warnings.map(String) : [],
    auditAnnotations: textsOf(response.auditAnnotations),
  };
}

function patchProblem(patch: string, type: unknown, isMutating: boolean): string | undefined {
  const hasType = type !== undefined && type !== null;
  if (!isMutating) {
    if (patch !== '') return 'validating webhook may not return response.patch';
    return hasType ? 'validating webhook may not return response.patchType' : undefined;
  }
  if (patch !== '' && !hasType) return 'webhook returned response.patch but not response.patchType';
  if (patch === '' && hasType) return 'webhook returned response.patchType but not response.patch';
  if (!hasType || type === 'JSONPatch') return undefined;
  return `webhook returned invalid response.patchType of ${JSON.stringify(type)}`;
}

function textsOf(value: unknown): Record<string, string> {
  if (!isMap(value)) return {};
  return Object.fromEntries(Object.entries(value).map(([key, text]) => [key, String(text)]));
}
