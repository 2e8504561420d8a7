// certificates: which lists merge in the kinds of certificates.k8s.io.
//
// Same facts upstream: k8s.io/api/certificates/v1/types.go.

import type { MergeRules } from '../merge-rule.ts';

export const CERTIFICATES_MERGE_RULES: MergeRules = {};
