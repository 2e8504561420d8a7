// pod-defaults: what a pod means when it says nothing, for pods and for the templates of pods.
//
// Defaults are written into the object, so that every component reads the same pod and none has opinions of its own.
//
// Same values upstream: pkg/apis/core/v1/defaults.go.

import type {
  Container,
  EnvVar,
  Handler,
  PodSpec,
  PodTemplateSpec,
  Probe,
  ResourceRequirements,
  Volume,
} from './pod-types.ts';

/** rw-r--r--: the mode of files made from secrets, config maps and the downward API. */
const FILE_MODE = 0o644;
const TOKEN_SECONDS = 60 * 60;

export function setPodTemplateDefaults(template: PodTemplateSpec | undefined): void {
  if (template?.spec !== undefined) setPodSpecDefaults(template.spec);
}

/** What only a pod itself gets: a template that was made from one of these would look changed to whoever compares. */
export function setPodDefaults(spec: PodSpec): void {
  setPodSpecDefaults(spec);
  spec.enableServiceLinks ??= true;
  for (const container of containersOf(spec)) setRequestDefaults(container.resources);
  if (spec.hostNetwork === true) setHostPorts(spec);
}

export function setPodSpecDefaults(spec: PodSpec): void {
  spec.restartPolicy ??= 'Always';
  spec.dnsPolicy ??= 'ClusterFirst';
  spec.terminationGracePeriodSeconds ??= 30;
  spec.securityContext ??= {};
  spec.schedulerName ??= 'default-scheduler';
  setServiceAccountNames(spec);
  for (const volume of spec.volumes ?? []) setVolumeDefaults(volume);
  for (const container of containersOf(spec)) setContainerDefaults(container);
}

export function containersOf(spec: PodSpec): readonly Container[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
}

/** `serviceAccount` is the name of serviceAccountName from before 1.0; both are kept, and kept the same. */
function setServiceAccountNames(spec: PodSpec): void {
  const name = spec.serviceAccountName ?? spec.serviceAccount;
  if (name === undefined) return;
  spec.serviceAccountName = name;
  spec.serviceAccount = name;
}

/** On the node's own network a container's port is the node's port. */
function setHostPorts(spec: PodSpec): void {
  for (const container of containersOf(spec)) {
    for (const port of container.ports ?? []) port.hostPort ??= port.containerPort;
  }
}

export function setContainerDefaults(container: Container): void {
  container.terminationMessagePath ??= '/dev/termination-log';
  container.terminationMessagePolicy ??= 'File';
  container.imagePullPolicy ??= pullPolicyOf(container.image ?? '');
  container.resources ??= {};
  for (const port of container.ports ?? []) port.protocol ??= 'TCP';
  for (const variable of container.env ?? []) setEnvDefaults(variable);
  for (const probe of [container.livenessProbe, container.readinessProbe, container.startupProbe]) {
    if (probe !== undefined) setProbeDefaults(probe);
  }
  setHandlerDefaults(container.lifecycle?.postStart);
  setHandlerDefaults(container.lifecycle?.preStop);
}

/** `latest`, spoken or not, moves: it is pulled each time. A digest or another tag stands still. */
function pullPolicyOf(image: string): 'Always' | 'IfNotPresent' {
  if (image.includes('@')) return 'IfNotPresent';
  const tag = /:([^:/]+)$/.exec(image)?.[1];
  return tag === undefined || tag === 'latest' ? 'Always' : 'IfNotPresent';
}

/** Who limits a resource and asks for none of it asks for all of the limit. */
function setRequestDefaults(resources: ResourceRequirements | undefined): void {
  if (resources?.limits === undefined) return;
  resources.requests = { ...resources.limits, ...resources.requests };
}

function setEnvDefaults({ valueFrom }: EnvVar): void {
  if (valueFrom?.fieldRef !== undefined) valueFrom.fieldRef.apiVersion ??= 'v1';
}

function setProbeDefaults(probe: Probe): void {
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  setHandlerDefaults(probe);
  if (probe.grpc !== undefined) probe.grpc.service ??= '';
}

function setHandlerDefaults(handler: Handler | undefined): void {
  const get = handler?.httpGet;
  if (get === undefined) return;
  get.path ??= '/';
  get.scheme ??= 'HTTP';
}

function setVolumeDefaults(volume: Volume): void {
  const { name: _, ...sources } = volume;
  if (Object.keys(sources).length === 0) volume.emptyDir = {};
  if (volume.hostPath !== undefined) volume.hostPath.type ??= '';
  for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected]) {
    if (source !== undefined) source.defaultMode ??= FILE_MODE;
  }
  for (const source of volume.projected?.sources ?? []) {
    if (source.serviceAccountToken !== undefined) {
      source.serviceAccountToken.expirationSeconds ??= TOKEN_SECONDS;
    }
    setItemDefaults(source.downwardAPI?.items);
  }
  setItemDefaults(volume.downwardAPI?.items);
}

function setItemDefaults(items: readonly { fieldRef?: { apiVersion?: string } }[] = []): void {
  for (const { fieldRef } of items) if (fieldRef !== undefined) fieldRef.apiVersion ??= 'v1';
}
