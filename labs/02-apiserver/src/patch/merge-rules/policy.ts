// policy: which lists merge in the kinds of the group policy.
//
// Same facts upstream: k8s.io/api/policy/v1/types.go.

import { conditions, type MergeRules, replace } from '../merge-rule.ts';

export const POLICY_MERGE_RULES: MergeRules = {
  'policy.v1.PodDisruptionBudgetSpec': { selector: replace },
  'policy.v1.PodDisruptionBudgetStatus': conditions,
};
