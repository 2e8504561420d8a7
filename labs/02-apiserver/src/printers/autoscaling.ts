// autoscaling: the columns of horizontal pod autoscalers. TARGETS shows, a metric, what is measured and what is wanted.
//
// Same columns upstream: pkg/printers/internalversion/printers.go (printHorizontalPodAutoscaler, formatHPAMetrics).

import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from 'kubernetes-types/autoscaling/v2';
import { AGE_COLUMN, ageOf, NAME_COLUMN, type Printer } from './table.ts';

const METRICS_SHOWN_MAX = 2;
const UNKNOWN = '<unknown>';

export const horizontalPodAutoscalerPrinter: Printer<HorizontalPodAutoscaler> = {
  columns: [
    NAME_COLUMN,
    { name: 'Reference' },
    { name: 'Targets' },
    { name: 'MinPods' },
    { name: 'MaxPods' },
    { name: 'Replicas' },
    AGE_COLUMN,
  ],
  row: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    `${spec?.scaleTargetRef.kind}/${spec?.scaleTargetRef.name}`,
    targetsText(spec?.metrics ?? [], status?.currentMetrics ?? []),
    String(spec?.minReplicas ?? '<unset>'),
    spec?.maxReplicas ?? 0,
    status?.currentReplicas ?? 0,
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

function targetsText(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (specs.length === 0) return '<none>';
  const all = specs.map((spec, index) => targetText(spec, statuses[index]));
  const shown = all.slice(0, METRICS_SHOWN_MAX).join(', ');
  const more = all.length - METRICS_SHOWN_MAX;
  return more > 0 ? `${shown} + ${more} more...` : shown;
}

function targetText(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case 'External':
      return ofObject(spec.external?.target, status?.external?.current);
    case 'Object':
      return ofObject(spec.object?.target, status?.object?.current);
    case 'Pods':
      return `${status?.pods?.current.averageValue ?? UNKNOWN}/${spec.pods?.target.averageValue}`;
    case 'Resource':
      return ofResource(spec.resource, status?.resource?.current);
    case 'ContainerResource':
      return ofResource(spec.containerResource, status?.containerResource?.current);
    default:
      return '<unknown type>';
  }
}

function ofObject(
  target: MetricTarget | undefined,
  current: MetricValueStatus | undefined,
): string {
  return target?.averageValue === undefined
    ? `${current?.value ?? UNKNOWN}/${target?.value}`
    : `${current?.averageValue ?? UNKNOWN}/${target.averageValue} (avg)`;
}

function ofResource(
  source: { readonly name: string; readonly target: MetricTarget } | undefined,
  current: MetricValueStatus | undefined,
): string {
  if (source === undefined) return UNKNOWN;
  const { name, target } = source;
  if (target.averageValue !== undefined) {
    return `${name}: ${current?.averageValue ?? UNKNOWN}/${target.averageValue}`;
  }
  const percent = (value: number | undefined, otherwise: string): string =>
    value === undefined ? otherwise : `${value}%`;
  const actual = percent(current?.averageUtilization, UNKNOWN);
  return `${name}: ${actual}/${percent(target.averageUtilization, '<auto>')}`;
}
