// rbac: which lists merge in the kinds of rbac.authorization.k8s.io.
//
// Same facts upstream: k8s.io/api/rbac/v1/types.go.

import type { MergeRules } from '../merge-rule.ts';

export const RBAC_MERGE_RULES: MergeRules = {};
