// forbidden: the 403 of a request that nobody allows, in upstream's words.
//
//   pods "web-0" is forbidden: User "jane" cannot get resource "pods" in API group "" in the namespace "default"
//   forbidden: User "system:anonymous" cannot get path "/metrics"
//
// It names only what the client itself asked for: whether the object exists is not told.
// Same words upstream: apiserver, endpoints/handlers/responsewriters/errors.go.

import { ApiError, forbidden } from '../api-error.ts';
import type { Attributes } from './authorizer.ts';

export function forbiddenError(attributes: Attributes, reason = ''): ApiError {
  const why = forbiddenMessage(attributes) + (reason === '' ? '' : `: ${reason}`);
  if (attributes.kind === 'path') {
    return new ApiError('Forbidden', `forbidden: ${why}`, { details: {} });
  }
  return forbidden(attributes, attributes.name, why);
}

/** Without the object's name, and without the authorizer's reason. */
export function forbiddenMessage(attributes: Attributes): string {
  const { user, verb } = attributes;
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`;
  if (attributes.kind === 'path') return `${who} path ${JSON.stringify(attributes.path)}`;
  const { resource, subresource, group, namespace } = attributes;
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  const where =
    namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  return `${who} resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)} ${where}`;
}
