// label-requirement: one requirement of a label selector, and whether labels satisfy it.
//
// A selector, whichever of its forms it was written in (selectors.ts), is a list of requirements that must all hold. A key that is absent
// satisfies NotIn and DoesNotExist, and nothing else.
//
// Same rule upstream: k8s.io/apimachinery/pkg/labels (Requirement.Matches).

export type Labels = Readonly<Record<string, string>>;

export interface LabelRequirement {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';
  readonly values: readonly string[];
}

export function matchesRequirements(
  requirements: readonly LabelRequirement[],
  labels: Labels | undefined,
): boolean {
  return requirements.every((requirement) => matchesRequirement(requirement, labels));
}

/** Whether labels satisfy one requirement. */
export function matchesRequirement(
  requirement: LabelRequirement,
  labels: Labels | undefined,
): boolean {
  const { operator, values } = requirement;
  const value = labelOf(labels, requirement.key);
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return value !== undefined && compareIntegers(value, values[0], (a, b) => a > b);
    case 'Lt':
      return value !== undefined && compareIntegers(value, values[0], (a, b) => a < b);
    default:
      operator satisfies never;
      return false; // An operator that is not known selects nothing, so that nothing is deleted by mistake.
  }
}

/** Only what the object has itself: a label may be called `constructor`. */
export function labelOf(labels: Labels | undefined, key: string): string | undefined {
  return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function compareIntegers(
  left: string,
  right: string | undefined,
  compare: (left: bigint, right: bigint) => boolean,
): boolean {
  const integer = /^[+-]?\d+$/;
  if (right === undefined || !integer.test(left) || !integer.test(right)) return false;
  return compare(BigInt(left.replace('+', '')), BigInt(right.replace('+', '')));
}
