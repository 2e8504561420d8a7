// write-checks: an object that is sent to a path must be the object that the path names.
//
// Same checks upstream: apiserver, endpoints/handlers/rest.go (checkName) and registry/rest (EnsureObjectNamespaceMatchesRequestNamespace).

import { badRequest } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import { metadataOf } from '../registry/api-object.ts';

export function checkNamespace(object: KubernetesObject, namespace: string | undefined): void {
  const own = object.metadata?.namespace ?? '';
  if (own !== '' && own !== (namespace ?? '')) {
    throw badRequest(
      `the namespace of the provided object does not match the namespace sent on the request`,
    );
  }
}

/** Fills the name in when the object leaves it out. */
export function checkName(object: KubernetesObject, name: string): void {
  const metadata = metadataOf(object);
  metadata.name ||= name;
  if (metadata.name !== name) {
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  }
}
