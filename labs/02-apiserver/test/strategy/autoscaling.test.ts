// Autoscalers: defaults, what is refused, and how v1 shows what is stored as v2.

import { describe, expect, test } from 'vitest';
import { autoscalerFromV1, autoscalerToV1 } from '../../src/convert/autoscaling.ts';
import type { ReadonlyApiObject } from '../../src/registry/api-object.ts';
import { create, faults, type Loose } from './admit.ts';

const hpa = { group: 'autoscaling', version: 'v2', kind: 'HorizontalPodAutoscaler' };
const target = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' };
const cpu = (averageUtilization: number): Loose => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization } },
});
const requests = {
  type: 'Pods',
  pods: {
    metric: { name: 'requests', selector: { matchLabels: { verb: 'GET' } } },
    target: { type: 'AverageValue', averageValue: '10' },
  },
};

function autoscaler(spec: Loose = {}): Loose {
  return { metadata: { name: 'x' }, spec: { scaleTargetRef: target, maxReplicas: 5, ...spec } };
}

describe('an autoscaler', () => {
  test('gets upstream’s defaults', () => {
    expect(create(hpa, autoscaler())).toMatchObject({
      spec: { minReplicas: 1, metrics: [cpu(80)] },
      status: { currentMetrics: null, desiredReplicas: 0 },
    });
  });

  test('that says something about its behaviour gets the rest of it', () => {
    const behavior = { scaleDown: { stabilizationWindowSeconds: 60 } };
    expect(create(hpa, autoscaler({ behavior })).spec).toMatchObject({
      behavior: {
        scaleUp: {
          stabilizationWindowSeconds: 0,
          selectPolicy: 'Max',
          policies: [
            { type: 'Pods', value: 4, periodSeconds: 15 },
            { type: 'Percent', value: 100, periodSeconds: 15 },
          ],
        },
        scaleDown: {
          stabilizationWindowSeconds: 60,
          selectPolicy: 'Max',
          policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
        },
      },
    });
  });

  test.each([
    [
      { maxReplicas: 0 },
      '[spec.maxReplicas: Invalid value: 0: must be greater than 0, spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`]',
    ],
    [
      { minReplicas: 0 },
      '[spec.minReplicas: Invalid value: 0: must be greater than or equal to 1, spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas]',
    ],
    [
      { minReplicas: 6 },
      'spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`',
    ],
    [
      { scaleTargetRef: { kind: '', name: '' } },
      '[spec.scaleTargetRef.kind: Required value, spec.scaleTargetRef.name: Required value]',
    ],
    [
      { metrics: [cpu(0)] },
      'spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0',
    ],
    [
      { metrics: [{ type: 'Resource' }] },
      'spec.metrics[0].resource: Required value: must populate information for the given metric source',
    ],
    [
      { metrics: [{ ...cpu(50), pods: requests.pods }] },
      'spec.metrics[0].pods: Forbidden: must populate the given metric source only',
    ],
    [
      { behavior: { scaleUp: { stabilizationWindowSeconds: 3601 } } },
      'spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600',
    ],
    [
      { behavior: { scaleUp: { policies: [{ type: 'Pods', value: 0, periodSeconds: 15 }] } } },
      'spec.behavior.scaleUp.policies[0].value: Invalid value: 0: must be greater than zero',
    ],
  ])('with %j is refused', (spec, says) => {
    expect(faults(() => create(hpa, autoscaler(spec)))).toBe(says);
  });
});

describe('autoscaling/v1', () => {
  const conditions = [
    { type: 'AbleToScale', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
  ];
  const stored = {
    metadata: { name: 'x', annotations: { mine: 'yes' } },
    spec: {
      scaleTargetRef: target,
      minReplicas: 1,
      maxReplicas: 5,
      metrics: [requests, cpu(60)],
      behavior: { scaleDown: { stabilizationWindowSeconds: 60 } },
    },
    status: {
      currentReplicas: 2,
      desiredReplicas: 3,
      currentMetrics: [
        {
          type: 'Resource',
          resource: { name: 'cpu', current: { averageUtilization: 40, averageValue: '400m' } },
        },
      ],
      conditions,
    },
  };
  const shown = () => autoscalerToV1(stored as unknown as ReadonlyApiObject) as Loose;

  test('shows the CPU target as a field, everything else as annotations', () => {
    const { metadata, spec, status } = shown();
    expect(spec).toEqual({
      scaleTargetRef: target,
      minReplicas: 1,
      maxReplicas: 5,
      targetCPUUtilizationPercentage: 60,
    });
    expect(status).toEqual({
      currentReplicas: 2,
      desiredReplicas: 3,
      currentCPUUtilizationPercentage: 40,
    });
    const { annotations } = metadata as { annotations: Record<string, string> };
    expect(annotations.mine).toBe('yes');
    expect(JSON.parse(annotations['autoscaling.alpha.kubernetes.io/metrics'] ?? '')).toEqual([
      {
        type: 'Pods',
        pods: {
          metricName: 'requests',
          selector: { matchLabels: { verb: 'GET' } },
          targetAverageValue: '10',
        },
      },
    ]);
    expect(JSON.parse(annotations['autoscaling.alpha.kubernetes.io/conditions'] ?? '')).toEqual(
      conditions,
    );
    expect(annotations['autoscaling.alpha.kubernetes.io/behavior']).toBe(
      '{"scaleDown":{"stabilizationWindowSeconds":60}}',
    );
  });

  test('loses nothing on the way back', () => {
    expect(autoscalerFromV1(shown() as never)).toEqual(stored);
  });

  test('without a target means 80 % of the CPU', () => {
    const object = { metadata: { name: 'x' }, spec: { scaleTargetRef: target, maxReplicas: 2 } };
    expect(autoscalerFromV1(object as never)).toMatchObject({ spec: { metrics: [cpu(80)] } });
  });

  test('an annotation that is no JSON counts as absent', () => {
    const annotations = { 'autoscaling.alpha.kubernetes.io/metrics': '{' };
    const object = {
      metadata: { name: 'x', annotations },
      spec: { scaleTargetRef: target, maxReplicas: 2, targetCPUUtilizationPercentage: 50 },
    };
    expect(autoscalerFromV1(object as never)).toMatchObject({
      metadata: { name: 'x' },
      spec: { metrics: [cpu(50)] },
    });
  });
});
