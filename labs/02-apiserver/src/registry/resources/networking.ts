// networking: the resources of the group networking.k8s.io: how traffic gets in, and who may speak with whom.
//
// Same facts upstream: registry/networking/rest/storage_settings.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const NETWORKING_RESOURCES: readonly ResourceDefinition[] = [];
