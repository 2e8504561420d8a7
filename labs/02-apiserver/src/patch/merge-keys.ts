// merge-keys: how strategic merge patch treats each list: replaced, merged by a key, or merged as a set of values.
//
// Upstream keeps these facts as struct tags (`patchStrategy`, `patchMergeKey`) in Go; no package on npm carries them, so they
// stand in merge-rules/<group>.ts, by definition and field. A field that is not there is replaced as a whole.
//
// Same facts upstream: k8s.io/api/*/v1/types.go.

import type { MergeRule, MergeRules } from './merge-rule.ts';
import { ADMISSIONREGISTRATION_MERGE_RULES } from './merge-rules/admissionregistration.ts';
import { APIREGISTRATION_MERGE_RULES } from './merge-rules/apiregistration.ts';
import { APPS_MERGE_RULES } from './merge-rules/apps.ts';
import { AUTOSCALING_MERGE_RULES } from './merge-rules/autoscaling.ts';
import { BATCH_MERGE_RULES } from './merge-rules/batch.ts';
import { CERTIFICATES_MERGE_RULES } from './merge-rules/certificates.ts';
import { CORE_MERGE_RULES } from './merge-rules/core.ts';
import { EXTENSIONS_MERGE_RULES } from './merge-rules/extensions.ts';
import { FLOWCONTROL_MERGE_RULES } from './merge-rules/flowcontrol.ts';
import { NETWORKING_MERGE_RULES } from './merge-rules/networking.ts';
import { POLICY_MERGE_RULES } from './merge-rules/policy.ts';
import { RBAC_MERGE_RULES } from './merge-rules/rbac.ts';
import { STORAGE_MERGE_RULES } from './merge-rules/storage.ts';

export type { MergeRule };

const ALL: readonly MergeRules[] = [
  ADMISSIONREGISTRATION_MERGE_RULES,
  APIREGISTRATION_MERGE_RULES,
  APPS_MERGE_RULES,
  AUTOSCALING_MERGE_RULES,
  BATCH_MERGE_RULES,
  CERTIFICATES_MERGE_RULES,
  CORE_MERGE_RULES,
  EXTENSIONS_MERGE_RULES,
  FLOWCONTROL_MERGE_RULES,
  NETWORKING_MERGE_RULES,
  POLICY_MERGE_RULES,
  RBAC_MERGE_RULES,
  STORAGE_MERGE_RULES,
];

/** A Map: fields are named by clients, and one of them may be called `constructor`. */
const RULES: ReadonlyMap<string, ReadonlyMap<string, MergeRule>> = new Map(
  ALL.flatMap(Object.entries).map(([definition, rules]) => [
    definition,
    new Map(Object.entries(rules)),
  ]),
);

/** As OpenAPI and Go's tags write it: `merge`, `merge,retainKeys`, `replace`. */
export function patchStrategyOf({ merge, retainKeys: retain, replace }: MergeRule): string {
  return [merge && 'merge', retain && 'retainKeys', replace && 'replace'].filter(Boolean).join(',');
}

export function mergeRuleOf(definition: string, field: string): MergeRule | undefined {
  return RULES.get(definition.split('.').slice(-3).join('.'))?.get(field);
}
