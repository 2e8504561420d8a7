// flowcontrol: the resources of the group flowcontrol.apiserver.k8s.io: which requests may wait, and which go first.
//
// Same facts upstream: registry/flowcontrol/rest/storage_flowcontrol.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const FLOWCONTROL_RESOURCES: readonly ResourceDefinition[] = [];
