// What an administrator declares for the whole cluster: priorities, runtimes, webhooks, fairness.

import { describe, expect, test } from 'vitest';
import { SYSTEM_PRIORITY_CLASSES } from '../../src/strategy/priority-class.ts';
import { create, faults, type Loose, update } from './admit.ts';

const named = (rest: Loose = {}): Loose => ({ metadata: { name: 'x' }, ...rest });

describe('a priority class', () => {
  const gvk = { group: 'scheduling.k8s.io', version: 'v1', kind: 'PriorityClass' };

  test('preempts, unless it says otherwise', () => {
    expect(create(gvk, named({ value: 1 }))).toMatchObject({
      preemptionPolicy: 'PreemptLowerPriority',
      metadata: { generation: 1 },
    });
  });

  test.each([
    [
      named({ value: 1_000_000_001 }),
      'value: Forbidden: maximum allowed value of a user defined priority is 1000000000',
    ],
    [
      named({ value: 1, preemptionPolicy: 'Always' }),
      'preemptionPolicy: Unsupported value: "Always": supported values: "Never", "PreemptLowerPriority"',
    ],
    [
      { metadata: { name: 'system-mine' }, value: 1 },
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
    ],
    [
      { metadata: { name: 'system-node-critical' }, value: 1 },
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of system-node-critical PriorityClass must be 2000001000",
    ],
  ])('%j is refused', (body, says) => {
    expect(faults(() => create(gvk, body))).toBe(says);
  });

  test.each([
    [{ description: 'other' }, ''],
    [{ value: 2 }, 'value: Forbidden: may not be changed in an update.'],
    [{ preemptionPolicy: 'Never' }, 'preemptionPolicy: Invalid value: "Never": field is immutable'],
  ])('changed by %j: %s', (change, says) => {
    const old = create(gvk, named({ value: 1 }));
    expect(faults(() => update(gvk, old, { ...old, ...change }))).toBe(says);
  });

  test('of the system is valid', () => {
    for (const body of SYSTEM_PRIORITY_CLASSES) {
      expect(faults(() => create(gvk, body as unknown as Loose))).toBe('');
    }
  });
});

describe('a runtime class', () => {
  const gvk = { group: 'node.k8s.io', version: 'v1', kind: 'RuntimeClass' };

  test('keeps its handler', () => {
    const old = create(gvk, named({ handler: 'runc' }));
    expect(faults(() => update(gvk, old, { ...old, handler: 'kata' }))).toBe(
      'handler: Invalid value: "kata": field is immutable',
    );
  });

  test('has a handler that is a label', () => {
    expect(faults(() => create(gvk, named({ handler: 'R' })))).toMatch(
      /^handler: Invalid value: "R": a lowercase RFC 1123 label must consist of /,
    );
  });
});

