// admissionregistration: the resources of the group admissionregistration.k8s.io: who is asked before a write.
//
// Same facts upstream: registry/admissionregistration/rest/storage_apiserver.go.

import { webhookConfigurationPrinter } from '../../printers/configuration.ts';
import {
  mutatingWebhookConfigurationStrategy,
  validatingWebhookConfigurationStrategy,
} from '../../strategy/webhook-configuration.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define } from './define.ts';

const webhooks = {
  group: 'admissionregistration.k8s.io',
  categories: ['api-extensions'],
  namespaced: false,
  printer: webhookConfigurationPrinter,
  unconditionalUpdate: false,
} as const;

export const ADMISSIONREGISTRATION_RESOURCES: readonly ResourceDefinition[] = [
  define('MutatingWebhookConfiguration', 'mutatingwebhookconfigurations', {
    ...webhooks,
    strategy: mutatingWebhookConfigurationStrategy,
  }),
  define('ValidatingWebhookConfiguration', 'validatingwebhookconfigurations', {
    ...webhooks,
    strategy: validatingWebhookConfigurationStrategy,
  }),
];
