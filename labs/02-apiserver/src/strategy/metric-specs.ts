// metric-specs: the rules for what an autoscaler measures: a union of five sources, of which exactly one is given.
//
// Same rules upstream: pkg/apis/autoscaling/validation (validateMetricSpec and what it calls).

import type { MetricSpec, MetricTarget } from 'kubernetes-types/autoscaling/v2';
import { nanoOfQuantity } from '../codec/quantity.ts';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { dns1123Label, pathSegment } from './name-rules.ts';
import { validateContainerResourceName } from './resource-requirements.ts';

interface ObjectReference {
  readonly kind?: string;
  readonly name?: string;
}
interface Source {
  readonly metric?: { readonly name?: string };
  readonly describedObject?: ObjectReference;
  readonly name?: string;
  readonly container?: string;
  readonly target?: MetricTarget;
}

/** In the order in which upstream looks at them. */
const SOURCES = {
  object: 'Object',
  external: 'External',
  pods: 'Pods',
  resource: 'Resource',
  containerResource: 'ContainerResource',
} as const;
type SourceField = keyof typeof SOURCES;
const FIELDS = Object.keys(SOURCES) as readonly SourceField[];
const TYPES = Object.values(SOURCES).sort();
const TARGET_TYPES: readonly string[] = ['Utilization', 'Value', 'AverageValue'];

export function validateMetrics(
  metrics: readonly MetricSpec[],
  minReplicas: number | undefined,
  field: string,
): FieldError[] {
  const errors = metrics.flatMap((metric, index) => validateMetric(metric, `${field}[${index}]`));
  const canWake = metrics.some(({ type }) => type === 'Object' || type === 'External');
  // Without pods there is nothing to measure in pods.
  if (minReplicas !== 0 || canWake) return errors;
  const detail =
    'must specify at least one Object or External metric to support scaling to zero replicas';
  return [...errors, forbiddenField(field, detail)];
}

export function validateObjectReference(
  reference: ObjectReference | undefined,
  field: string,
): FieldError[] {
  return (['kind', 'name'] as const).flatMap((part) => {
    const value = reference?.[part] ?? '';
    return value === ''
      ? [required(`${field}.${part}`)]
      : invalidValues(`${field}.${part}`, value, pathSegment(value));
  });
}

function validateMetric(metric: MetricSpec, field: string): FieldError[] {
  const type: string = metric.type ?? '';
  const errors: FieldError[] = [];
  if (type === '') errors.push(required(`${field}.type`, 'must specify a metric source type'));
  if (!TYPES.includes(type as never)) errors.push(notSupported(`${field}.type`, type, TYPES));
  const present = FIELDS.filter((name) => metric[name] !== undefined);
  const [first] = present;
  if (first !== undefined) {
    errors.push(...validateSource(first, metric[first] as Source, `${field}.${first}`));
  }
  const expected = FIELDS.find((name) => SOURCES[name] === type);
  if (expected !== undefined && metric[expected] === undefined) {
    const detail = 'must populate information for the given metric source';
    errors.push(required(`${field}.${expected}`, detail));
  }
  if (present.length === 1) return errors;
  const others = present.filter((name) => name !== expected);
  const detail = 'must populate the given metric source only';
  return [...errors, ...others.map((name) => forbiddenField(`${field}.${name}`, detail))];
}

function validateSource(name: SourceField, source: Source, field: string): FieldError[] {
  const target = source.target ?? ({} as MetricTarget);
  const at = `${field}.target`;
  switch (name) {
    case 'object':
      return [
        ...validateObjectReference(source.describedObject, `${field}.describedObject`),
        ...validateIdentifier(source, `${field}.metric`),
        ...validateTarget(target, at),
        ...(target.value === undefined && target.averageValue === undefined
          ? [required(`${at}.averageValue`, 'must set either a target value or averageValue')]
          : []),
      ];
    case 'external':
      return [
        ...validateIdentifier(source, `${field}.metric`),
        ...validateTarget(target, at),
        ...validateExternal(target, at),
      ];
    case 'pods':
      return [
        ...validateIdentifier(source, `${field}.metric`),
        ...validateTarget(target, at),
        ...(target.averageValue === undefined
          ? [required(`${at}.averageValue`, 'must specify a positive target averageValue')]
          : []),
      ];
    case 'resource':
    case 'containerResource':
      return [
        ...validateResource(name, source, field),
        ...validateTarget(target, at),
        ...validateResourceTarget(target, at),
      ];
  }
}

function validateIdentifier({ metric }: Source, field: string): FieldError[] {
  const name = metric?.name ?? '';
  return name === ''
    ? [required(`${field}.name`, 'must specify a metric name')]
    : invalidValues(`${field}.name`, name, pathSegment(name));
}

function validateExternal({ value, averageValue }: MetricTarget, field: string): FieldError[] {
  if (value === undefined && averageValue === undefined) {
    const detail = 'must set either a target value for metric or a per-pod target';
    return [required(`${field}.averageValue`, detail)];
  }
  if (value === undefined || averageValue === undefined) return [];
  const detail = 'may not set both a target value for metric and a per-pod target';
  return [forbiddenField(`${field}.value`, detail)];
}

function validateResource(kind: SourceField, source: Source, field: string): FieldError[] {
  const { name = '', container = '' } = source;
  const isOfContainer = kind === 'containerResource';
  const errors: FieldError[] = [];
  if (name === '') errors.push(required(`${field}.name`, 'must specify a resource name'));
  else if (isOfContainer) errors.push(...validateContainerResourceName(name, `${field}.name`));
  if (!isOfContainer) return errors;
  if (container === '') {
    return [...errors, required(`${field}.container`, 'must specify a container')];
  }
  return [...errors, ...invalidValues(`${field}.container`, container, dns1123Label(container))];
}

function validateResourceTarget(target: MetricTarget, field: string): FieldError[] {
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined && averageValue === undefined) {
    const detail = 'must set either a target raw value or a target utilization';
    return [required(`${field}.averageUtilization`, detail)];
  }
  if (averageUtilization === undefined || averageValue === undefined) return [];
  const detail = 'may not set both a target raw value and a target utilization';
  return [forbiddenField(`${field}.averageValue`, detail)];
}

function validateTarget(target: MetricTarget, field: string): FieldError[] {
  const type: string = target.type ?? '';
  const errors: FieldError[] = [];
  if (type === '') errors.push(required(`${field}.type`, 'must specify a metric target type'));
  if (!TARGET_TYPES.includes(type)) {
    const detail = 'must be either Utilization, Value, or AverageValue';
    errors.push(invalidValue(`${field}.type`, type, detail));
  }
  for (const name of ['value', 'averageValue'] as const) {
    const amount = target[name];
    if (amount !== undefined && nanoOfQuantity(amount) <= 0n) {
      errors.push(invalidValue(`${field}.${name}`, amount, 'must be positive'));
    }
  }
  const percent = target.averageUtilization;
  if (percent !== undefined && percent < 1) {
    errors.push(invalidValue(`${field}.averageUtilization`, percent, 'must be greater than 0'));
  }
  return errors;
}
