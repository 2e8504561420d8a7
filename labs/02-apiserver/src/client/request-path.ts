// request-path: where an object, a collection or a subresource stands in the API, and what is asked of it.
//
//   /api/v1/namespaces/NAMESPACE/pods/NAME/status?fieldManager=me
// Names are escaped: whatever they are, they stay one segment. Same idea upstream: k8s.io/client-go/rest/request.go.

import assert from 'node:assert/strict';
import type { KubernetesObject, ObjectName, ResourceType } from './resources.ts';

/** /api/v1/namespaces/default/pods, or /api/v1/pods for all namespaces. */
export function collectionPath(
  type: ResourceType<KubernetesObject>,
  namespace: string | undefined,
): string {
  const root = type.group === '' ? '/api' : `/apis/${type.group}`;
  const scope = type.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}/${type.version}${scope}/${type.resource}`;
}

export function objectPath(
  type: ResourceType<KubernetesObject>,
  ref: ObjectName,
  subresource?: string,
): string {
  assert(ref.name, `Cannot name a ${type.kind} without a name`);
  if (type.namespaced) assert(ref.namespace, `Cannot name a ${type.kind} without a namespace`);
  const path = `${collectionPath(type, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
}

/** Empty and absent parameters are left out. */
export function queryOf(
  query: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? '' : `?${text}`;
}
