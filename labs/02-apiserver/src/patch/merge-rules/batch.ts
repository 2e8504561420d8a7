// batch: which lists merge in the kinds of the group batch.
//
// Same facts upstream: k8s.io/api/batch/v1/types.go.

import { conditions, type MergeRules } from '../merge-rule.ts';

export const BATCH_MERGE_RULES: MergeRules = {
  'batch.v1.JobStatus': conditions,
};
