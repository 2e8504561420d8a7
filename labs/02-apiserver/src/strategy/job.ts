// job: the strategy of jobs, which run pods until enough of them have succeeded.
//
// A job names its pods itself: unless it says manualSelector, the selector and the labels of the template are made from its
// uid, so that no two jobs can ever own the same pod.
//
// Same rules upstream: pkg/registry/batch/job/strategy.go, pkg/apis/batch/v1/defaults.go, ValidateJob, ValidateJobUpdate.

import type { Job, JobSpec } from 'kubernetes-types/batch/v1';
import { matchesSelector } from '../client/selectors.ts';
import { sameValue } from './equality.ts';
import { type FieldError, invalidValue, required } from './field-error.ts';
import { setJobSpecDefaults, validateJobSpec } from './job-spec.ts';
import { validateJobStatusUpdate } from './job-status.ts';
import { validateLabelSelector } from './label-selector.ts';
import { dns1123Label, dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import type { PodTemplateSpec } from './pod-types.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const UID_LABEL = 'batch.kubernetes.io/controller-uid';
const NAME_LABEL = 'batch.kubernetes.io/job-name';
/** From before labels had prefixes; clients still select by them. */
const LEGACY_UID_LABEL = 'controller-uid';
const LEGACY_NAME_LABEL = 'job-name';
const SELECTOR = 'spec.selector';

export const jobStrategy: Strategy = defineStrategy<Job>({
  metadata: { name: dns1123Subdomain },
  setDefaults(job) {
    if (job.spec === undefined) return;
    setJobSpecDefaults(job.spec);
    const labels = job.spec.template?.metadata?.labels;
    if (labels !== undefined && Object.keys(job.metadata?.labels ?? {}).length === 0) {
      job.metadata = { ...job.metadata, labels: { ...labels } };
    }
  },
  prepareForCreate: generateSelector,
  validate: (job) => [
    ...validateGeneratedSelector(job),
    ...validateOwnSpec(job.spec),
    ...validateHostnames(job),
  ],
  validateOnUpdate: (job, old) => [...validateOwnSpec(job.spec), ...validateUpdate(job, old)],
  validateStatus: validateJobStatusUpdate,
});

function generatedLabels({ metadata }: Job): Record<string, string> {
  const { uid = '', name = '' } = metadata ?? {};
  return {
    [LEGACY_NAME_LABEL]: name,
    [NAME_LABEL]: name,
    [LEGACY_UID_LABEL]: uid,
    [UID_LABEL]: uid,
  };
}

/** A label that the client set already is left alone; validation says what is wrong with it. */
function generateSelector(job: Job): void {
  const { spec, metadata } = job;
  if (spec === undefined || spec.manualSelector === true) return;
  spec.template ??= { spec: { containers: [] } };
  const { template } = spec;
  template.metadata = {
    ...template.metadata,
    labels: { ...generatedLabels(job), ...template.metadata?.labels },
  };
  // What the defaults would have done, had the template had its labels by then.
  if (Object.keys(metadata?.labels ?? {}).length === 0) {
    job.metadata = { ...metadata, labels: { ...template.metadata.labels } };
  }
  const { selector } = spec;
  spec.selector = {
    ...selector,
    matchLabels: { [UID_LABEL]: metadata?.uid ?? '', ...selector?.matchLabels },
  };
}

function validateGeneratedSelector(job: Job): FieldError[] {
  const { selector, template, manualSelector } = job.spec ?? {};
  if (manualSelector === true || selector === undefined) return [];
  const field = 'spec.template.metadata';
  const expected = generatedLabels(job);
  const errors = [LEGACY_UID_LABEL, LEGACY_NAME_LABEL, UID_LABEL, NAME_LABEL].flatMap((key) =>
    hasLabel(template, key, expected[key] ?? '', field),
  );
  if (!matchesSelector(selector, expected)) {
    errors.push(invalidValue(SELECTOR, selector, '`selector` not auto-generated'));
  }
  return errors;
}

function hasLabel(
  template: PodTemplateSpec | undefined,
  key: string,
  value: string,
  field: string,
): FieldError[] {
  const labels = template?.metadata?.labels ?? {};
  const actual = labels[key];
  if (actual === undefined) return [required(`${field}.labels[${key}]`, `must be '${value}'`)];
  return actual === value
    ? []
    : [invalidValue(`${field}.labels[${key}]`, labels, `must be '${value}'`)];
}

function validateOwnSpec(spec: JobSpec | undefined): FieldError[] {
  const job = spec ?? ({ template: {} } as JobSpec);
  const { selector, template } = job;
  const errors = validateJobSpec(job, 'spec');
  if (selector === undefined) return [...errors, required(SELECTOR)];
  const bad = validateLabelSelector(selector, SELECTOR);
  const labels = template?.metadata?.labels ?? {};
  if (bad.length === 0 && !matchesSelector(selector, labels)) {
    const detail = '`selector` does not match template `labels`';
    bad.push(invalidValue('spec.template.metadata.labels', labels, detail));
  }
  return [...errors, ...bad];
}

/** The pods of an indexed job are called after it and their index, and their hostnames are labels. */
function validateHostnames({ metadata, spec }: Job): FieldError[] {
  const { name = '' } = metadata ?? {};
  const completions = spec?.completions ?? 0;
  if (spec?.completionMode !== 'Indexed' || completions <= 0) return [];
  const longest = `${name}-${completions - 1}`;
  if (dns1123Label(longest).length === 0) return [];
  const detail = `will not able to create pod with invalid DNS label: ${longest}`;
  return [invalidValue('metadata.name', name, detail)];
}

function validateUpdate(job: Job, old: Job): FieldError[] {
  const spec = (job.spec ?? {}) as JobSpec;
  const before = (old.spec ?? {}) as JobSpec;
  const fixed = [
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const;
  return [
    ...validateCompletions(spec, before),
    ...validateImmutable(spec.selector, before.selector, SELECTOR),
    ...validateTemplate(job, old),
    ...fixed.flatMap((name) => validateImmutable(spec[name], before[name], `spec.${name}`)),
  ];
}

/** An indexed job may grow and shrink, if it does so in both numbers. */
function validateCompletions(spec: JobSpec, before: JobSpec): FieldError[] {
  const field = 'spec.completions';
  if (spec.completionMode !== 'Indexed') {
    return validateImmutable(spec.completions, before.completions, field);
  }
  if (spec.completions === undefined || spec.completions === before.completions) return [];
  if (spec.completions === spec.parallelism) return [];
  const detail = 'can only be modified in tandem with spec.parallelism';
  return [invalidValue(field, spec.completions, detail)];
}

function validateTemplate(job: Job, old: Job): FieldError[] {
  const template = job.spec?.template;
  const before = old.spec?.template;
  const mayPlace = old.spec?.suspend === true && old.status?.startTime === undefined;
  const compared = mayPlace ? withPlacementOf(before, template) : before;
  return sameValue(template, compared)
    ? []
    : validateImmutable(template, compared, 'spec.template');
}

/** A job that has not started yet may be told where to run: that is how queueing controllers work. */
function withPlacementOf(
  before: PodTemplateSpec | undefined,
  template: PodTemplateSpec | undefined,
): PodTemplateSpec | undefined {
  if (before?.spec === undefined || template?.spec === undefined) return before;
  const { nodeSelector, tolerations, schedulingGates, affinity } = template.spec;
  const { labels, annotations } = template.metadata ?? {};
  const { nodeAffinity: _, ...otherAffinity } = before.spec.affinity ?? {};
  const nodeAffinity = affinity?.nodeAffinity;
  const whole = nodeAffinity === undefined ? otherAffinity : { ...otherAffinity, nodeAffinity };
  const placement = {
    nodeSelector,
    tolerations,
    schedulingGates,
    affinity: Object.keys(whole).length === 0 ? affinity : whole,
  };
  return {
    metadata: { ...before.metadata, ...({ labels, annotations } as object) },
    spec: { ...before.spec, ...(placement as object) },
  };
}
