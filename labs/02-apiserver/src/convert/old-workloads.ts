// old-workloads: deployments, daemon sets and jobs as Kubernetes 1.1 wrote them (extensions/v1beta1). They are stored as today's kinds.
//
// Then as now they are a pod template with a selector. What was different: selectors could be left out and were the template's labels,
// deployments kept minReadySeconds with the rolling update, daemon sets left running pods alone, jobs chose their labels themselves.
// What 1.1 did not know is not shown, and a PUT by a 1.1 client brings it back to its default.
//
// Same rules upstream: Kubernetes 1.1, pkg/apis/extensions/v1beta1 (types.go, defaults.go, conversion.go). uniqueLabelKey means nothing
// any more: it is dropped.

import type { DaemonSet, Deployment } from 'kubernetes-types/apps/v1';
import type { Job } from 'kubernetes-types/batch/v1';
import type { PodTemplateSpec } from 'kubernetes-types/core/v1';
import type { LabelSelector, ObjectMeta } from 'kubernetes-types/meta/v1';
import type { KubernetesObject } from '../client/resources.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import { withoutUndefined } from './without-undefined.ts';

type Labels = Readonly<Record<string, string>>;

interface OldRollingUpdate {
  readonly maxUnavailable?: number | string;
  readonly maxSurge?: number | string;
  readonly minReadySeconds?: number;
}

interface OldDeployment {
  readonly metadata?: ObjectMeta;
  readonly spec?: {
    readonly replicas?: number;
    readonly selector?: Labels;
    readonly template?: PodTemplateSpec;
    readonly strategy?: { readonly type?: string; readonly rollingUpdate?: OldRollingUpdate };
  };
  readonly status?: object;
}

interface OldDaemonSet {
  readonly metadata?: ObjectMeta;
  readonly spec?: { readonly selector?: Labels; readonly template?: PodTemplateSpec };
  readonly status?: object;
}

interface OldJob {
  readonly metadata?: ObjectMeta;
  readonly spec?: {
    readonly parallelism?: number;
    readonly completions?: number;
    readonly activeDeadlineSeconds?: number;
    readonly selector?: LabelSelector;
    readonly template?: PodTemplateSpec;
  };
  readonly status?: object;
}

export function deploymentFromOld(object: KubernetesObject): KubernetesObject {
  const { metadata, spec = {}, status } = object as OldDeployment;
  const { replicas, selector, template, strategy = {} } = spec;
  const { type = 'RollingUpdate', rollingUpdate = {} } = strategy;
  const { maxUnavailable = 1, maxSurge = 1, minReadySeconds } = rollingUpdate;
  const isRolling = type === 'RollingUpdate';
  return stored(metadata, template, status, {
    replicas,
    selector: selectorFrom(selector, template),
    template,
    minReadySeconds,
    strategy: isRolling ? { type, rollingUpdate: { maxUnavailable, maxSurge } } : { type },
  });
}

export function deploymentToOld(object: ReadonlyApiObject): KubernetesObject {
  const { metadata, spec, status = {} } = object as Deployment;
  const { rollingUpdate, type } = spec?.strategy ?? {};
  const minReadySeconds = spec?.minReadySeconds;
  const rolling =
    rollingUpdate === undefined
      ? undefined
      : withoutUndefined({ ...rollingUpdate, minReadySeconds });
  const { replicas, updatedReplicas } = status;
  return shown(
    metadata,
    {
      replicas: spec?.replicas,
      selector: spec?.selector.matchLabels,
      template: spec?.template,
      strategy: withoutUndefined({ type, rollingUpdate: rolling }),
    },
    withoutUndefined({ replicas, updatedReplicas }),
  );
}

export function daemonSetFromOld(object: KubernetesObject): KubernetesObject {
  const { metadata, spec = {}, status } = object as OldDaemonSet;
  const { selector, template } = spec;
  return stored(metadata, template, status, {
    selector: selectorFrom(selector, template),
    template,
    updateStrategy: { type: 'OnDelete' },
  });
}

export function daemonSetToOld(object: ReadonlyApiObject): KubernetesObject {
  const { metadata, spec, status } = object as DaemonSet;
  const selector = spec?.selector.matchLabels;
  const {
    currentNumberScheduled = 0,
    numberMisscheduled = 0,
    desiredNumberScheduled = 0,
  } = status ?? {};
  const counts = { currentNumberScheduled, numberMisscheduled, desiredNumberScheduled };
  return shown(metadata, { selector, template: spec?.template }, counts);
}

export function jobFromOld(object: KubernetesObject): KubernetesObject {
  const { metadata, spec = {}, status } = object as OldJob;
  const { completions = 1, parallelism = completions, activeDeadlineSeconds, template } = spec;
  return stored(metadata, template, status, {
    parallelism,
    completions,
    activeDeadlineSeconds,
    // 1.1 made no label of its own for the pods of a job.
    manualSelector: true,
    selector: spec.selector ?? selectorFrom(undefined, template),
    template,
  });
}

export function jobToOld(object: ReadonlyApiObject): KubernetesObject {
  const { metadata, spec, status = {} } = object as Job;
  const { parallelism, completions, activeDeadlineSeconds, selector, template } = spec ?? {};
  const { conditions, startTime, completionTime, active, succeeded, failed } = status;
  return shown(
    metadata,
    { parallelism, completions, activeDeadlineSeconds, selector, template },
    withoutUndefined({ conditions, startTime, completionTime, active, succeeded, failed }),
  );
}

function stored(
  metadata: ObjectMeta | undefined,
  template: PodTemplateSpec | undefined,
  status: object | undefined,
  spec: Readonly<Record<string, unknown>>,
): KubernetesObject {
  return withoutUndefined({
    metadata: labelled(metadata, template),
    spec: withoutUndefined(spec),
    status,
  }) as KubernetesObject;
}

function shown(
  metadata: ObjectMeta | undefined,
  spec: Readonly<Record<string, unknown>>,
  status: object,
): KubernetesObject {
  return { metadata, spec: withoutUndefined(spec), status } as KubernetesObject;
}

function selectorFrom(
  selector: Labels | undefined,
  template: PodTemplateSpec | undefined,
): LabelSelector | undefined {
  const isGiven = selector !== undefined && Object.keys(selector).length > 0;
  const matchLabels = isGiven ? selector : template?.metadata?.labels;
  return matchLabels === undefined ? undefined : { matchLabels };
}

/** Objects without labels carried those of their pods. */
function labelled(
  metadata: ObjectMeta | undefined,
  template: PodTemplateSpec | undefined,
): ObjectMeta | undefined {
  const labels = template?.metadata?.labels;
  if (labels === undefined || Object.keys(metadata?.labels ?? {}).length > 0) return metadata;
  return { ...metadata, labels };
}
