// node: the resources of the group node.k8s.io: the container runtimes that nodes offer.
//
// Same facts upstream: registry/node/rest/runtime_classes.go.

import type { ResourceDefinition } from '../resource-definition.ts';

export const NODE_RESOURCES: readonly ResourceDefinition[] = [];
