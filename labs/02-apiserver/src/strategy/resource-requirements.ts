// resource-requirements: how much a container may ask for and use.
//
// Same rules upstream: pkg/apis/core/validation (ValidateResourceRequirements).

import { nanoOfQuantity } from '../codec/quantity.ts';
import { type FieldError, forbiddenField, invalidValue, invalidValues } from './field-error.ts';
import { qualifiedName } from './name-rules.ts';
import type { ResourceRequirements } from './pod-types.ts';

const NANO = 10n ** 9n;
const CONTAINER_RESOURCES: ReadonlySet<string> = new Set(['cpu', 'ephemeral-storage', 'memory']);
/** Names that mean something elsewhere: in node capacity and in quotas. */
const OTHER_RESOURCES: ReadonlySet<string> = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
  'storage',
]);
type Amounts = Readonly<Record<string, string>> | undefined;

export function validateResourceRequirements(
  resources: ResourceRequirements | undefined,
  field: string,
): FieldError[] {
  const limits: Amounts = resources?.limits;
  const requests: Amounts = resources?.requests;
  return [
    ...validateAmounts(limits, `${field}.limits`),
    ...validateAmounts(requests, `${field}.requests`),
    ...validateRequestsWithinLimits(requests, limits, `${field}.requests`),
  ];
}

function validateAmounts(amounts: Amounts, field: string): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, amount]) => [
    ...validateContainerResourceName(name, `${field}[${name}]`),
    ...validateAmount(name, amount, `${field}[${name}]`),
  ]);
}

/** Names without a domain are Kubernetes' own; a domain other than its own marks an extended resource. */
export function validateContainerResourceName(name: string, field: string): FieldError[] {
  const messages = [...qualifiedName(name)];
  if (messages.length > 0) return invalidValues(field, name, messages);
  if (name.includes('/') || name.startsWith('hugepages-')) return [];
  if (CONTAINER_RESOURCES.has(name)) return [];
  if (!OTHER_RESOURCES.has(name))
    messages.push('must be a standard resource type or fully qualified');
  messages.push('must be a standard resource for containers');
  return invalidValues(field, name, messages);
}

export function validateAmount(name: string, amount: string, field: string): FieldError[] {
  const nano = nanoOfQuantity(amount);
  if (nano < 0n) return [invalidValue(field, amount, 'must be greater than or equal to 0')];
  const whole = name.includes('/') && !name.startsWith('kubernetes.io/');
  return whole && nano % NANO !== 0n ? [invalidValue(field, amount, 'must be an integer')] : [];
}

function validateRequestsWithinLimits(
  requests: Amounts,
  limits: Amounts,
  field: string,
): FieldError[] {
  return Object.entries(requests ?? {}).flatMap(([name, amount]) => {
    const limit = limits?.[name];
    const extended = name.includes('/') || name.startsWith('hugepages-');
    if (limit === undefined) {
      const detail = `must equal ${name} limit of 0`;
      return extended && limits !== undefined ? [forbiddenField(field, detail)] : [];
    }
    if (extended && nanoOfQuantity(amount) !== nanoOfQuantity(limit)) {
      return [invalidValue(field, amount, `must be equal to ${name} limit of ${limit}`)];
    }
    return nanoOfQuantity(amount) > nanoOfQuantity(limit)
      ? [invalidValue(field, amount, `must be less than or equal to ${name} limit of ${limit}`)]
      : [];
  });
}
