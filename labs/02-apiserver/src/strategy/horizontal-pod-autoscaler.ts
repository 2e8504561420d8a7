// horizontal-pod-autoscaler: the strategy of horizontal pod autoscalers, which scale what they point at by what they measure.
//
// Objects are stored as autoscaling/v2; v1 is a view of them (convert/autoscaling.ts).
//
// Same rules upstream: pkg/apis/autoscaling/v2/defaults.go, pkg/apis/autoscaling/validation
// (ValidateHorizontalPodAutoscaler, validateBehavior).

import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerBehavior,
  HorizontalPodAutoscalerSpec,
  HPAScalingPolicy,
  HPAScalingRules,
} from 'kubernetes-types/autoscaling/v2';
import { type FieldError, invalidValue, notSupported, required } from './field-error.ts';
import { validateMetrics, validateObjectReference } from './metric-specs.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { defineStrategy, type Strategy } from './strategy.ts';
import { validateCounts } from './workload-status.ts';

const CPU_PERCENT = 80;
const WINDOW_MAX_SECONDS = 3600;
const PERIOD_MAX_SECONDS = 1800;
const SELECT_POLICIES = ['Disabled', 'Max', 'Min'] as const;
const POLICY_TYPES = ['Percent', 'Pods'] as const;
/** Up at once and fast, down as fast as all at once: the window that keeps it from flapping is the controller's own. */
const SCALE_UP: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const SCALE_DOWN: HPAScalingRules = {
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
};

export const horizontalPodAutoscalerStrategy: Strategy = defineStrategy<HorizontalPodAutoscaler>({
  metadata: { name: dns1123Subdomain },
  hasGeneration: false,
  setDefaults({ spec }) {
    if (spec === undefined) return;
    spec.minReplicas ??= 1;
    if ((spec.metrics ?? []).length === 0) {
      const target = { type: 'Utilization', averageUtilization: CPU_PERCENT } as const;
      spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target } }];
    }
    if (spec.behavior !== undefined) setBehaviorDefaults(spec.behavior);
  },
  prepareForCreate(autoscaler) {
    Object.assign(autoscaler, { status: { currentMetrics: null, desiredReplicas: 0 } });
  },
  validate: ({ spec }) => validateSpec(spec, 1),
  // Whoever was at zero already stays allowed to be.
  validateOnUpdate: ({ spec }, old) => validateSpec(spec, old.spec?.minReplicas === 0 ? 0 : 1),
  validateStatus: ({ status }) =>
    status === undefined ? [] : validateCounts(status, ['currentReplicas', 'desiredReplicas']),
});

function setBehaviorDefaults(behavior: HorizontalPodAutoscalerBehavior): void {
  behavior.scaleUp = { ...structuredClone(SCALE_UP), ...behavior.scaleUp };
  behavior.scaleDown = { ...structuredClone(SCALE_DOWN), ...behavior.scaleDown };
}

function validateSpec(
  spec: HorizontalPodAutoscalerSpec | undefined,
  minReplicasMin: number,
): FieldError[] {
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics = [], behavior } = spec ?? {};
  const errors: FieldError[] = [];
  if (minReplicas !== undefined && minReplicas < minReplicasMin) {
    const detail = `must be greater than or equal to ${minReplicasMin}`;
    errors.push(invalidValue('spec.minReplicas', minReplicas, detail));
  }
  if (maxReplicas < 1) {
    errors.push(invalidValue('spec.maxReplicas', maxReplicas, 'must be greater than 0'));
  }
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    const detail = 'must be greater than or equal to `minReplicas`';
    errors.push(invalidValue('spec.maxReplicas', maxReplicas, detail));
  }
  return [
    ...errors,
    ...validateObjectReference(scaleTargetRef, 'spec.scaleTargetRef'),
    ...validateMetrics(metrics, minReplicas, 'spec.metrics'),
    ...validateRules(behavior?.scaleUp, 'spec.behavior.scaleUp'),
    ...validateRules(behavior?.scaleDown, 'spec.behavior.scaleDown'),
  ];
}

function validateRules(rules: HPAScalingRules | undefined, field: string): FieldError[] {
  if (rules === undefined) return [];
  const { stabilizationWindowSeconds: window = 0, selectPolicy, policies = [] } = rules;
  const at = `${field}.stabilizationWindowSeconds`;
  const errors: FieldError[] = [];
  if (window < 0) errors.push(invalidValue(at, window, 'must be greater than or equal to zero'));
  if (window > WINDOW_MAX_SECONDS) {
    const detail = `must be less than or equal to ${WINDOW_MAX_SECONDS}`;
    errors.push(invalidValue(at, window, detail));
  }
  if (
    selectPolicy !== undefined &&
    !(SELECT_POLICIES as readonly string[]).includes(selectPolicy)
  ) {
    errors.push(notSupported(`${field}.selectPolicy`, selectPolicy, SELECT_POLICIES));
  }
  if ((policies ?? []).length === 0) {
    errors.push(required(`${field}.policies`, 'must specify at least one Policy'));
  }
  return [
    ...errors,
    ...policies.flatMap((policy, index) => validatePolicy(policy, `${field}.policies[${index}]`)),
  ];
}

function validatePolicy(policy: HPAScalingPolicy, field: string): FieldError[] {
  const { type = '', value = 0, periodSeconds = 0 } = policy;
  const errors: FieldError[] = [];
  if (!(POLICY_TYPES as readonly string[]).includes(type)) {
    errors.push(notSupported(`${field}.type`, type, POLICY_TYPES));
  }
  if (value <= 0) errors.push(invalidValue(`${field}.value`, value, 'must be greater than zero'));
  if (periodSeconds <= 0) {
    errors.push(invalidValue(`${field}.periodSeconds`, periodSeconds, 'must be greater than zero'));
  }
  if (periodSeconds > PERIOD_MAX_SECONDS) {
    const detail = `must be less than or equal to ${PERIOD_MAX_SECONDS}`;
    errors.push(invalidValue(`${field}.periodSeconds`, periodSeconds, detail));
  }
  return errors;
}
