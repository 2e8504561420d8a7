// storage: which lists merge in the kinds of storage.k8s.io.
//
// Same facts upstream: k8s.io/api/storage/v1/types.go.

import { byKey, type MergeRules } from '../merge-rule.ts';

export const STORAGE_MERGE_RULES: MergeRules = {
  'storage.v1.CSINodeSpec': { drivers: byKey('name') },
};