describe('a webhook configuration', () => {
  const group = 'admissionregistration.k8s.io';
  const gvk = { group, version: 'v1', kind: 'ValidatingWebhookConfiguration' };
  const mutating = { group, version: 'v1', kind: 'MutatingWebhookConfiguration' };
  const rule = {
    operations: ['CREATE'],
    apiGroups: [''],
    apiVersions: ['v1'],
    resources: ['pods'],
  };
  const hook = {
    name: 'hook.example.com',
    clientConfig: { service: { namespace: 'n', name: 's' } },
    rules: [rule],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
  };
  const hooks = (...changes: Loose[]): Loose =>
    named({ webhooks: changes.map((change) => ({ ...hook, ...change })) });

  test('gets upstream’s defaults', () => {
    const defaults = {
      failurePolicy: 'Fail',
      matchPolicy: 'Equivalent',
      namespaceSelector: {},
      objectSelector: {},
      timeoutSeconds: 10,
      clientConfig: { service: { namespace: 'n', name: 's', port: 443 } },
      rules: [{ ...rule, scope: '*' }],
    };
    expect(create(gvk, hooks({}))).toMatchObject({
      metadata: { generation: 1 },
      webhooks: [defaults],
    });
    expect(create(mutating, hooks({}))).toMatchObject({
      webhooks: [{ ...defaults, reinvocationPolicy: 'Never' }],
    });
  });

  test.each([
    [hooks({ name: '' }), 'webhooks[0].name: Required value'],
    [
      hooks({ name: 'hook' }),
      'webhooks[0].name: Invalid value: "hook": should be a domain with at least three segments separated by dots',
    ],
    [hooks({}, {}), 'webhooks[1].name: Duplicate value: "hook.example.com"'],
    [
      hooks({ sideEffects: undefined }),
      'webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun',
    ],
    [
      hooks({ admissionReviewVersions: [] }),
      'webhooks[0].admissionReviewVersions: Required value: must specify one of v1, v1beta1',
    ],
    [
      hooks({ admissionReviewVersions: ['v9'] }),
      'webhooks[0].admissionReviewVersions: Invalid value: ["v9"]: must include at least one of v1, v1beta1',
    ],
    [
      hooks({ timeoutSeconds: 31 }),
      'webhooks[0].timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds',
    ],
    [
      hooks({ clientConfig: {} }),
      'webhooks[0].clientConfig: Required value: exactly one of url or service is required',
    ],
    [
      hooks({ clientConfig: { url: 'http://a.example' } }),
      'webhooks[0].clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
    ],
    [
      hooks({ rules: [{ ...rule, operations: ['*', 'CREATE'] }] }),
      'webhooks[0].rules[0].operations: Invalid value: ["*","CREATE"]: if \'*\' is present, must not specify other operations',
    ],
    [
      hooks({ rules: [{ ...rule, resources: ['pods/*', 'pods/status'] }] }),
      'webhooks[0].rules[0].resources[1]: Invalid value: "pods/status": if \'pods/*\' is present, must not specify pods/status',
    ],
    [
      hooks({ rules: [{ ...rule, operations: ['READ'] }] }),
      'webhooks[0].rules[0].operations[0]: Unsupported value: "READ": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
    ],
    [
      hooks({ failurePolicy: 'Shrug' }),
      'webhooks[0].failurePolicy: Unsupported value: "Shrug": supported values: "Fail", "Ignore"',
    ],
  ])('%j is refused', (body, says) => {
    expect(faults(() => create(gvk, body))).toBe(says);
  });

  test('counts its generations', () => {
    const old = create(gvk, hooks({}));
    expect(update(gvk, old, hooks({})).metadata).toMatchObject({ generation: 1 });
    expect(update(gvk, old, hooks({ timeoutSeconds: 3 })).metadata).toMatchObject({
      generation: 2,
    });
  });
});

describe('fairness', () => {
  const group = 'flowcontrol.apiserver.k8s.io';
  const schema = { group, version: 'v1', kind: 'FlowSchema' };
  const level = { group, version: 'v1', kind: 'PriorityLevelConfiguration' };
  const subjects = [{ kind: 'User', user: { name: 'u' } }];
  const nonResourceRules = [{ verbs: ['*'], nonResourceURLs: ['/healthz'] }];
  const flow = (spec: Loose): Loose =>
    named({ spec: { priorityLevelConfiguration: { name: 'l' }, ...spec } });
  const limited = (rest: Loose): Loose => named({ spec: { type: 'Limited', limited: rest } });

  test('gets upstream’s defaults', () => {
    expect(create(schema, flow({})).spec).toMatchObject({ matchingPrecedence: 1000 });
    expect(create(level, limited({ limitResponse: { type: 'Queue', queuing: {} } })).spec).toEqual({
      type: 'Limited',
      limited: {
        nominalConcurrencyShares: 30,
        lendablePercent: 0,
        limitResponse: {
          type: 'Queue',
          queuing: { queues: 64, handSize: 8, queueLengthLimit: 50 },
        },
      },
    });
  });

  test.each([
    [flow({ rules: [{ subjects, nonResourceRules }] }), ''],
    [
      flow({ matchingPrecedence: 1 }),
      "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
    ],
    [
      flow({ priorityLevelConfiguration: { name: '' } }),
      'spec.priorityLevelConfiguration.name: Required value: must reference a priority level',
    ],
    [
      flow({ rules: [{ subjects: [], nonResourceRules }] }),
      'spec.rules[0].subjects: Required value: subjects must contain at least one value',
    ],
    [
      flow({ rules: [{ subjects }] }),
      'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty',
    ],
    [
      flow({
        rules: [{ subjects, nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['x'] }] }],
      }),
      'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "x": must start with slash',
    ],
  ])('a flow schema %j: %s', (body, says) => {
    expect(faults(() => create(schema, body))).toBe(says);
  });

  test.each([
    [limited({ limitResponse: { type: 'Reject' } }), ''],
    [
      named({ spec: { type: 'Exempt' } }),
      "spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'",
    ],
    [
      named({ spec: { type: 'Limited' } }),
      'spec.limited: Required value: must not be empty when type is Limited',
    ],
    [
      limited({ limitResponse: { type: 'Queue', queuing: { queues: 2, handSize: 3 } } }),
      'spec.limited.limitResponse.queuing.handSize: Invalid value: 3: should not be greater than queues (2)',
    ],
  ])('a priority level %j: %s', (body, says) => {
    expect(faults(() => create(level, body))).toBe(says);
  });
});
