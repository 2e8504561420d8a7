// flowcontrol: which lists merge in the kinds of flowcontrol.apiserver.k8s.io.
//
// Same facts upstream: k8s.io/api/flowcontrol/v1/types.go.

import { conditions, type MergeRules } from '../merge-rule.ts';

export const FLOWCONTROL_MERGE_RULES: MergeRules = {
  'flowcontrol.v1.FlowSchemaStatus': conditions,
  'flowcontrol.v1.PriorityLevelConfigurationStatus': conditions,
};
