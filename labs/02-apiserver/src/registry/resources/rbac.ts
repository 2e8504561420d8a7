// rbac: the resources of the group rbac.authorization.k8s.io: roles, and who has them.
//
// Same facts upstream: registry/rbac/rest/storage_rbac.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const RBAC_RESOURCES: readonly ResourceDefinition[] = [];
