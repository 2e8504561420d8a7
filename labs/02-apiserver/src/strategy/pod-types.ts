// pod-types: the types of a pod's parts, gathered from kubernetes-types under one import.

import type { Lifecycle } from 'kubernetes-types/core/v1';

export type {
  Affinity,
  Container,
  ContainerPort,
  EnvFromSource,
  EnvVar,
  Lifecycle,
  Pod,
  PodSpec,
  PodTemplateSpec,
  Probe,
  ResourceRequirements,
  Toleration,
  Volume,
  VolumeMount,
} from 'kubernetes-types/core/v1';

/** What a lifecycle hook does; a probe does the same and more. */
export type Handler = NonNullable<Lifecycle['postStart']>;
