// apiregistration: which lists merge in the kinds of apiregistration.k8s.io.
//
// Same facts upstream: kube-aggregator, pkg/apis/apiregistration/v1/types.go.

import { conditions, type MergeRules } from '../merge-rule.ts';

export const APIREGISTRATION_MERGE_RULES: MergeRules = {
  'apiregistration.v1.APIServiceStatus': conditions,
};
