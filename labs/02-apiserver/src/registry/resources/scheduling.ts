// scheduling: the resources of the group scheduling.k8s.io: whose pods go first.
//
// Same facts upstream: registry/scheduling/rest/storage_scheduling.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const SCHEDULING_RESOURCES: readonly ResourceDefinition[] = [];
