// extensions-schemas: the fields of the kinds of extensions/v1beta1 as of Kubernetes 1.1, which no generated schema describes any more.
//
// Pod templates, conditions and the like are left open here: they are read by the schema of the kind that the object is stored as.
//
// Same fields upstream: Kubernetes 1.1, pkg/apis/extensions/v1beta1/types.go.

import type { JsonSchema } from '../../crd/json-schema.ts';

const TEXT: JsonSchema = { type: 'string' };
const NUMBER: JsonSchema = { type: 'integer', format: 'int32' };
const LONG: JsonSchema = { type: 'integer', format: 'int64' };
const TEXT_OR_NUMBER: JsonSchema = { 'x-kubernetes-int-or-string': true };
const LABELS: JsonSchema = { type: 'object', additionalProperties: TEXT };
const OPEN: JsonSchema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
const OPEN_LIST: JsonSchema = { type: 'array', items: OPEN };

function fields(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', properties };
}

function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

function kind(description: string, spec: JsonSchema, status: JsonSchema): JsonSchema {
  return { description, type: 'object', properties: { spec, status } };
}

export const OLD_DEPLOYMENT: JsonSchema = kind(
  'Deployment enables declarative updates for Pods and ReplicationControllers.',
  fields({
    replicas: NUMBER,
    selector: LABELS,
    template: OPEN,
    strategy: fields({
      type: TEXT,
      rollingUpdate: fields({
        maxUnavailable: TEXT_OR_NUMBER,
        maxSurge: TEXT_OR_NUMBER,
        minReadySeconds: NUMBER,
      }),
    }),
    uniqueLabelKey: TEXT,
  }),
  fields({ replicas: NUMBER, updatedReplicas: NUMBER }),
);

export const OLD_DAEMON_SET: JsonSchema = kind(
  'DaemonSet represents the configuration of a daemon set.',
  fields({ selector: LABELS, template: OPEN }),
  fields({
    currentNumberScheduled: NUMBER,
    numberMisscheduled: NUMBER,
    desiredNumberScheduled: NUMBER,
  }),
);

export const OLD_JOB: JsonSchema = kind(
  'Job represents the configuration of a single job.',
  fields({
    parallelism: NUMBER,
    completions: NUMBER,
    activeDeadlineSeconds: LONG,
    selector: fields({
      matchLabels: LABELS,
      matchExpressions: listOf(fields({ key: TEXT, operator: TEXT, values: listOf(TEXT) })),
    }),
    template: OPEN,
  }),
  fields({
    conditions: OPEN_LIST,
    startTime: TEXT,
    completionTime: TEXT,
    active: NUMBER,
    succeeded: NUMBER,
    failed: NUMBER,
  }),
);

const BACKEND = fields({ serviceName: TEXT, servicePort: TEXT_OR_NUMBER });

export const OLD_INGRESS: JsonSchema = kind(
  'An Ingress is a way to give services externally-reachable urls.',
  fields({
    backend: BACKEND,
    rules: listOf(
      fields({
        host: TEXT,
        http: fields({ paths: listOf(fields({ path: TEXT, backend: BACKEND })) }),
      }),
    ),
  }),
  fields({ loadBalancer: fields({ ingress: OPEN_LIST }) }),
);

export const OLD_AUTOSCALER: JsonSchema = kind(
  'HorizontalPodAutoscaler represents the configuration of a horizontal pod autoscaler.',
  fields({
    scaleRef: fields({ kind: TEXT, name: TEXT, apiVersion: TEXT, subresource: TEXT }),
    minReplicas: NUMBER,
    maxReplicas: NUMBER,
    cpuUtilization: fields({ targetPercentage: NUMBER }),
  }),
  fields({
    observedGeneration: LONG,
    lastScaleTime: TEXT,
    currentReplicas: NUMBER,
    desiredReplicas: NUMBER,
    currentCPUUtilizationPercentage: NUMBER,
  }),
);
