// networking: which lists merge in the kinds of networking.k8s.io.
//
// Same facts upstream: k8s.io/api/networking/v1/types.go.

import { conditions, type MergeRules } from '../merge-rule.ts';

export const NETWORKING_MERGE_RULES: MergeRules = {
  'networking.v1.ServiceCIDRStatus': conditions,
};
