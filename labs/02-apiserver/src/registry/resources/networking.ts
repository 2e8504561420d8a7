// networking: the resources of the group networking.k8s.io: how traffic gets in, and who may speak with whom.
//
// Same facts upstream: registry/networking/rest/storage_settings.go.

import {
  ingressClassPrinter,
  ingressPrinter,
  networkPolicyPrinter,
} from '../../printers/networking.ts';
import { ingressStrategy } from '../../strategy/ingress.ts';
import { ingressClassStrategy } from '../../strategy/ingress-class.ts';
import { networkPolicyStrategy } from '../../strategy/network-policy.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define, status } from './define.ts';

const group = 'networking.k8s.io';

export const INGRESSES: ResourceDefinition = define('Ingress', 'ingresses', {
  group,
  shortNames: ['ing'],
  // The one prefix without an s: from the first days of the kind.
  storagePrefix: '/registry/ingress/',
  strategy: ingressStrategy,
  printer: ingressPrinter,
  subresources: [status('Ingress')],
});

export const NETWORKING_RESOURCES: readonly ResourceDefinition[] = [
  define('IngressClass', 'ingressclasses', {
    group,
    namespaced: false,
    strategy: ingressClassStrategy,
    printer: ingressClassPrinter,
  }),
  INGRESSES,
  define('NetworkPolicy', 'networkpolicies', {
    group,
    shortNames: ['netpol'],
    strategy: networkPolicyStrategy,
    printer: networkPolicyPrinter,
  }),
];
