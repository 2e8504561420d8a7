// label-query: the label selector of a request, read as strictly as upstream reads it.
//
// Labels in a selector must be such as objects can have: a typing mistake is an error, not an empty list.
//
// Same rule upstream: apimachinery, pkg/labels/selector.go (NewRequirement).

import { badRequest } from '../api-error.ts';
import type { LabelRequirement } from '../client/label-requirement.ts';
import { parseLabelSelector } from '../client/selectors.ts';
import { labelValue, qualifiedName } from '../strategy/name-rules.ts';

/** Throws BadRequest, in upstream's words. */
export function readLabelQuery(text: string): readonly LabelRequirement[] {
  const requirements = parsed(text);
  const [mistake] = requirements.flatMap(mistakesOf);
  if (mistake !== undefined) throw badRequest(`unable to parse requirement: ${mistake}`);
  return requirements;
}

function parsed(text: string): readonly LabelRequirement[] {
  try {
    return parseLabelSelector(text);
  } catch (error) {
    throw badRequest(error instanceof Error ? error.message : String(error));
  }
}

/** Why no object can have such a label, in upstream's words. */
function mistakesOf({ key, operator, values }: LabelRequirement): string[] {
  const saying = (path: string, value: string, messages: readonly string[]) =>
    messages.length === 0
      ? []
      : [`${path}: Invalid value: ${JSON.stringify(value)}: ${messages.join('; ')}`];
  const mistakes = saying('key', key, qualifiedName(key));
  for (const [index, value] of values.entries()) {
    mistakes.push(...saying(`values[${index}][${key}]`, value, labelValue(value)));
    if ((operator === 'Gt' || operator === 'Lt') && !/^[+-]?\d+$/.test(value)) {
      const why = "for 'Gt', 'Lt' operators, the value must be an integer";
      mistakes.push(...saying(`values[${index}]`, value, [why]));
    }
  }
  return mistakes;
}
