// subject: subresources that speak of an object by a kind of their own are shown to webhooks as that kind.
//
// Inside this server binding a pod and scaling are updates of the whole object. A webhook knows them as the creation of a Binding, and the
// update of a Scale: so that is what it gets.
//
// Same facts upstream: registry/core/pod/storage (BindingREST) and registry/apps/…/storage (ScaleREST), whose objects admission sees.
// Left out: a webhook cannot change them on their way, only refuse them.

import type { KubernetesObject } from '../../client/resources.ts';
import type { ReadonlyApiObject } from '../../registry/api-object.ts';
import type { AdmissionRequest, RequestKind } from '../admission.ts';

type WholeObject = (KubernetesObject | ReadonlyApiObject) & {
  readonly spec?: { readonly nodeName?: string; readonly replicas?: number };
  readonly status?: { readonly replicas?: number };
};

export interface Subject {
  readonly request: AdmissionRequest;
  /** What a webhook changes reaches the object. */
  readonly isWhole: boolean;
}

export function subjectOf(request: AdmissionRequest): Subject {
  const { subresource, object, old, definition } = request;
  if (object === undefined) return { request, isWhole: true };
  if (object.kind !== definition.kind) {
    return { request: { ...request, requestKind: kindOf(object) }, isWhole: true };
  }
  if (subresource === 'binding') {
    const { old: _, ...rest } = request;
    const operation = 'CREATE' as const;
    const requestKind = { group: '', version: 'v1', kind: 'Binding' };
    return {
      request: { ...rest, operation, requestKind, object: bindingOf(object) },
      isWhole: false,
    };
  }
  if (subresource === 'scale') {
    const requestKind = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
    const before = old === undefined ? {} : { old: scaleOf(old) as ReadonlyApiObject };
    const shown = { ...request, ...before, requestKind, object: scaleOf(object) };
    return { request: shown, isWhole: false };
  }
  return { request, isWhole: true };
}

/** Options of a connection, an Eviction, … */
function kindOf({ apiVersion = '', kind = '' }: WholeObject): RequestKind {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return { group, version, kind };
}

function bindingOf({ metadata = {}, spec }: WholeObject): KubernetesObject {
  const { name, namespace } = metadata;
  const target = { kind: 'Node', name: spec?.nodeName ?? '' };
  return {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name, namespace },
    target,
  } as KubernetesObject;
}

function scaleOf({ metadata = {}, spec, status }: WholeObject): KubernetesObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'Scale',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec?.replicas ?? 0 },
    status: { replicas: status?.replicas ?? 0 },
  } as KubernetesObject;
}
