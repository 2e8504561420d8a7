// Jobs and cron jobs: their defaults, the selector that a job makes for itself, what is refused, what may change, what a status may say.

import { describe, expect, test } from 'vitest';
import { indexCount, overlapOf } from '../../src/strategy/job-indexes.ts';
import { create, faults, type Loose, update, updateStatus } from './admit.ts';

const job = { group: 'batch', version: 'v1', kind: 'Job' };
const cronJob = { group: 'batch', version: 'v1', kind: 'CronJob' };
const podSpec = { restartPolicy: 'Never', containers: [{ name: 'c', image: 'nginx:1' }] };
const START = '2026-01-01T00:00:00Z';
const END = '2026-01-01T00:01:00Z';

function template(spec: Loose = podSpec): Loose {
  return { metadata: { labels: { app: 'a' } }, spec };
}

function jobOf(spec: Loose = {}, metadata: Loose = {}): Loose {
  return {
    metadata: { name: 'j', uid: 'u1', ...metadata },
    spec: { template: template(), ...spec },
  };
}

function cronJobOf(spec: Loose = {}): Loose {
  return {
    metadata: { name: 'cj' },
    spec: {
      schedule: '*/5 * * * *',
      jobTemplate: { spec: { template: template() } },
      ...spec,
    },
  };
}

