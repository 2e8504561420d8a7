// autoscaling: horizontal pod autoscalers as autoscaling/v1 shows them. They are stored as v2.
//
// v1 has one number, the CPU target. Whatever else an autoscaler measures, does and knows travels in annotations, so that a client of v1
// that reads and writes an object loses nothing. The annotations exist in v1 only: on the way in they become fields again.
//
// Same rules upstream: pkg/apis/autoscaling/v1/conversion.go, pkg/apis/autoscaling/helpers.go. An annotation that is no JSON is taken for
// absent, where upstream fails the request.

import type {
  HorizontalPodAutoscaler as AutoscalerV1,
  HorizontalPodAutoscalerStatus as StatusV1,
} from 'kubernetes-types/autoscaling/v1';
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerSpec,
  HorizontalPodAutoscalerStatus,
  MetricSpec,
  MetricStatus,
} from 'kubernetes-types/autoscaling/v2';
import type { KubernetesObject } from '../client/resources.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import { metricFromV1, metricStatusFromV1, metricStatusToV1, metricToV1 } from './metrics.ts';
import { withoutUndefined } from './without-undefined.ts';

const PREFIX = 'autoscaling.alpha.kubernetes.io/';
const METRICS = `${PREFIX}metrics`;
const CURRENT_METRICS = `${PREFIX}current-metrics`;
const CONDITIONS = `${PREFIX}conditions`;
const BEHAVIOR = `${PREFIX}behavior`;
const OWN = [METRICS, CURRENT_METRICS, CONDITIONS, BEHAVIOR];
const CPU_PERCENT = 80;

export function autoscalerToV1(object: ReadonlyApiObject): KubernetesObject {
  const { metadata, spec, status } = object as HorizontalPodAutoscaler;
  const metrics = spec?.metrics ?? [];
  const percent = metrics.find(isCpu)?.resource?.target.averageUtilization;
  const others = metrics.filter((metric) => !hasCpuPercent(metric));
  const current = status?.currentMetrics ?? [];
  const annotations = {
    ...metadata?.annotations,
    ...annotation(METRICS, others.map(metricToV1)),
    ...annotation(CURRENT_METRICS, current.map(metricStatusToV1)),
    ...annotation(CONDITIONS, status?.conditions ?? []),
    ...(spec?.behavior === undefined ? {} : { [BEHAVIOR]: JSON.stringify(spec.behavior) }),
  };
  const { minReplicas, maxReplicas = 0, scaleTargetRef } = spec ?? {};
  return {
    metadata:
      Object.keys(annotations).length === 0 ? { ...metadata } : { ...metadata, annotations },
    spec: withoutUndefined({
      maxReplicas,
      minReplicas,
      scaleTargetRef,
      targetCPUUtilizationPercentage: percent,
    }),
    ...(status === undefined ? {} : { status: statusToV1(status) }),
  } as KubernetesObject;
}

function statusToV1(status: HorizontalPodAutoscalerStatus): object {
  const { observedGeneration, lastScaleTime, currentReplicas = 0, desiredReplicas } = status;
  const cpu = (status.currentMetrics ?? []).find(
    ({ type, resource }) => type === 'Resource' && resource?.name === 'cpu',
  );
  return withoutUndefined({
    observedGeneration,
    lastScaleTime,
    currentReplicas,
    desiredReplicas,
    currentCPUUtilizationPercentage: cpu?.resource?.current.averageUtilization,
  });
}

export function autoscalerFromV1(object: KubernetesObject): KubernetesObject {
  const { metadata, spec, status } = object as AutoscalerV1;
  const { annotations = {} } = metadata ?? {};
  const { targetCPUUtilizationPercentage: percent, ...rest } =
    spec ?? ({} as NonNullable<AutoscalerV1['spec']>);
  const metrics: MetricSpec[] = listIn(annotations[METRICS]).map(metricFromV1);
  if (percent !== undefined) metrics.push(cpuMetric(percent));
  if (metrics.length === 0) metrics.push(cpuMetric(CPU_PERCENT));
  const behavior = parsed(annotations[BEHAVIOR]) as HorizontalPodAutoscalerSpec['behavior'];
  const left = Object.entries(annotations).filter(([key]) => !OWN.includes(key));
  const { annotations: _, ...others } = metadata ?? {};
  return {
    metadata: left.length === 0 ? others : { ...others, annotations: Object.fromEntries(left) },
    spec: { ...rest, metrics, ...(behavior === undefined ? {} : { behavior }) },
    ...(status === undefined ? {} : { status: statusFromV1(status, annotations) }),
  } as KubernetesObject;
}

function statusFromV1(
  status: StatusV1,
  annotations: Readonly<Record<string, string>>,
): HorizontalPodAutoscalerStatus {
  const { currentCPUUtilizationPercentage: percent, ...rest } = status;
  const known: MetricStatus[] = listIn(annotations[CURRENT_METRICS]).map(metricStatusFromV1);
  const cpu: MetricStatus = {
    type: 'Resource',
    resource: {
      name: 'cpu',
      current: percent === undefined ? {} : { averageUtilization: percent },
    },
  };
  const conditions = listIn(annotations[CONDITIONS]);
  return {
    ...rest,
    ...(known.length > 0 ? { currentMetrics: known } : {}),
    ...(known.length === 0 && percent !== undefined ? { currentMetrics: [cpu] } : {}),
    ...(conditions.length === 0 ? {} : { conditions }),
  } as unknown as HorizontalPodAutoscalerStatus;
}

function isCpu({ type, resource }: MetricSpec): boolean {
  return type === 'Resource' && resource?.name === 'cpu';
}

/** What v1's own field says. */
function hasCpuPercent(metric: MetricSpec): boolean {
  return isCpu(metric) && metric.resource?.target.averageUtilization !== undefined;
}

function cpuMetric(averageUtilization: number): MetricSpec {
  const target = { type: 'Utilization', averageUtilization };
  return { type: 'Resource', resource: { name: 'cpu', target } };
}

function annotation(name: string, values: readonly object[]): Record<string, string> {
  return values.length === 0 ? {} : { [name]: JSON.stringify(values) };
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function listIn(text: string | undefined): readonly Record<string, unknown>[] {
  const value = parsed(text);
  return Array.isArray(value) ? (value as Record<string, unknown>[]) : [];
}
