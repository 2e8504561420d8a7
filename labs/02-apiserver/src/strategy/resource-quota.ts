// resource-quota: the strategy of quotas, which limit what a namespace may hold and use altogether.
//
// The used amounts are the status: the controller counts, and admission writes what it lets in.
//
// Same rules upstream: pkg/apis/core/validation (ValidateResourceQuota, ValidateResourceQuotaUpdate,
// ValidateResourceQuotaStatusUpdate).

import type { ResourceQuota, ResourceQuotaSpec } from 'kubernetes-types/core/v1';
import { type FieldError, invalidValue, required } from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { IMMUTABLE } from './object-meta.ts';
import {
  isScopeValidFor,
  isStandardQuotaResource,
  QUOTA_SCOPES,
  validateQuotaAmount,
  validateQuotaResourceName,
} from './quota-resources.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

type Amounts = Readonly<Record<string, string>> | undefined;
type ScopeSelector = NonNullable<ResourceQuotaSpec['scopeSelector']>;
type Requirement = NonNullable<ScopeSelector['matchExpressions']>[number];

const MUST_EXIST =
  "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
/** Scopes that are there or not; the others have names to choose from. */
const PLAIN_SCOPES: readonly string[] = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'Terminating',
];
const CONFLICTS = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

export const resourceQuotaStrategy: Strategy = defineStrategy<ResourceQuota>({
  metadata: { name: dns1123Subdomain },
  hasGeneration: false,
  validate: ({ spec }) => validateSpec(spec ?? {}),
  validateUpdate: ({ spec }, old) => validateScopesUnchanged(spec?.scopes, old.spec?.scopes),
  validateStatus: ({ status }) => [
    ...validateAmounts(status?.hard, 'status.hard'),
    ...validateAmounts(status?.used, 'status.used'),
  ],
});

function validateSpec(spec: ResourceQuotaSpec): FieldError[] {
  return [
    ...validateAmounts(spec.hard, 'spec.hard'),
    ...validateScopes(spec, 'spec.scopes'),
    ...validateScopeSelector(spec, 'spec.scopeSelector.matchExpressions'),
  ];
}

function validateAmounts(amounts: Amounts, field: string): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, amount]) => [
    ...validateQuotaResourceName(name, `${field}[${name}]`),
    ...validateQuotaAmount(name, amount, `${field}[${name}]`),
  ]);
}

function validateScopes(
  { scopes = [], hard = {} }: ResourceQuotaSpec,
  field: string,
): FieldError[] {
  const errors = scopes.flatMap((scope) => [
    ...(isKnown(scope) ? [] : [invalidValue(field, scopes, 'unsupported scope')]),
    ...misapplied(scope, hard).map(() =>
      invalidValue(field, scopes, 'unsupported scope applied to resource'),
    ),
  ]);
  return conflicting(scopes)
    ? [...errors, invalidValue(field, scopes, 'conflicting scopes')]
    : errors;
}

function isKnown(scope: string): boolean {
  return (QUOTA_SCOPES as readonly string[]).includes(scope);
}

/** The limited resources that a scope cannot be applied to. */
function misapplied(scope: string, hard: Readonly<Record<string, string>>): string[] {
  return Object.keys(hard)
    .sort()
    .filter((name) => isStandardQuotaResource(name) && !isScopeValidFor(scope, name));
}

function conflicting(scopes: readonly string[]): boolean {
  return CONFLICTS.some((pair) => pair.every((scope) => scopes.includes(scope)));
}

function validateScopeSelector(spec: ResourceQuotaSpec, field: string): FieldError[] {
  const { scopeSelector, hard = {}, scopes = [] } = spec;
  const requirements = scopeSelector?.matchExpressions ?? [];
  const errors = requirements.flatMap((requirement) => {
    const { scopeName } = requirement;
    return [
      ...(isKnown(scopeName)
        ? []
        : [invalidValue(`${field}.scopeName`, scopeName, 'unsupported scope')]),
      ...misapplied(scopeName, hard).map(() =>
        invalidValue(field, scopeSelector, 'unsupported scope applied to resource'),
      ),
      ...requirementErrors(requirement, field),
    ];
  });
  return conflicting(requirements.map(({ scopeName }) => scopeName))
    ? [...errors, invalidValue(field, scopes, 'conflicting scopes')]
    : errors;
}

function requirementErrors(requirement: Requirement, field: string): FieldError[] {
  const { scopeName, operator, values = [] } = requirement;
  const at = `${field}.values`;
  const errors: FieldError[] = [];
  if (PLAIN_SCOPES.includes(scopeName) && operator !== 'Exists') {
    errors.push(invalidValue(`${field}.operator`, operator, MUST_EXIST));
  }
  if (operator === 'In' || operator === 'NotIn') {
    const detail =
      "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    return values.length === 0 ? [...errors, required(at, detail)] : errors;
  }
  if (operator === 'Exists' || operator === 'DoesNotExist') {
    const detail =
      "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
    return values.length > 0 ? [...errors, invalidValue(at, values, detail)] : errors;
  }
  return [...errors, invalidValue(`${field}.operator`, operator, 'not a valid selector operator')];
}

function validateScopesUnchanged(
  scopes: readonly string[] = [],
  old: readonly string[] = [],
): FieldError[] {
  const same = scopes.every((scope) => old.includes(scope)) && old.every((s) => scopes.includes(s));
  return same ? [] : [invalidValue('spec.scopes', scopes, IMMUTABLE)];
}
