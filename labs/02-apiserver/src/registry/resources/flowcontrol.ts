// flowcontrol: the resources of the group flowcontrol.apiserver.k8s.io: which requests may wait, and which go first.
//
// Same facts upstream: registry/flowcontrol/rest/storage_flowcontrol.go.

import {
  flowSchemaPrinter,
  priorityLevelConfigurationPrinter,
} from '../../printers/configuration.ts';
import {
  flowSchemaStrategy,
  priorityLevelConfigurationStrategy,
} from '../../strategy/flow-control.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define, status } from './define.ts';

const group = 'flowcontrol.apiserver.k8s.io';

export const FLOWCONTROL_RESOURCES: readonly ResourceDefinition[] = [
  define('FlowSchema', 'flowschemas', {
    group,
    namespaced: false,
    strategy: flowSchemaStrategy,
    printer: flowSchemaPrinter,
    subresources: [status('FlowSchema')],
  }),
  define('PriorityLevelConfiguration', 'prioritylevelconfigurations', {
    group,
    namespaced: false,
    strategy: priorityLevelConfigurationStrategy,
    printer: priorityLevelConfigurationPrinter,
    subresources: [status('PriorityLevelConfiguration')],
  }),
];
