// autoscaling: which lists merge in the kinds of the group autoscaling.
//
// Same facts upstream: k8s.io/api/autoscaling/v2/types.go.

import { conditions, type MergeRules } from '../merge-rule.ts';

export const AUTOSCALING_MERGE_RULES: MergeRules = {
  'autoscaling.v2.HorizontalPodAutoscalerStatus': conditions,
};
