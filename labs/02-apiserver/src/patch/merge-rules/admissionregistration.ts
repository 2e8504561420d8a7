// admissionregistration: which lists merge in the kinds of admissionregistration.k8s.io.
//
// Same facts upstream: k8s.io/api/admissionregistration/v1/types.go.

import { byKey, type MergeRules } from '../merge-rule.ts';

export const ADMISSIONREGISTRATION_MERGE_RULES: MergeRules = {
  'admissionregistration.v1.MutatingWebhookConfiguration': { webhooks: byKey('name') },
  'admissionregistration.v1.MutatingWebhook': { matchConditions: byKey('name') },
  'admissionregistration.v1.ValidatingWebhookConfiguration': { webhooks: byKey('name') },
  'admissionregistration.v1.ValidatingWebhook': { matchConditions: byKey('name') },
};
