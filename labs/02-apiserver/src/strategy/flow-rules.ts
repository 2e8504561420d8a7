// flow-rules: which requests a flow schema means: whose they are, and what they ask for.
//
// Same rules upstream: pkg/apis/flowcontrol/validation (ValidateFlowSchemaPolicyRulesWithSubjects and what it calls).

import type {
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  ResourcePolicyRule,
  Subject,
} from 'kubernetes-types/flowcontrol/v1';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { dns1123Label, dns1123Subdomain } from './name-rules.ts';

const VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'proxy',
  'update',
  'watch',
];
const SUBJECTS = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;
const MEMBER = "each member of this list must be '*' or a DNS-1123 label; ";

export function validateFlowRule(rule: PolicyRulesWithSubjects, field: string): FieldError[] {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  const errors =
    subjects.length === 0
      ? [required(`${field}.subjects`, 'subjects must contain at least one value')]
      : subjects.flatMap((subject, index) =>
          validateSubject(subject, `${field}.subjects[${index}]`),
        );
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    const detail = 'at least one of resourceRules and nonResourceRules has to be non-empty';
    errors.push(required(field, detail));
  }
  return [
    ...errors,
    ...resourceRules.flatMap((each, index) =>
      validateResourceRule(each, `${field}.resourceRules[${index}]`),
    ),
    ...nonResourceRules.flatMap((each, index) =>
      validateNonResourceRule(each, `${field}.nonResourceRules[${index}]`),
    ),
  ];
}

function validateSubject(subject: Subject, field: string): FieldError[] {
  const kind = subject.kind as keyof typeof SUBJECTS;
  const own = SUBJECTS[kind];
  if (own === undefined) {
    return [notSupported(`${field}.kind`, kind, ['Group', 'ServiceAccount', 'User'])];
  }
  const others = Object.entries(SUBJECTS).filter(([name]) => name !== kind);
  return [
    ...(subject[own] === undefined
      ? [required(`${field}.${own}`, `${own} is required when subject kind is '${kind}'`)]
      : validateSubjectName(subject, own, `${field}.${own}`)),
    ...others.flatMap(([name, part]) =>
      subject[part] === undefined
        ? []
        : [
            forbiddenField(
              `${field}.${part}`,
              `${part} is forbidden when subject kind is not '${name}'`,
            ),
          ],
    ),
  ];
}

function validateSubjectName(
  subject: Subject,
  part: 'serviceAccount' | 'user' | 'group',
  field: string,
): FieldError[] {
  const name = subject[part]?.name ?? '';
  const errors = name === '' ? [required(`${field}.name`)] : [];
  if (part !== 'serviceAccount') return errors;
  const namespace = subject.serviceAccount?.namespace ?? '';
  if (name !== '' && name !== '*') {
    errors.push(...invalidValues(`${field}.name`, name, dns1123Subdomain(name)));
  }
  return [
    ...errors,
    ...(namespace === ''
      ? [required(`${field}.namespace`, 'must specify namespace for service account')]
      : invalidValues(`${field}.namespace`, namespace, dns1123Label(namespace))),
  ];
}

function validateVerbs(verbs: readonly string[], field: string): FieldError[] {
  if (verbs.length === 0) return [required(field, 'verbs must contain at least one value')];
  if (verbs.includes('*')) return validateAlone(verbs, field, 'verbs');
  return verbs.every((verb) => VERBS.includes(verb)) ? [] : [notSupported(field, verbs, VERBS)];
}

/** `*` means all, so nothing else has a meaning beside it. */
function validateAlone(values: readonly string[], field: string, what: string): FieldError[] {
  if (values.length === 1 || !values.includes('*')) return [];
  return [invalidValue(field, values, `if '*' is present, must not specify other ${what}`)];
}

function validateResourceRule(rule: ResourcePolicyRule, field: string): FieldError[] {
  const { verbs = [], apiGroups = [], resources = [], namespaces = [], clusterScope } = rule;
  const needed = (values: readonly string[], name: string, one: string, many: string) =>
    values.length === 0
      ? [required(`${field}.${name}`, `resource rules must supply at least one ${one}`)]
      : validateAlone(values, `${field}.${name}`, many);
  return [
    ...validateVerbs(verbs, `${field}.verbs`),
    ...needed(apiGroups, 'apiGroups', 'api group', 'api groups'),
    ...needed(resources, 'resources', 'resource', 'resources'),
    ...validateNamespaces(namespaces, clusterScope === true, `${field}.namespaces`),
  ];
}

function validateNamespaces(
  namespaces: readonly string[],
  clusterScope: boolean,
  field: string,
): FieldError[] {
  if (namespaces.length === 0 && !clusterScope) {
    const detail = 'resource rules that are not cluster scoped must supply at least one namespace';
    return [required(field, detail)];
  }
  if (namespaces.includes('*')) return validateAlone(namespaces, field, 'namespaces');
  return namespaces.flatMap((namespace, index) =>
    dns1123Label(namespace).map((message) =>
      invalidValue(`${field}[${index}]`, namespace, MEMBER + message),
    ),
  );
}

function validateNonResourceRule(rule: NonResourcePolicyRule, field: string): FieldError[] {
  const { verbs = [], nonResourceURLs: urls = [] } = rule;
  const at = `${field}.nonResourceURLs`;
  const errors = validateVerbs(verbs, `${field}.verbs`);
  if (urls.length === 0) {
    const detail = 'nonResourceURLs must contain at least one value';
    return [...errors, required(at, detail)];
  }
  if (urls.includes('*')) return [...errors, ...validateAlone(urls, at, 'non-resource URLs')];
  return [...errors, ...urls.flatMap((url, index) => validateUrlPath(url, `${at}[${index}]`))];
}

function validateUrlPath(path: string, field: string): FieldError[] {
  if (path === '/') return [];
  const stars = path.split('*').length - 1;
  const rules: readonly (readonly [broken: boolean, detail: string])[] = [
    [path === '', 'must not be empty'],
    [!path.startsWith('/'), 'must start with slash'],
    [path.includes(' '), 'must not contain white-space'],
    [path.includes('//'), 'must not contain double slash'],
    [stars > 1 || (stars === 1 && !path.endsWith('/*')), 'wildcard can only do suffix matching'],
  ];
  const broken = rules.find(([isBroken]) => isBroken);
  return broken === undefined ? [] : [invalidValue(field, path, broken[1])];
}
