// flow-control: the strategies of the kinds that configure fairness: who a request belongs to, and what its share is.
//
// Same rules upstream: pkg/apis/flowcontrol/v1/defaults.go, pkg/apis/flowcontrol/validation. Left out: the fixed values of the
// mandatory objects, and the entropy of shuffle sharding.

import type {
  FlowSchema,
  FlowSchemaSpec,
  LimitedPriorityLevelConfiguration,
  LimitResponse,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  PriorityLevelConfigurationSpec,
  QueuingConfiguration,
} from 'kubernetes-types/flowcontrol/v1';
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { validateFlowRule } from './flow-rules.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { nonNegative } from './probes.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const EXEMPT = 'exempt';
const PRECEDENCE_MAX = 10_000;
const QUEUES_MAX = 10_000_000;
const DISTINGUISHERS = ['ByNamespace', 'ByUser'];
const LEVEL_TYPES = ['Exempt', 'Limited'];
const RESPONSE_TYPES = ['Queue', 'Reject'];

export const flowSchemaStrategy: Strategy = defineStrategy<FlowSchema>({
  metadata: { name: dns1123Subdomain, namespaced: false },
  setDefaults({ spec }) {
    if (spec !== undefined) spec.matchingPrecedence ||= 1000;
  },
  validate: ({ metadata, spec }) =>
    validateSchemaSpec(spec ?? ({} as FlowSchemaSpec), metadata?.name ?? '', 'spec'),
  validateStatus: ({ status }) => validateFlowConditions(status?.conditions ?? []),
});

/** Of these kinds every condition has a type, and each type is there once. */
function validateFlowConditions(conditions: readonly { readonly type?: string }[]): FieldError[] {
  const types = new Set<string>();
  return conditions.flatMap(({ type = '' }, index) => {
    const field = `status.conditions[${index}].type`;
    const errors = types.has(type) ? [duplicate(field, type)] : [];
    types.add(type);
    return type === '' ? [...errors, required(field, 'must not be empty')] : errors;
  });
}

function validateSchemaSpec(spec: FlowSchemaSpec, name: string, field: string): FieldError[] {
  const { matchingPrecedence: precedence = 0, distinguisherMethod: method, rules = [] } = spec;
  const at = `${field}.matchingPrecedence`;
  const errors: FieldError[] = [];
  if (precedence <= 0) errors.push(invalidValue(at, precedence, 'must be a positive value'));
  if (precedence > PRECEDENCE_MAX) {
    errors.push(invalidValue(at, precedence, `must not be greater than ${PRECEDENCE_MAX}`));
  }
  if (precedence === 1 && name !== EXEMPT) {
    const detail = "only the schema named 'exempt' may have matchingPrecedence 1";
    errors.push(invalidValue(at, precedence, detail));
  }
  if (method !== undefined && !DISTINGUISHERS.includes(method.type)) {
    errors.push(notSupported(`${field}.distinguisherMethod.type`, method, DISTINGUISHERS));
  }
  const level = spec.priorityLevelConfiguration?.name ?? '';
  const reference = `${field}.priorityLevelConfiguration.name`;
  if (level === '') errors.push(required(reference, 'must reference a priority level'));
  else errors.push(...invalidValues(reference, level, dns1123Subdomain(level)));
  return [
    ...errors,
    ...rules.flatMap((rule: PolicyRulesWithSubjects, index) =>
      validateFlowRule(rule, `${field}.rules[${index}]`),
    ),
  ];
}

export const priorityLevelConfigurationStrategy: Strategy =
  defineStrategy<PriorityLevelConfiguration>({
    metadata: { name: dns1123Subdomain, namespaced: false },
    setDefaults: ({ spec }) => setLevelDefaults(spec),
    validate: ({ metadata, spec }) =>
      validateLevelSpec(spec ?? ({} as PriorityLevelConfigurationSpec), metadata?.name ?? ''),
    validateStatus: ({ status }) => validateFlowConditions(status?.conditions ?? []),
  });

