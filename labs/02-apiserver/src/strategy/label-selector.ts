// label-selector: the rules for selectors, and whether one fits a set of labels.
//
// Same rules upstream: apimachinery, pkg/apis/meta/v1/validation.

import type { LabelSelector } from 'kubernetes-types/meta/v1';
import { matchesSelector } from '../client/selectors.ts';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  required,
} from './field-error.ts';
import { labelValue, qualifiedName } from './name-rules.ts';
import { validateLabels } from './object-meta.ts';

type Requirement = NonNullable<LabelSelector['matchExpressions']>[number];

export function validateLabelSelector(
  selector: LabelSelector | undefined,
  field: string,
): FieldError[] {
  const requirements = selector?.matchExpressions ?? [];
  return [
    ...validateLabels(selector?.matchLabels, `${field}.matchLabels`),
    ...requirements.flatMap((requirement, index) =>
      requirementErrors(requirement, `${field}.matchExpressions[${index}]`),
    ),
  ];
}

function requirementErrors(requirement: Requirement, field: string): FieldError[] {
  const { key, operator, values = [] } = requirement;
  const errors: FieldError[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) {
      const detail = "must be specified when `operator` is 'In' or 'NotIn'";
      errors.push(required(`${field}.values`, detail));
    }
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) {
      const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
      errors.push(forbiddenField(`${field}.values`, detail));
    }
  } else {
    errors.push(invalidValue(`${field}.operator`, operator, 'not a valid selector operator'));
  }
  errors.push(...invalidValues(`${field}.key`, key, qualifiedName(key)));
  values.forEach((value, index) => {
    errors.push(...invalidValues(`${field}.values[${index}]`, value, labelValue(value)));
  });
  return errors;
}

/** For the controllers' kinds: a selector that is there, is not empty, and fits the template's own labels. */
export function validateSelectorOfTemplate(
  selector: LabelSelector | undefined,
  labels: Readonly<Record<string, string>> | undefined,
  kind: string,
): FieldError[] {
  const field = 'spec.selector';
  if (selector === undefined) return [required(field)];
  const errors = validateLabelSelector(selector, field);
  const count =
    Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions?.length ?? 0);
  if (count === 0) {
    errors.push(invalidValue(field, selector, `empty selector is invalid for ${kind}`));
  }
  if (errors.length === 0 && !matchesSelector(selector, { ...labels })) {
    const detail = '`selector` does not match template `labels`';
    errors.push(invalidValue('spec.template.metadata.labels', labels ?? {}, detail));
  }
  return errors;
}
