// discovery: the resources of the group discovery.k8s.io, v1: which pods stand behind a service.
//
// Same facts upstream: registry/discovery/rest/storage_discovery.go.

import { endpointSlicePrinter } from '../../printers/network.ts';
import { endpointSliceStrategy } from '../../strategy/endpoint-slice.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define } from './define.ts';

export const DISCOVERY_RESOURCES: readonly ResourceDefinition[] = [
  define('EndpointSlice', 'endpointslices', {
    group: 'discovery.k8s.io',
    strategy: endpointSliceStrategy,
    printer: endpointSlicePrinter,
  }),
];
