// Quotas, limit ranges, disruption budgets.

import { describe, expect, test } from 'vitest';
import { create, faults, type Loose, update, updateStatus } from './admit.ts';

const quota = { group: '', version: 'v1', kind: 'ResourceQuota' };
const range = { group: '', version: 'v1', kind: 'LimitRange' };
const budget = { group: 'policy', version: 'v1', kind: 'PodDisruptionBudget' };
const named = (spec: Loose): Loose => ({ metadata: { name: 'x' }, spec });

describe('a quota', () => {
  test.each([
    [{ hard: { pods: '3', 'requests.cpu': '500m', 'count/jobs.batch': '2' } }, ''],
    [{ hard: { pods: '3', 'example.com/gpu': '2' }, scopes: ['BestEffort'] }, ''],
    [{ hard: { pods: '1.5' } }, 'spec.hard[pods]: Invalid value: "1500m": must be an integer'],
    [
      { hard: { cpu: '-1' } },
      'spec.hard[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    ],
    [
      { hard: { apples: '1' } },
      '[spec.hard[apples]: Invalid value: "apples": must be a standard resource type or fully qualified, spec.hard[apples]: Invalid value: "apples": must be a standard resource for quota]',
    ],
    [
      { hard: { cpu: '1' }, scopes: ['BestEffort'] },
      'spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource',
    ],
    [
      { hard: { pods: '1' }, scopes: ['Terminating', 'NotTerminating'] },
      'spec.scopes: Invalid value: ["Terminating","NotTerminating"]: conflicting scopes',
    ],
    [
      { hard: { pods: '1' }, scopes: ['Sometimes'] },
      'spec.scopes: Invalid value: ["Sometimes"]: unsupported scope',
    ],
    [
      {
        hard: { pods: '1' },
        scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In' }] },
      },
      "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
    ],
  ])('of %j: %s', (spec, says) => {
    expect(faults(() => create(quota, named(spec)))).toBe(says);
  });

  test('keeps its scopes', () => {
    const old = create(quota, named({ hard: { pods: '1' }, scopes: ['BestEffort'] }));
    expect(faults(() => update(quota, old, named({ hard: { pods: '2' } })))).toBe(
      'spec.scopes: Invalid value: []: field is immutable',
    );
  });

  test('counts what it knows', () => {
    const old = create(quota, named({ hard: { pods: '1' } }));
    const status = { hard: { pods: '1' }, used: { pods: '-1' } };
    expect(faults(() => updateStatus(quota, old, status))).toBe(
      'status.used[pods]: Invalid value: "-1": must be greater than or equal to 0',
    );
  });
});

describe('a limit range', () => {
  const limits = (item: Loose): Loose => named({ limits: [{ type: 'Container', ...item }] });

  test('fills in defaults: the limit from the maximum, the request from the limit', () => {
    const object = create(range, limits({ max: { cpu: '2' }, min: { memory: '1Mi' } }));
    expect(object.spec).toEqual({
      limits: [
        {
          type: 'Container',
          max: { cpu: '2' },
          min: { memory: '1Mi' },
          default: { cpu: '2' },
          defaultRequest: { cpu: '2', memory: '1Mi' },
        },
      ],
    });
  });

  test.each([
    [
      { min: { cpu: '2' }, max: { cpu: '1' }, default: { cpu: '1' }, defaultRequest: { cpu: '1' } },
      '[spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1, spec.limits[0].defaultRequest[cpu]: Invalid value: "1": min value 2 is greater than default request value 1, spec.limits[0].default[cpu]: Invalid value: "2": min value 2 is greater than default value 1]',
    ],
    [
      { default: { cpu: '1' }, defaultRequest: { cpu: '2' } },
      'spec.limits[0].defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1',
    ],
    [
      { type: 'Pod', default: { cpu: '1' } },
      "spec.limits[0].default: Forbidden: may not be specified when `type` is 'Pod'",
    ],
    [
      { type: 'PersistentVolumeClaim' },
      'spec.limits[0].limits: Required value: either minimum or maximum storage value is required, but neither was provided',
    ],
    [
      { maxLimitRequestRatio: { cpu: '500m' } },
      'spec.limits[0].maxLimitRequestRatio[cpu]: Invalid value: "500m": ratio 500m is less than 1',
    ],
    [
      { type: 'Node' },
      'spec.limits[0].type: Invalid value: "Node": must be a standard limit type or fully qualified',
    ],
  ])('with %j is refused', (item, says) => {
    expect(faults(() => create(range, limits(item)))).toBe(says);
  });

  test('has each type once', () => {
    const body = named({ limits: [{ type: 'Pod' }, { type: 'Pod' }] });
    expect(faults(() => create(range, body))).toBe('spec.limits[1].type: Duplicate value: "Pod"');
  });
});

describe('a disruption budget', () => {
  test.each([
    [{ minAvailable: 1 }, ''],
    [{ maxUnavailable: '30%' }, ''],
    [
      { minAvailable: 1, maxUnavailable: 1 },
      'spec: Invalid value: {"maxUnavailable":1,"minAvailable":1}: minAvailable and maxUnavailable cannot be both set',
    ],
    [
      { minAvailable: -1 },
      'spec.minAvailable: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      { maxUnavailable: '101%' },
      'spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
    ],
    [
      { minAvailable: 1, unhealthyPodEvictionPolicy: 'Never' },
      'spec.unhealthyPodEvictionPolicy: Unsupported value: "Never": supported values: "AlwaysAllow", "IfHealthyBudget"',
    ],
  ])('of %j: %s', (spec, says) => {
    expect(faults(() => create(budget, named(spec)))).toBe(says);
  });

  test('starts without anything counted, and is never below zero', () => {
    const old = create(budget, named({ minAvailable: 1 }));
    expect(old).toMatchObject({
      metadata: { generation: 1 },
      status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 },
    });
    const status = { ...(old.status as Loose), disruptionsAllowed: -1 };
    expect(faults(() => updateStatus(budget, old, status))).toBe(
      'status.disruptionsAllowed: Invalid value: -1: must be greater than or equal to 0',
    );
  });

  test('has conditions with a type, a status, a reason and a time', () => {
    const old = create(budget, named({ minAvailable: 1 }));
    const conditions = [
      { type: 'A', status: 'Yes', reason: '', lastTransitionTime: null, message: '' },
    ];
    const status = { ...(old.status as Loose), conditions };
    expect(faults(() => updateStatus(budget, old, status))).toBe(
      '[status.conditions[0].status: Unsupported value: "Yes": supported values: "False", "True", "Unknown", status.conditions[0].lastTransitionTime: Required value, status.conditions[0].reason: Required value]',
    );
  });
});