function setLevelDefaults(spec: PriorityLevelConfigurationSpec | undefined): void {
  const { exempt, limited } = spec ?? {};
  if (exempt !== undefined) {
    exempt.nominalConcurrencyShares ??= 0;
    exempt.lendablePercent ??= 0;
  }
  if (limited === undefined) return;
  limited.nominalConcurrencyShares ??= 30;
  limited.lendablePercent ??= 0;
  const queuing = limited.limitResponse?.queuing;
  if (queuing === undefined) return;
  queuing.queues ||= 64;
  queuing.handSize ||= 8;
  queuing.queueLengthLimit ||= 50;
}

function validateLevelSpec(spec: PriorityLevelConfigurationSpec, name: string): FieldError[] {
  const { type = '', limited, exempt } = spec;
  const errors: FieldError[] = [];
  if ((name === EXEMPT) !== (type === 'Exempt')) {
    const detail = "type must be 'Exempt' if and only if name is 'exempt'";
    errors.push(invalidValue('spec.type', type, detail));
  }
  switch (type) {
    case 'Exempt':
      if (limited !== undefined) {
        errors.push(forbiddenField('spec.limited', 'must be nil if the type is not Limited'));
      }
      return [
        ...errors,
        ...nonNegative(
          exempt?.nominalConcurrencyShares ?? 0,
          'spec.exempt.nominalConcurrencyShares',
        ),
      ];
    case 'Limited':
      if (exempt !== undefined) {
        errors.push(forbiddenField('spec.exempt', 'must be nil if the type is Limited'));
      }
      return limited === undefined
        ? [...errors, required('spec.limited', 'must not be empty when type is Limited')]
        : [...errors, ...validateLimited(limited, 'spec.limited')];
    default:
      return [...errors, notSupported('spec.type', type, LEVEL_TYPES)];
  }
}

function validateLimited(limited: LimitedPriorityLevelConfiguration, field: string): FieldError[] {
  const { nominalConcurrencyShares: shares = 0, lendablePercent: percent = 0 } = limited;
  const errors: FieldError[] = [];
  if (shares < 0) {
    const detail = 'must be a non-negative integer';
    errors.push(invalidValue(`${field}.nominalConcurrencyShares`, shares, detail));
  }
  if (percent < 0 || percent > 100) {
    const detail = 'must be between 0 and 100, inclusive';
    errors.push(invalidValue(`${field}.lendablePercent`, percent, detail));
  }
  return [...errors, ...validateResponse(limited.limitResponse, `${field}.limitResponse`)];
}

function validateResponse(response: LimitResponse | undefined, field: string): FieldError[] {
  const { type = '', queuing } = response ?? ({} as Partial<LimitResponse>);
  const at = `${field}.queuing`;
  if (type === 'Reject') {
    const detail = 'must be nil if limited.limitResponse.type is not Limited';
    return queuing === undefined ? [] : [forbiddenField(at, detail)];
  }
  if (type !== 'Queue') return [notSupported(`${field}.type`, type, RESPONSE_TYPES)];
  const detail = 'must not be empty if limited.limitResponse.type is Limited';
  return queuing === undefined ? [required(at, detail)] : validateQueuing(queuing, at);
}

function validateQueuing(queuing: QueuingConfiguration, field: string): FieldError[] {
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing;
  const errors: FieldError[] = [];
  const positive = { queueLengthLimit, queues, handSize };
  for (const [name, value] of Object.entries(positive)) {
    if (value <= 0) errors.push(invalidValue(`${field}.${name}`, value, 'must be positive'));
  }
  if (queues > QUEUES_MAX) {
    const detail = `must not be greater than ${QUEUES_MAX}`;
    errors.push(invalidValue(`${field}.queues`, queues, detail));
  }
  if (handSize > queues) {
    const detail = `should not be greater than queues (${queues})`;
    errors.push(invalidValue(`${field}.handSize`, handSize, detail));
  }
  return errors;
}
