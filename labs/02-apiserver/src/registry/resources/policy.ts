// policy: the resources of the group policy: how many pods an eviction must leave.
//
// Same facts upstream: registry/policy/rest/storage_policy.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const POLICY_RESOURCES: readonly ResourceDefinition[] = [];
