// storage: the resources of the group storage.k8s.io: where volumes come from.
//
// Same facts upstream: registry/storage/rest/storage_storage.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const STORAGE_RESOURCES: readonly ResourceDefinition[] = [];
