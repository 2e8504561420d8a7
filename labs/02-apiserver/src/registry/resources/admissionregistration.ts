// admissionregistration: the resources of the group admissionregistration.k8s.io: who is asked before a write.
//
// Same facts upstream: registry/admissionregistration/rest/storage_apiserver.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const ADMISSIONREGISTRATION_RESOURCES: readonly ResourceDefinition[] = [];
