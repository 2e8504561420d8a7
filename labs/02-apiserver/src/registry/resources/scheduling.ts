// scheduling: the resources of the group scheduling.k8s.io: whose pods go first.
//
// Same facts upstream: registry/scheduling/rest/storage_scheduling.go.

import { priorityClassPrinter } from '../../printers/policy.ts';
import { priorityClassStrategy } from '../../strategy/priority-class.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define } from './define.ts';

export const SCHEDULING_RESOURCES: readonly ResourceDefinition[] = [
  define('PriorityClass', 'priorityclasses', {
    group: 'scheduling.k8s.io',
    namespaced: false,
    shortNames: ['pc'],
    strategy: priorityClassStrategy,
    printer: priorityClassPrinter,
  }),
];
