// extensions: the resources of the group extensions, v1beta1: names under which Kubernetes 1.1 knew workloads and ingresses.
//
// Same facts upstream: Kubernetes 1.1, pkg/apis/extensions.

import type { ResourceDefinition } from '../resource-definition.ts';

export const EXTENSIONS_RESOURCES: readonly ResourceDefinition[] = [];