describe('a job', () => {
  test('gets upstream’s defaults, and a selector from its uid', () => {
    const object = create(job, jobOf());
    const labels = {
      app: 'a',
      'batch.kubernetes.io/controller-uid': 'u1',
      'batch.kubernetes.io/job-name': 'j',
      'controller-uid': 'u1',
      'job-name': 'j',
    };
    expect(object).toMatchObject({
      metadata: { generation: 1, labels: { app: 'a' } },
      spec: {
        completions: 1,
        parallelism: 1,
        backoffLimit: 6,
        completionMode: 'NonIndexed',
        suspend: false,
        podReplacementPolicy: 'TerminatingOrFailed',
        selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } },
        template: { metadata: { labels } },
      },
      status: {},
    });
  });

  test('with parallelism alone is a work queue: it has no number of completions', () => {
    expect(create(job, jobOf({ parallelism: 3 })).spec).not.toHaveProperty('completions');
  });

  test('with a selector of its own keeps it', () => {
    const selector = { matchLabels: { app: 'a' } };
    const { spec } = create(job, jobOf({ manualSelector: true, selector }));
    expect(spec).toMatchObject({ selector, template: { metadata: { labels: { app: 'a' } } } });
  });

  test.each([
    [
      { template: template({ ...podSpec, restartPolicy: 'Always' }) },
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    [
      { template: template({ ...podSpec, restartPolicy: undefined }) },
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    [
      { parallelism: -1 },
      'spec.parallelism: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      { completions: -1 },
      'spec.completions: Invalid value: -1: must be greater than or equal to 0',
    ],
    [
      { completionMode: 'Other' },
      'spec.completionMode: Unsupported value: "Other": supported values: "NonIndexed", "Indexed"',
    ],
    [
      { completionMode: 'Indexed', parallelism: 1 },
      'spec.completions: Required value: when completion mode is Indexed',
    ],
    [
      { completions: 2, backoffLimitPerIndex: 1 },
      'spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode',
    ],
    [{ manualSelector: true }, 'spec.selector: Required value'],
    [
      { manualSelector: true, selector: { matchLabels: { app: 'b' } } },
      'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    ],
    [
      {
        podFailurePolicy: {
          rules: [{ action: 'Stop', onExitCodes: { operator: 'In', values: [1] } }],
        },
      },
      'spec.podFailurePolicy.rules[0].action: Unsupported value: "Stop": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
    ],
    [
      {
        podFailurePolicy: {
          rules: [{ action: 'Ignore', onExitCodes: { operator: 'In', values: [2, 0] } }],
        },
      },
      '[spec.podFailurePolicy.rules[0].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator, spec.podFailurePolicy.rules[0].onExitCodes.values: Invalid value: [2,0]: must be ordered]',
    ],
    [
      {
        completions: 3,
        completionMode: 'Indexed',
        successPolicy: { rules: [{ succeededCount: 4 }] },
      },
      'spec.successPolicy.rules[0].succeededCount: Invalid value: 4: must be less than or equal to 3 (the number of specified completions)',
    ],
    [
      { managedBy: 'me' },
      'spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")',
    ],
  ])('with %j is refused', (spec, says) => {
    expect(faults(() => create(job, jobOf(spec)))).toBe(says);
  });

  test('whose selector was not made for it is refused', () => {
    const says = faults(() => create(job, jobOf({ selector: { matchLabels: { app: 'a' } } })));
    expect(says).toBe(
      'spec.selector: Invalid value: {"matchLabels":{"app":"a","batch.kubernetes.io/controller-uid":"u1"}}: `selector` not auto-generated',
    );
  });

  test('whose pods would have no valid hostname is refused', () => {
    const body = jobOf({ completionMode: 'Indexed', completions: 10 }, { name: 'j'.repeat(62) });
    expect(faults(() => create(job, body))).toMatch(
      /^metadata\.name: Invalid value: "j{62}": will not able to create pod with invalid DNS label: j{62}-9$/,
    );
  });

  test.each([
    [{ completions: 2 }, 'spec.completions: Invalid value: 2: field is immutable'],
    [
      { completionMode: 'Indexed' },
      'spec.completionMode: Invalid value: "Indexed": field is immutable',
    ],
    [{ podReplacementPolicy: 'Failed' }, ''],
    [{ parallelism: 5 }, ''],
    [{ suspend: true }, ''],
  ])('changed by %j: %s', (change, says) => {
    const old = create(job, jobOf());
    const spec = { ...(old.spec as Loose), ...change };
    expect(faults(() => update(job, old, { ...old, spec }))).toBe(says);
  });

  test('keeps its template, unless it is suspended and has not started: then it may be told where to run', () => {
    const move = (old: Loose): Loose => {
      const spec = structuredClone(old.spec) as { template: { spec: Loose } };
      spec.template.spec.nodeSelector = { zone: 'a' };
      return { ...old, spec };
    };
    const running = create(job, jobOf());
    expect(faults(() => update(job, running, move(running)))).toMatch(
      /^spec\.template: Invalid value: .*: field is immutable$/,
    );
    const suspended = create(job, jobOf({ suspend: true }));
    expect(faults(() => update(job, suspended, move(suspended)))).toBe('');
  });

  test('that is indexed grows in both its numbers at once', () => {
    const old = create(job, jobOf({ completionMode: 'Indexed', completions: 2, parallelism: 2 }));
    const grown = (spec: Loose) => ({ ...old, spec: { ...(old.spec as Loose), ...spec } });
    expect(faults(() => update(job, old, grown({ completions: 3, parallelism: 3 })))).toBe('');
    expect(faults(() => update(job, old, grown({ completions: 3 })))).toBe(
      'spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism',
    );
  });
});

describe('the status of a job', () => {
  const met = { type: 'SuccessCriteriaMet', status: 'True' };
  const complete = { type: 'Complete', status: 'True' };
  const failed = { type: 'Failed', status: 'True' };
  const target = { type: 'FailureTarget', status: 'True' };
  const done = { startTime: START, completionTime: END, conditions: [met, complete] };

  test.each<[before: Loose, next: Loose, says: string]>([
    [{}, { active: 1, startTime: START }, ''],
    [{}, done, ''],
    [{}, { startTime: START, conditions: [target, failed] }, ''],
    [
      {},
      { ...done, conditions: [complete] },
      'status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
    ],
    [
      {},
      { startTime: START, conditions: [failed] },
      'status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition',
    ],
    [
      {},
      { startTime: START, conditions: [met, complete] },
      'status.completionTime: Required value: completionTime is required for Complete jobs',
    ],
    [
      {},
      { startTime: START, completionTime: END },
      `status.completionTime: Invalid value: "${END}": cannot set completionTime when there is no Complete=True condition`,
    ],
    [
      {},
      { ...done, active: 1 },
      'status.active: Invalid value: 1: active>0 is invalid for finished job',
    ],
    [
      done,
      { startTime: START, completionTime: END, conditions: [met] },
      '[status.conditions: Invalid value: cannot disable the terminal Complete=True condition, status.completionTime: Invalid value: "2026-01-01T00:01:00Z": cannot set completionTime when there is no Complete=True condition]',
    ],
    [
      { succeeded: 2 },
      { succeeded: 1 },
      'status.succeeded: Invalid value: 1: cannot decrease the succeeded counter',
    ],
    [
      { startTime: START },
      {},
      'status.startTime: Required value: startTime cannot be removed for unsuspended job',
    ],
    [
      {},
      { ready: 2, active: 1 },
      'status.ready: Invalid value: 2: cannot set more ready pods than active',
    ],
    [
      {},
      { completedIndexes: '0' },
      'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
    ],
  ])('from %j to %j: %s', (before, next, says) => {
    const old = { ...create(job, jobOf()), status: before };
    expect(faults(() => updateStatus(job, old, next))).toBe(says);
  });
});

test.each([
  ['', 5, 0],
  ['0-2,4', 5, 4],
  ['1,1', 5, 'non-increasing order, previous: 1, current: 1'],
  ['5', 5, 'too large index: "5"'],
])('indexes %j of %i', (text, completions, want) => {
  expect(indexCount(text, completions)).toBe(want);
});

test('overlapping indexes', () => {
  expect(overlapOf('0-2,5', '3,5', 6)).toBe(5);
  expect(overlapOf('0-2', '3', 6)).toBeUndefined();
});

describe('a cron job', () => {
  test('gets upstream’s defaults', () => {
    expect(create(cronJob, cronJobOf())).toMatchObject({
      metadata: { generation: 1 },
      spec: {
        concurrencyPolicy: 'Allow',
        suspend: false,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
        jobTemplate: { spec: { completions: 1, parallelism: 1, backoffLimit: 6 } },
      },
    });
  });

  test.each([
    [{ schedule: '' }, 'spec.schedule: Required value'],
    [
      { schedule: '* * *' },
      'spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]',
    ],
    [
      { schedule: '61 * * * *' },
      'spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61',
    ],
    [
      { schedule: 'TZ=UTC 0 * * * *' },
      'spec.schedule: Invalid value: "TZ=UTC 0 * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ],
    [
      { timeZone: 'Mars/Olympus' },
      'spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus',
    ],
    [
      { concurrencyPolicy: 'Maybe' },
      'spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"',
    ],
    [
      { jobTemplate: { spec: { template: template(), manualSelector: true } } },
      'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
    ],
    [
      { jobTemplate: { spec: { template: template({ containers: podSpec.containers }) } } },
      'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
    [{ schedule: '@daily', timeZone: 'Europe/Berlin' }, ''],
    [{ schedule: '0 0 * JAN-MAR SUN' }, ''],
  ])('with %j: %s', (spec, says) => {
    expect(faults(() => create(cronJob, cronJobOf(spec)))).toBe(says);
  });

  test('has a name that leaves room for what its jobs get behind it', () => {
    const body = { ...cronJobOf(), metadata: { name: 'c'.repeat(53) } };
    expect(faults(() => create(cronJob, body))).toMatch(
      /^metadata\.name: Invalid value: "c+": must be no more than 52 bytes$/,
    );
  });
});
