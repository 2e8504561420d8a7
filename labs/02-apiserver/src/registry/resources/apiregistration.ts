// apiregistration: the resources of the group apiregistration.k8s.io: API groups that another server answers.
//
// Same facts upstream: kube-aggregator, pkg/registry/apiservice/rest.

import type { ResourceDefinition } from '../resource-definition.ts';

export const APIREGISTRATION_RESOURCES: readonly ResourceDefinition[] = [];
