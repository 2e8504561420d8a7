// coordination: the resources of the group coordination.k8s.io, v1: who leads, and who is alive.
//
// Same facts upstream: registry/coordination/rest/storage_coordination.go.

import { leasePrinter } from '../../printers/cluster.ts';
import { leaseStrategy } from '../../strategy/lease.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define } from './define.ts';

export const COORDINATION_RESOURCES: readonly ResourceDefinition[] = [
  define('Lease', 'leases', {
    group: 'coordination.k8s.io',
    strategy: leaseStrategy,
    printer: leasePrinter,
    createOnUpdate: true,
    unconditionalUpdate: false,
  }),
];
