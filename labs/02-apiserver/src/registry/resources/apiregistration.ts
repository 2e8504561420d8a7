// apiregistration: the resources of the group apiregistration.k8s.io: API groups, and who answers them.
//
// Same facts upstream: kube-aggregator, pkg/registry/apiservice/rest.

import { apiServicePrinter } from '../../printers/api-service.ts';
import { apiServiceStrategy } from '../../strategy/api-service.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define, status } from './define.ts';

export const APIREGISTRATION_RESOURCES: readonly ResourceDefinition[] = [
  define('APIService', 'apiservices', {
    group: 'apiregistration.k8s.io',
    namespaced: false,
    storagePrefix: '/registry/apiregistration.k8s.io/apiservices/',
    categories: ['api-extensions'],
    subresources: [status('APIService')],
    unconditionalUpdate: false,
    strategy: apiServiceStrategy,
    printer: apiServicePrinter,
  }),
];
