// metrics: one metric of an autoscaler in the form of autoscaling/v1's annotations, and back.
//
// v2 says of every source the metric and the target; the older form spreads them over fields of names such as targetAverageValue. The
// fields are written in upstream's order, because what is compared is the text.
//
// Same rules upstream: pkg/apis/autoscaling/v1/conversion.go.

import type { MetricSpec, MetricStatus } from 'kubernetes-types/autoscaling/v2';

type Fields = Readonly<Record<string, unknown>>;

/** A source or a status of v2, whichever it is. */
interface Source {
  readonly name?: string;
  readonly container?: string;
  readonly metric?: { readonly name?: string; readonly selector?: unknown };
  readonly describedObject?: unknown;
  readonly target?: Fields;
  readonly current?: Fields;
}

const FIELDS = {
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
  External: 'external',
} as const;
type MetricType = keyof typeof FIELDS;

export function metricToV1(spec: MetricSpec): object {
  return inV1(spec, (type, source, target) => {
    const { metric, name, container } = source;
    const { value, averageValue, averageUtilization } = target;
    switch (type) {
      case 'Object':
        return {
          target: source.describedObject,
          metricName: metric?.name,
          targetValue: value ?? '0',
          selector: metric?.selector,
          averageValue,
        };
      case 'Pods':
        return {
          metricName: metric?.name,
          targetAverageValue: averageValue ?? '0',
          selector: metric?.selector,
        };
      case 'External':
        return {
          metricName: metric?.name,
          metricSelector: metric?.selector,
          targetValue: value,
          targetAverageValue: averageValue,
        };
      default:
        return {
          name,
          targetAverageUtilization: averageUtilization,
          targetAverageValue: averageValue,
          container,
        };
    }
  });
}

export function metricStatusToV1(status: MetricStatus): object {
  return inV1(status, (type, source, current) => {
    const { metric, name, container } = source;
    const { value, averageValue, averageUtilization } = current;
    switch (type) {
      case 'Object':
        return {
          target: source.describedObject,
          metricName: metric?.name,
          currentValue: value ?? '0',
          selector: metric?.selector,
          averageValue,
        };
      case 'Pods':
        return {
          metricName: metric?.name,
          currentAverageValue: averageValue ?? '0',
          selector: metric?.selector,
        };
      case 'External':
        return {
          metricName: metric?.name,
          metricSelector: metric?.selector,
          currentValue: value ?? '0',
          currentAverageValue: averageValue,
        };
      default:
        return {
          name,
          currentAverageUtilization: averageUtilization,
          currentAverageValue: averageValue ?? '0',
          container,
        };
    }
  });
}

function inV1(
  metric: MetricSpec | MetricStatus,
  fieldsOf: (type: MetricType, source: Source, amounts: Fields) => Fields,
): object {
  const type = metric.type as MetricType;
  const field = FIELDS[type];
  const source = (field === undefined ? undefined : metric[field]) as Source | undefined;
  if (source === undefined) return { type };
  return { type, [field]: present(fieldsOf(type, source, source.target ?? source.current ?? {})) };
}

export function metricFromV1(metric: Fields): MetricSpec {
  return fromV1(metric, (type, old) => {
    const averageValue = old.targetAverageValue ?? old.averageValue;
    const value = old.targetValue;
    const averageUtilization = old.targetAverageUtilization;
    switch (type) {
      case 'Object':
        return {
          describedObject: old.target,
          metric: present({ name: old.metricName, selector: old.selector }),
          target: present(
            averageValue === undefined
              ? { type: 'Value', value }
              : { type: 'AverageValue', value, averageValue },
          ),
        };
      case 'Pods':
        return {
          metric: present({ name: old.metricName, selector: old.selector }),
          target: present({ type: 'AverageValue', averageValue }),
        };
      case 'External':
        return {
          metric: present({ name: old.metricName, selector: old.metricSelector }),
          target: present({
            type: value === undefined ? 'AverageValue' : 'Value',
            value,
            averageValue,
          }),
        };
      default:
        return {
          name: old.name,
          container: old.container,
          target: present({
            type: averageUtilization === undefined ? 'AverageValue' : 'Utilization',
            averageValue,
            averageUtilization,
          }),
        };
    }
  }) as unknown as MetricSpec;
}

export function metricStatusFromV1(metric: Fields): MetricStatus {
  return fromV1(metric, (type, old) => {
    const averageValue = old.currentAverageValue ?? old.averageValue;
    const selector = type === 'External' ? old.metricSelector : old.selector;
    const identifier = present({ name: old.metricName, selector });
    switch (type) {
      case 'Object':
        return {
          describedObject: old.target,
          metric: identifier,
          current: present({ value: old.currentValue, averageValue }),
        };
      case 'Pods':
        return { metric: identifier, current: present({ averageValue }) };
      case 'External':
        return { metric: identifier, current: present({ value: old.currentValue, averageValue }) };
      default:
        return {
          name: old.name,
          container: old.container,
          current: present({ averageValue, averageUtilization: old.currentAverageUtilization }),
        };
    }
  }) as unknown as MetricStatus;
}

function fromV1(metric: Fields, fieldsOf: (type: MetricType, old: Fields) => Fields): object {
  const type = metric.type as MetricType;
  const field = FIELDS[type];
  const old = (field === undefined ? undefined : metric[field]) as Fields | undefined;
  return old === undefined ? { type } : { type, [field]: present(fieldsOf(type, old)) };
}

function present(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
