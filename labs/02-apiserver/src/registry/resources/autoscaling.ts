// autoscaling: the resources of the group autoscaling, v1 and v2: how many replicas a load needs.
//
// Same facts upstream: registry/autoscaling/rest/storage_autoscaling.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const AUTOSCALING_RESOURCES: readonly ResourceDefinition[] = [];
