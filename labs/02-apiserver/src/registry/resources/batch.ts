// batch: the resources of the group batch: work that ends.
//
// Same facts upstream: registry/batch/rest/storage_batch.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const BATCH_RESOURCES: readonly ResourceDefinition[] = [];
