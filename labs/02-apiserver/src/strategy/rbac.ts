// rbac: the strategies of roles, cluster roles and their bindings.
//
// A binding names its role for good: otherwise who may change a binding could give its subjects any role. A rule is either about resources
// or about paths; paths belong to no namespace. Where a subject or a role reference leaves its API group out, it is the one that fits.
//
// Same rules upstream: pkg/apis/rbac/validation and pkg/apis/rbac/v1/defaults.go.

import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from 'kubernetes-types/rbac/v1';
import { sameValue } from './equality.ts';
import {
  type FieldError,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { validateLabelSelector } from './label-selector.ts';
import { dns1123Subdomain, pathSegment } from './name-rules.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const GROUP = 'rbac.authorization.k8s.io';

export const roleStrategy: Strategy = defineStrategy<Role>({
  metadata: { name: pathSegment },
  hasStatus: false,
  validate: ({ rules = [] }) => validateRules(rules, true),
});

export const clusterRoleStrategy: Strategy = defineStrategy<ClusterRole>({
  metadata: { name: pathSegment, namespaced: false },
  hasStatus: false,
  validate: ({ rules = [], aggregationRule }) => [
    ...validateRules(rules, false),
    ...(aggregationRule === undefined ? [] : validateAggregation(aggregationRule)),
  ],
});

export const roleBindingStrategy: Strategy = defineStrategy<RoleBinding>({
  metadata: { name: pathSegment },
  hasStatus: false,
  setDefaults: setBindingDefaults,
  validate: ({ roleRef, subjects = [] }) => [
    ...validateRoleRef(roleRef, ['ClusterRole', 'Role']),
    ...subjects.flatMap((subject, index) => validateSubject(subject, index, true)),
  ],
  validateUpdate: validateSameRole,
});

export const clusterRoleBindingStrategy: Strategy = defineStrategy<ClusterRoleBinding>({
  metadata: { name: pathSegment, namespaced: false },
  hasStatus: false,
  setDefaults: setBindingDefaults,
  validate: ({ roleRef, subjects = [] }) => [
    ...validateRoleRef(roleRef, ['ClusterRole']),
    ...subjects.flatMap((subject, index) => validateSubject(subject, index, false)),
  ],
  validateUpdate: validateSameRole,
});

function setBindingDefaults({ roleRef, subjects }: RoleBinding | ClusterRoleBinding): void {
  // Whatever is missing altogether is for validation to say.
  if (roleRef !== undefined && (roleRef.apiGroup ?? '') === '') roleRef.apiGroup = GROUP;
  for (const subject of subjects ?? []) {
    const needsGroup = subject.kind === 'User' || subject.kind === 'Group';
    if (needsGroup && (subject.apiGroup ?? '') === '') subject.apiGroup = GROUP;
  }
}

function validateRules(rules: readonly PolicyRule[], namespaced: boolean): FieldError[] {
  return rules.flatMap((rule, index) => validateRule(rule, `rules[${index}]`, namespaced));
}

function validateRule(rule: PolicyRule, field: string, namespaced: boolean): FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], resourceNames = [] } = rule;
  const { nonResourceURLs: paths = [] } = rule;
  const errors: FieldError[] = [];
  if (verbs.length === 0) {
    errors.push(required(`${field}.verbs`, 'verbs must contain at least one value'));
  }
  if (paths.length > 0) {
    const at = `${field}.nonResourceURLs`;
    if (namespaced) {
      const detail = 'namespaced rules cannot apply to non-resource URLs';
      errors.push(invalidValue(at, paths, detail));
    }
    if (apiGroups.length + resources.length + resourceNames.length > 0) {
      const detail = 'rules cannot apply to both regular resources and non-resource URLs';
      errors.push(invalidValue(at, paths, detail));
    }
    return errors;
  }
  if (apiGroups.length === 0) {
    const detail = 'resource rules must supply at least one api group';
    errors.push(required(`${field}.apiGroups`, detail));
  }
  if (resources.length === 0) {
    const detail = 'resource rules must supply at least one resource';
    errors.push(required(`${field}.resources`, detail));
  }
  return errors;
}

function validateAggregation({
  clusterRoleSelectors = [],
}: NonNullable<ClusterRole['aggregationRule']>): FieldError[] {
  const field = 'aggregationRule.clusterRoleSelectors';
  if (clusterRoleSelectors.length === 0) {
    const detail = 'at least one clusterRoleSelector required if aggregationRule is non-nil';
    return [required(field, detail)];
  }
  return clusterRoleSelectors.flatMap((selector, index) =>
    validateLabelSelector(selector, `${field}[${index}]`),
  );
}

function validateRoleRef(
  { apiGroup = '', kind = '', name = '' }: RoleRef,
  kinds: readonly string[],
): FieldError[] {
  return [
    ...(apiGroup === GROUP ? [] : [notSupported('roleRef.apiGroup', apiGroup, [GROUP])]),
    ...(kinds.includes(kind) ? [] : [notSupported('roleRef.kind', kind, kinds)]),
    ...(name === ''
      ? [required('roleRef.name')]
      : invalidValues('roleRef.name', name, pathSegment(name))),
  ];
}

function validateSubject(subject: Subject, index: number, namespaced: boolean): FieldError[] {
  const { kind = '', name = '', apiGroup = '', namespace = '' } = subject;
  const field = `subjects[${index}]`;
  const errors: FieldError[] = name === '' ? [required(`${field}.name`)] : [];
  switch (kind) {
    case 'ServiceAccount':
      if (name !== '') {
        errors.push(...invalidValues(`${field}.name`, name, dns1123Subdomain(name)));
      }
      if (apiGroup !== '') errors.push(notSupported(`${field}.apiGroup`, apiGroup, ['']));
      if (!namespaced && namespace === '') errors.push(required(`${field}.namespace`));
      return errors;
    case 'User':
    case 'Group':
      if (name === '') {
        const detail = `${kind.toLowerCase()} name cannot be empty`;
        errors.push(invalidValue(`${field}.name`, name, detail));
      }
      if (apiGroup !== GROUP) errors.push(notSupported(`${field}.apiGroup`, apiGroup, [GROUP]));
      return errors;
    default:
      return [...errors, notSupported(`${field}.kind`, kind, ['Group', 'ServiceAccount', 'User'])];
  }
}

function validateSameRole(
  { roleRef }: RoleBinding | ClusterRoleBinding,
  old: RoleBinding | ClusterRoleBinding,
): FieldError[] {
  if (sameValue(roleRef, old.roleRef)) return [];
  return [invalidValue('roleRef', roleRef, 'cannot change roleRef')];
}
