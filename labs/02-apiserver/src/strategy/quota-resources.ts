// quota-resources: which names a quota may limit, and which scopes make sense for them.
//
// Same rules upstream: pkg/apis/core/helper (IsStandardQuotaResourceName, IsIntegerResourceName,
// IsResourceQuotaScopeValidForResource) and pkg/apis/core/validation (ValidateResourceQuotaResourceName).

import { nanoOfQuantity } from '../codec/quantity.ts';
import { type FieldError, invalidValue, invalidValues } from './field-error.ts';
import { qualifiedName } from './name-rules.ts';

const NANO = 10n ** 9n;
/** Counted one by one. */
const OBJECTS = [
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
  'services.loadbalancers',
  'services.nodeports',
] as const;
const COMPUTE = ['cpu', 'limits.cpu', 'limits.memory', 'memory', 'requests.cpu', 'requests.memory'];
const STORAGE = [
  'ephemeral-storage',
  'limits.ephemeral-storage',
  'requests.ephemeral-storage',
  'requests.storage',
] as const;
const QUOTA_RESOURCES: ReadonlySet<string> = new Set([...OBJECTS, ...COMPUTE, ...STORAGE]);
const STANDARD_RESOURCES: ReadonlySet<string> = new Set([...QUOTA_RESOURCES, 'storage']);
const HUGE_PAGES = /^(?:requests\.)?hugepages-/;

export const QUOTA_SCOPES = [
  'BestEffort',
  'CrossNamespacePodAffinity',
  'NotBestEffort',
  'NotTerminating',
  'PriorityClass',
  'Terminating',
  'VolumeAttributesClass',
] as const;

export function isStandardQuotaResource(name: string): boolean {
  return QUOTA_RESOURCES.has(name) || HUGE_PAGES.test(name);
}

/** A name without a domain must be one that Kubernetes knows. */
export function validateResourceName(name: string, field: string): FieldError[] {
  const messages = [...qualifiedName(name)];
  const isOwn = !name.includes('/');
  if (messages.length === 0 && isOwn && !STANDARD_RESOURCES.has(name) && !HUGE_PAGES.test(name)) {
    messages.push('must be a standard resource type or fully qualified');
  }
  return invalidValues(field, name, messages);
}

export function validateQuotaResourceName(name: string, field: string): FieldError[] {
  const errors = validateResourceName(name, field);
  if (name.includes('/') || isStandardQuotaResource(name)) return errors;
  return [...errors, invalidValue(field, name, 'must be a standard resource for quota')];
}

/** Amounts of things that are counted have no fractions. */
export function validateQuotaAmount(name: string, amount: string, field: string): FieldError[] {
  const nano = nanoOfQuantity(amount);
  const errors: FieldError[] = [];
  if (nano < 0n) {
    errors.push(invalidValue(field, amount, 'must be greater than or equal to 0'));
  }
  const isExtended =
    name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');
  const isCounted = (OBJECTS as readonly string[]).includes(name) || isExtended;
  if (isCounted && nano % NANO !== 0n)
    errors.push(invalidValue(field, amount, 'must be an integer'));
  return errors;
}

/** Whether a scope, which picks pods, can be applied to what is limited. */
export function isScopeValidFor(scope: string, resource: string): boolean {
  switch (scope) {
    case 'BestEffort':
      return resource === 'pods';
    case 'CrossNamespacePodAffinity':
    case 'NotBestEffort':
    case 'NotTerminating':
    case 'PriorityClass':
    case 'Terminating':
      return resource === 'pods' || COMPUTE.includes(resource);
    case 'VolumeAttributesClass':
      return resource === 'persistentvolumeclaims' || resource === 'requests.storage';
    default:
      return true;
  }
}
