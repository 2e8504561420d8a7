// authorization: the resources of the group authorization.k8s.io: who may do what; nothing of it is stored.
//
// Same facts upstream: registry/authorization/rest/storage_authorization.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const AUTHORIZATION_RESOURCES: readonly ResourceDefinition[] = [];
