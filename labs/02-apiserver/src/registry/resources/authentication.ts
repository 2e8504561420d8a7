// authentication: the resources of the group authentication.k8s.io: who somebody is; nothing of it is stored.
//
// Same facts upstream: registry/authentication/rest/storage_authentication.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const AUTHENTICATION_RESOURCES: readonly ResourceDefinition[] = [];
