// node: the resources of the group node.k8s.io: the container runtimes that nodes offer.
//
// Same facts upstream: registry/node/rest/runtime_classes.go.

import { runtimeClassPrinter } from '../../printers/configuration.ts';
import { runtimeClassStrategy } from '../../strategy/runtime-class.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define } from './define.ts';

export const NODE_RESOURCES: readonly ResourceDefinition[] = [
  define('RuntimeClass', 'runtimeclasses', {
    group: 'node.k8s.io',
    namespaced: false,
    strategy: runtimeClassStrategy,
    printer: runtimeClassPrinter,
    unconditionalUpdate: false,
  }),
];
