// extensions: which lists merge in the kinds of the group extensions.
//
// Same facts upstream: Kubernetes 1.1, pkg/apis/extensions/v1beta1/types.go.

import type { MergeRules } from '../merge-rule.ts';

export const EXTENSIONS_MERGE_RULES: MergeRules = {};
