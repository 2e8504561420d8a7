// probes: what may stand in a probe or a lifecycle hook.
//
// Same rules upstream: pkg/apis/core/validation (validateProbe, validateHandler).

import {
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { httpHeaderName, portName, portNumberMessages } from './name-rules.ts';
import type { Container, Handler, Lifecycle, Probe } from './pod-types.ts';

type Action = Handler & Pick<Probe, 'grpc'> & { readonly sleep?: { readonly seconds: number } };

const COUNTS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
] as const;

export function validateProbesAndHooks(
  container: Container,
  gracePeriodSeconds: number,
  field: string,
): FieldError[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  return [
    ...validateLifecycle(lifecycle, gracePeriodSeconds, `${field}.lifecycle`),
    ...validateProbe(livenessProbe, 'livenessProbe', field),
    ...validateProbe(readinessProbe, 'readinessProbe', field),
    ...validateProbe(startupProbe, 'startupProbe', field),
  ];
}

type ProbeName = 'livenessProbe' | 'readinessProbe' | 'startupProbe';

function validateProbe(probe: Probe | undefined, name: ProbeName, container: string): FieldError[] {
  if (probe === undefined) return [];
  const field = `${container}.${name}`;
  const errors = validateHandler(probe, 0, field);
  for (const count of COUNTS) errors.push(...nonNegative(probe[count] ?? 0, `${field}.${count}`));
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined) {
    const graceField = `${field}.terminationGracePeriodSeconds`;
    if (grace <= 0) errors.push(invalidValue(graceField, grace, 'must be greater than 0'));
    if (name === 'readinessProbe') {
      errors.push(invalidValue(graceField, grace, 'must not be set for readinessProbes'));
    }
  }
  if (name !== 'readinessProbe' && probe.successThreshold !== 1) {
    errors.push(
      invalidValue(`${field}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'),
    );
  }
  return errors;
}

function validateLifecycle(
  lifecycle: Lifecycle | undefined,
  gracePeriodSeconds: number,
  field: string,
): FieldError[] {
  const { postStart, preStop } = lifecycle ?? {};
  return [
    ...(postStart ? validateHandler(postStart, gracePeriodSeconds, `${field}.postStart`) : []),
    ...(preStop ? validateHandler(preStop, gracePeriodSeconds, `${field}.preStop`) : []),
  ];
}

/** Exactly one way to act; the ones after the first are refused, in upstream's order. */
function validateHandler(handler: Action, gracePeriodSeconds: number, field: string): FieldError[] {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  const given: (readonly [name: string, errors: () => FieldError[]])[] = [];
  if (exec) given.push(['exec', () => execErrors(exec.command, `${field}.exec`)]);
  if (httpGet) given.push(['httpGet', () => httpErrors(httpGet, `${field}.httpGet`)]);
  if (tcpSocket)
    given.push(['tcpSocket', () => portErrors(tcpSocket.port, `${field}.tcpSocket.port`)]);
  if (grpc) given.push(['grpc', () => portErrors(grpc.port, `${field}.grpc.port`)]);
  if (sleep)
    given.push(['sleep', () => sleepErrors(sleep.seconds, gracePeriodSeconds, `${field}.sleep`)]);
  const [first, ...others] = given;
  if (first === undefined) return [required(field, 'must specify a handler type')];
  return [
    ...first[1](),
    ...others.map(([name]) =>
      forbiddenField(`${field}.${name}`, 'may not specify more than 1 handler type'),
    ),
  ];
}

function execErrors(command: readonly string[] | undefined, field: string): FieldError[] {
  return (command ?? []).length === 0 ? [required(`${field}.command`)] : [];
}

function httpErrors(get: NonNullable<Handler['httpGet']>, field: string): FieldError[] {
  const { path = '', port, scheme = '', httpHeaders = [] } = get;
  return [
    ...(path === '' ? [required(`${field}.path`)] : []),
    ...portErrors(port, `${field}.port`),
    ...(scheme === 'HTTP' || scheme === 'HTTPS'
      ? []
      : [notSupported(`${field}.scheme`, scheme, ['HTTP', 'HTTPS'])]),
    ...httpHeaders.flatMap(({ name }) =>
      invalidValues(`${field}.httpHeaders`, name, httpHeaderName(name)),
    ),
  ];
}

function sleepErrors(seconds: number, gracePeriodSeconds: number, field: string): FieldError[] {
  const detail = `must be non-negative and less than terminationGracePeriodSeconds (${gracePeriodSeconds})`;
  return seconds < 0 || seconds > gracePeriodSeconds ? [invalidValue(field, seconds, detail)] : [];
}

export function portErrors(port: number | string | undefined, field: string): FieldError[] {
  return typeof port === 'string'
    ? invalidValues(field, port, portName(port))
    : invalidValues(field, port ?? 0, portNumberMessages(port ?? 0));
}

export function nonNegative(value: number, field: string): FieldError[] {
  return value < 0 ? [invalidValue(field, value, 'must be greater than or equal to 0')] : [];
}
