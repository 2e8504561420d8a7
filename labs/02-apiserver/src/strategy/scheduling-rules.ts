// scheduling-rules: what a pod may say about where it wants to run.
//
// Same rules upstream: pkg/apis/core/validation (validateAffinity, ValidateTolerations, validateTopologySpreadConstraints).

import type {
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  TopologySpreadConstraint,
} from 'kubernetes-types/core/v1';
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { validateLabelSelector } from './label-selector.ts';
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from './name-rules.ts';
import type { Affinity, PodSpec, Toleration } from './pod-types.ts';

export const TAINT_EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'] as const;

export function validateScheduling(spec: PodSpec, field: string): FieldError[] {
  const { affinity, tolerations = [], topologySpreadConstraints = [] } = spec;
  return [
    ...(affinity === undefined ? [] : validateAffinity(affinity, `${field}.affinity`)),
    ...validateTolerations(tolerations, `${field}.tolerations`),
    ...validateSpread(topologySpreadConstraints, `${field}.topologySpreadConstraints`),
  ];
}

export function validateTolerations(
  tolerations: readonly Toleration[],
  field: string,
): FieldError[] {
  return tolerations.flatMap((toleration, index) =>
    tolerationErrors(toleration, `${field}[${index}]`),
  );
}

function tolerationErrors(toleration: Toleration, field: string): FieldError[] {
  const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration;
  const errors = key === '' ? [] : invalidValues(`${field}.key`, key, qualifiedName(key));
  if (key === '' && operator !== 'Exists') {
    const detail =
      'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    errors.push(invalidValue(`${field}.operator`, operator, detail));
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    errors.push(invalidValue(`${field}.effect`, effect, detail));
  }
  if (operator === 'Equal' || operator === '') {
    const messages = labelValue(value);
    if (messages.length > 0) {
      errors.push(invalidValue(`${field}.operator`, value, messages.join(';')));
    }
  } else if (operator !== 'Exists') {
    errors.push(notSupported(`${field}.operator`, operator, ['Equal', 'Exists']));
  } else if (value !== '') {
    const detail = "value must be empty when `operator` is 'Exists'";
    errors.push(invalidValue(`${field}.operator`, toleration, detail));
  }
  if (effect !== '' && !(TAINT_EFFECTS as readonly string[]).includes(effect)) {
    errors.push(notSupported(`${field}.effect`, effect, TAINT_EFFECTS));
  }
  return errors;
}

function validateAffinity(affinity: Affinity, field: string): FieldError[] {
  const { nodeAffinity } = affinity;
  const must = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const should = nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const node = `${field}.nodeAffinity`;
  const terms = `${node}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  return [
    ...(must !== undefined && must.nodeSelectorTerms.length === 0
      ? [required(terms, 'must have at least one node selector term')]
      : []),
    ...(must?.nodeSelectorTerms ?? []).flatMap((term, index) =>
      termErrors(term, `${terms}[${index}]`),
    ),
    ...should.flatMap(({ weight, preference }, index) => {
      const at = `${node}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
      return [...weightErrors(weight, at), ...termErrors(preference, `${at}.preference`)];
    }),
    ...(['podAffinity', 'podAntiAffinity'] as const).flatMap((name) =>
      podAffinityErrors(affinity[name], `${field}.${name}`),
    ),
  ];
}

export function termErrors(term: NodeSelectorTerm, field: string): FieldError[] {
  const { matchExpressions = [], matchFields = [] } = term;
  return [
    ...matchExpressions.flatMap((requirement, index) =>
      expressionErrors(requirement, `${field}.matchExpressions[${index}]`),
    ),
    ...matchFields.flatMap((requirement, index) =>
      fieldErrors(requirement, `${field}.matchFields[${index}]`),
    ),
  ];
}

function expressionErrors(requirement: NodeSelectorRequirement, field: string): FieldError[] {
  const { key, operator, values = [] } = requirement;
  const at = `${field}.values`;
  const errors: FieldError[] = [];
  switch (operator as string) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        errors.push(required(at, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
        errors.push(forbiddenField(at, detail));
      }
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        errors.push(required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      }
      break;
    default:
      errors.push(invalidValue(`${field}.operator`, operator, 'not a valid selector operator'));
  }
  return [...errors, ...invalidValues(`${field}.key`, key, qualifiedName(key))];
}

/** The only field of a node that can be selected by is its name. */
function fieldErrors(requirement: NodeSelectorRequirement, field: string): FieldError[] {
  const { key, operator, values = [] } = requirement;
  const errors: FieldError[] = [];
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(invalidValue(`${field}.operator`, operator, 'not a valid selector operator'));
  } else if (values.length !== 1) {
    const detail =
      "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(required(`${field}.values`, detail));
  }
  if (key !== 'metadata.name') {
    return [...errors, invalidValue(`${field}.key`, key, 'not a valid field selector key')];
  }
  return [
    ...errors,
    ...values.flatMap((value, index) =>
      invalidValues(`${field}.values[${index}]`, value, dns1123Subdomain(value)),
    ),
  ];
}

function weightErrors(weight: number, field: string): FieldError[] {
  return weight >= 1 && weight <= 100
    ? []
    : [invalidValue(`${field}.weight`, weight, 'must be in the range 1-100')];
}

function podAffinityErrors(affinity: Affinity['podAffinity'], field: string): FieldError[] {
  const must = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  const should = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return [
    ...must.flatMap((term, index) =>
      podTermErrors(term, `${field}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`),
    ),
    ...should.flatMap(({ weight, podAffinityTerm }, index) => {
      const at = `${field}.preferredDuringSchedulingIgnoredDuringExecution[${index}]`;
      return [
        ...weightErrors(weight, at),
        ...podTermErrors(podAffinityTerm, `${at}.podAffinityTerm`),
      ];
    }),
  ];
}

function podTermErrors(term: PodAffinityTerm, field: string): FieldError[] {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey = '' } = term;
  return [
    ...validateLabelSelector(labelSelector, `${field}.labelSelector`),
    ...validateLabelSelector(namespaceSelector, `${field}.namespaceSelector`),
    ...namespaces.flatMap((name) => invalidValues(`${field}.namespace`, name, dns1123Label(name))),
    ...(topologyKey === ''
      ? [required(`${field}.topologyKey`, 'can not be empty')]
      : invalidValues(`${field}.topologyKey`, topologyKey, qualifiedName(topologyKey))),
  ];
}

function validateSpread(
  constraints: readonly TopologySpreadConstraint[],
  field: string,
): FieldError[] {
  const seen = new Set<string>();
  return constraints.flatMap((constraint, index) => {
    const at = `${field}[${index}]`;
    const { maxSkew, topologyKey = '', whenUnsatisfiable, labelSelector } = constraint;
    const actions = ['DoNotSchedule', 'ScheduleAnyway'];
    const errors: FieldError[] = [];
    if (maxSkew <= 0)
      errors.push(invalidValue(`${at}.maxSkew`, maxSkew, 'must be greater than zero'));
    if (topologyKey === '') errors.push(required(`${at}.topologyKey`, 'can not be empty'));
    if (!actions.includes(whenUnsatisfiable)) {
      errors.push(notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable, actions));
    }
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`;
    if (seen.has(pair)) errors.push(duplicate(`${at}.{topologyKey, whenUnsatisfiable}`, pair));
    seen.add(pair);
    return [...errors, ...validateLabelSelector(labelSelector, `${at}.labelSelector`)];
  });
}
