// events: the resources of the group events.k8s.io: the events of the core group under newer field names.
//
// Same facts upstream: registry/events/rest/storage_events.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const EVENTS_RESOURCES: readonly ResourceDefinition[] = [];
