// containers: the rules for the containers of a pod: names, ports, environment, mounts.
//
// Same rules upstream: pkg/apis/core/validation (validateContainers, validateInitContainers).
// Left out: resize policies, dynamic resource claims, Windows.

import { validateEnvironment } from './environment.ts';
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  notFoundValue,
  notSupported,
  required,
} from './field-error.ts';
import { dns1123Label, portName, portNumberMessages } from './name-rules.ts';
import type { Container, ContainerPort, PodSpec, VolumeMount } from './pod-types.ts';
import { validateProbesAndHooks } from './probes.ts';
import { validateResourceRequirements } from './resource-requirements.ts';
import { validateSecurityContext } from './security-context.ts';
import { validateLocalPath } from './volumes.ts';

export const PROTOCOLS = ['SCTP', 'TCP', 'UDP'] as const;
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'] as const;
const INIT_ONLY = 'may not be set for init containers without restartPolicy=Always';

export function validateContainers(spec: PodSpec, field: string): FieldError[] {
  const { containers = [], initContainers = [] } = spec;
  const names = new Set<string>();
  return [
    ...(containers.length === 0 ? [required(`${field}.containers`)] : []),
    ...containers.flatMap((container, index) => {
      const path = `${field}.containers[${index}]`;
      return [
        ...validateContainer(container, spec, path),
        ...uniqueName(container.name, names, path),
        ...validateProbesAndHooks(container, graceOf(spec), path),
        ...(container.restartPolicy === undefined
          ? []
          : [forbiddenField(`${path}.restartPolicy`, 'may not be set for non-init containers')]),
      ];
    }),
    ...uniqueHostPorts(containers, `${field}.containers`),
    ...initContainers.flatMap((container, index) =>
      validateInitContainer(container, spec, names, `${field}.initContainers[${index}]`),
    ),
  ];
}

function validateInitContainer(
  container: Container,
  spec: PodSpec,
  names: Set<string>,
  path: string,
): FieldError[] {
  const { restartPolicy } = container;
  const errors = validateContainer(container, spec, path);
  if (restartPolicy !== undefined && restartPolicy !== 'Always') {
    errors.push(notSupported(`${path}.restartPolicy`, restartPolicy, ['Always']));
  }
  errors.push(...uniqueName(container.name, names, path));
  errors.push(...uniqueHostPorts([container], path.replace(/\[\d+\]$/, '')));
  if (restartPolicy === 'Always') {
    return [...errors, ...validateProbesAndHooks(container, graceOf(spec), path)];
  }
  for (const name of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    if (container[name] !== undefined) errors.push(forbiddenField(`${path}.${name}`, INIT_ONLY));
  }
  return errors;
}

function graceOf(spec: PodSpec): number {
  return spec.terminationGracePeriodSeconds ?? 0;
}

function uniqueName(name: string, names: Set<string>, path: string): FieldError[] {
  if (names.has(name)) return [duplicate(`${path}.name`, name)];
  if (name !== '') names.add(name);
  return [];
}

/** What holds for every kind of container. */
export function validateContainer(container: Container, spec: PodSpec, path: string): FieldError[] {
  const { name = '', image = '', ports = [], volumeMounts = [] } = container;
  return [
    ...(name === ''
      ? [required(`${path}.name`)]
      : invalidValues(`${path}.name`, name, dns1123Label(name))),
    ...(image === '' ? [required(`${path}.image`)] : []),
    ...oneOf(container.terminationMessagePolicy, `${path}.terminationMessagePolicy`, [
      'File',
      'FallbackToLogsOnError',
    ]),
    ...validatePorts(ports, spec, `${path}.ports`),
    ...validateEnvironment(container, path),
    ...validateMounts(volumeMounts, spec, `${path}.volumeMounts`),
    ...oneOf(container.imagePullPolicy, `${path}.imagePullPolicy`, PULL_POLICIES),
    ...validateResourceRequirements(container.resources, `${path}.resources`),
    ...validateSecurityContext(container.securityContext, `${path}.securityContext`),
  ];
}

export function oneOf(
  value: string | undefined,
  field: string,
  valid: readonly string[],
): FieldError[] {
  if (value === undefined || value === '') return [required(field)];
  return valid.includes(value) ? [] : [notSupported(field, value, valid)];
}

function validatePorts(
  ports: readonly ContainerPort[],
  spec: PodSpec,
  field: string,
): FieldError[] {
  const names = new Set<string>();
  return ports.flatMap((port, index) => [
    ...portNameErrors(port.name ?? '', names, `${field}[${index}].name`),
    ...portErrors(port, spec, `${field}[${index}]`),
  ]);
}

function portNameErrors(name: string, names: Set<string>, field: string): FieldError[] {
  if (name === '') return [];
  const messages = portName(name);
  if (messages.length > 0) return invalidValues(field, name, messages);
  if (names.has(name)) return [duplicate(field, name)];
  names.add(name);
  return [];
}

function portErrors(port: ContainerPort, spec: PodSpec, path: string): FieldError[] {
  const { containerPort = 0, hostPort = 0, protocol } = port;
  const hostMismatch = spec.hostNetwork === true && hostPort !== 0 && hostPort !== containerPort;
  return [
    ...(containerPort === 0
      ? [required(`${path}.containerPort`)]
      : invalidValues(`${path}.containerPort`, containerPort, portNumberMessages(containerPort))),
    ...(hostPort === 0
      ? []
      : invalidValues(`${path}.hostPort`, hostPort, portNumberMessages(hostPort))),
    ...oneOf(protocol, `${path}.protocol`, PROTOCOLS),
    ...(hostMismatch
      ? [
          invalidValue(
            `${path}.hostPort`,
            hostPort,
            'must match `containerPort` when `hostNetwork` is true',
          ),
        ]
      : []),
  ];
}

/** Two containers of a pod share the node, so they cannot both have the same port of it. */
function uniqueHostPorts(containers: readonly Container[], field: string): FieldError[] {
  const taken = new Set<string>();
  return containers.flatMap(({ ports = [] }, container) =>
    ports.flatMap(({ hostPort, protocol, hostIP = '' }, index) => {
      if (hostPort === undefined || hostPort === 0) return [];
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (!taken.has(key)) {
        taken.add(key);
        return [];
      }
      return [duplicate(`${field}[${container}].ports[${index}].hostPort`, key)];
    }),
  );
}

function validateMounts(
  mounts: readonly VolumeMount[],
  spec: PodSpec,
  field: string,
): FieldError[] {
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name));
  const paths = new Set<string>();
  return mounts.flatMap((mount, index) => {
    const at = `${field}[${index}]`;
    const { name = '', mountPath = '', subPath = '', subPathExpr = '' } = mount;
    const errors: FieldError[] = [];
    if (name === '') errors.push(required(`${at}.name`));
    if (!volumes.has(name)) errors.push(notFoundValue(`${at}.name`, name));
    if (mountPath === '') errors.push(required(`${at}.mountPath`));
    if (paths.has(mountPath)) {
      errors.push(invalidValue(`${at}.mountPath`, mountPath, 'must be unique'));
    }
    paths.add(mountPath);
    if (subPath !== '') errors.push(...validateLocalPath(subPath, `${field}.subPath`));
    if (subPath !== '' && subPathExpr !== '') {
      const detail = 'subPathExpr and subPath are mutually exclusive';
      errors.push(invalidValue(`${at}.subPathExpr`, subPathExpr, detail));
    }
    if (subPathExpr !== '') errors.push(...validateLocalPath(subPathExpr, `${field}.subPathExpr`));
    return errors;
  });
}
