// service-validation: the rules for a service's spec.
//
// Addresses and node ports are allocated after these rules were passed, so here they may still be missing.
//
// Same rules upstream: pkg/apis/core/validation (ValidateService).

import { isIP } from 'node:net';
import type { ServicePort, ServiceSpec } from 'kubernetes-types/core/v1';
import { oneOf, PROTOCOLS } from './containers.ts';
import {
  duplicate,
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  required,
} from './field-error.ts';
import { dns1123Label, dns1123Subdomain, portNumberMessages, qualifiedName } from './name-rules.ts';
import { validateLabels } from './object-meta.ts';
import { IP_MESSAGE } from './pod-spec.ts';
import { portErrors } from './probes.ts';

const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'] as const;
const AFFINITY_MAX_SECONDS = 86_400;
const POLICIES = ['Cluster', 'Local'] as const;

export function validateServiceSpec(spec: ServiceSpec): FieldError[] {
  const { type = '', ports = [], clusterIP = '' } = spec;
  const headless = clusterIP === 'None';
  return [
    ...(ports.length === 0 && !headless && type !== 'ExternalName' ? [required('spec.ports')] : []),
    ...validateType(spec, headless),
    ...validatePorts(ports, 'spec.ports'),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validateAffinity(spec),
    ...validateAddresses(spec),
    ...oneOf(type, 'spec.type', TYPES),
    ...validateNodePorts(spec),
    ...validateTrafficPolicies(spec),
  ];
}

function validateType(
  { type, clusterIPs, externalName = '', ports = [] }: ServiceSpec,
  headless: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  if (type === 'NodePort' || type === 'LoadBalancer') {
    if (headless) {
      const detail = `may not be set to 'None' for ${type} services`;
      errors.push(invalidValue('spec.clusterIPs[0]', 'None', detail));
    }
  }
  if (type === 'ExternalName') {
    if (clusterIPs !== undefined && clusterIPs.length > 0) {
      const detail = 'may not be set for ExternalName services';
      errors.push(forbiddenField('spec.clusterIPs', detail));
    }
    // A name as DNS writes it, with or without the dot at its end.
    const name = externalName.replace(/\.$/, '');
    errors.push(
      ...(name === ''
        ? [required('spec.externalName')]
        : invalidValues('spec.externalName', externalName, dns1123Subdomain(name))),
    );
    return errors;
  }
  // Port 10250 is the kubelet's: a load balancer must not open it to the world.
  ports.forEach(({ port }, index) => {
    if (type === 'LoadBalancer' && port === 10_250) {
      const detail = 'may not expose port 10250 externally since it is used by kubelet';
      errors.push(invalidValue(`spec.ports[${index}]`, port, detail));
    }
  });
  return errors;
}

function validatePorts(ports: readonly ServicePort[], field: string): FieldError[] {
  const names = new Set<string>();
  const numbers = new Set<string>();
  return ports.flatMap((port, index) => {
    const at = `${field}[${index}]`;
    const { name = '', protocol, appProtocol } = port;
    const errors: FieldError[] = [];
    if (name === '') {
      if (ports.length > 1) errors.push(required(`${at}.name`));
    } else {
      errors.push(...invalidValues(`${at}.name`, name, dns1123Label(name)));
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    errors.push(
      ...invalidValues(`${at}.port`, port.port, portNumberMessages(port.port)),
      ...oneOf(protocol, `${at}.protocol`, PROTOCOLS),
      ...portErrors(port.targetPort, `${at}.targetPort`),
    );
    if (appProtocol !== undefined) {
      errors.push(...invalidValues(`${at}.appProtocol`, appProtocol, qualifiedName(appProtocol)));
    }
    const key = `${protocol}/${port.port}`;
    if (numbers.has(key)) errors.push(duplicate(at, { protocol, port: port.port }));
    numbers.add(key);
    return errors;
  });
}

function validateAffinity({ sessionAffinity, sessionAffinityConfig }: ServiceSpec): FieldError[] {
  const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
  const field = 'spec.sessionAffinityConfig.clientIP.timeoutSeconds';
  const errors = oneOf(sessionAffinity, 'spec.sessionAffinity', ['ClientIP', 'None']);
  if (sessionAffinity !== 'ClientIP' || seconds === undefined) return errors;
  if (seconds > 0 && seconds <= AFFINITY_MAX_SECONDS) return errors;
  const detail = `must be greater than 0 and less than ${AFFINITY_MAX_SECONDS}`;
  return [...errors, invalidValue(field, seconds, detail)];
}

function validateAddresses({
  clusterIP = '',
  clusterIPs = [],
  externalIPs = [],
}: ServiceSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (clusterIPs.length > 0 && clusterIPs[0] !== clusterIP) {
    errors.push(invalidValue('spec.clusterIPs', clusterIPs, 'first value must match `clusterIP`'));
  }
  clusterIPs.forEach((address, index) => {
    if (address === 'None' || isIP(address) !== 0) return;
    errors.push(invalidValue(`spec.clusterIPs[${index}]`, address, IP_MESSAGE));
  });
  externalIPs.forEach((address, index) => {
    if (isIP(address) !== 0) return;
    errors.push(invalidValue(`spec.externalIPs[${index}]`, address, IP_MESSAGE));
  });
  return errors;
}

function validateNodePorts({ type, ports = [] }: ServiceSpec): FieldError[] {
  const taken = new Set<string>();
  return ports.flatMap(({ nodePort = 0, protocol }, index) => {
    const field = `spec.ports[${index}].nodePort`;
    if (nodePort === 0) return [];
    if (type === 'ClusterIP' || type === 'ExternalName') {
      return [forbiddenField(field, `may not be used when \`type\` is '${type}'`)];
    }
    const key = `${protocol}/${nodePort}`;
    if (taken.has(key)) return [duplicate(field, nodePort)];
    taken.add(key);
    return invalidValues(field, nodePort, portNumberMessages(nodePort));
  });
}

function validateTrafficPolicies(spec: ServiceSpec): FieldError[] {
  const { type, externalTrafficPolicy, internalTrafficPolicy, externalIPs = [] } = spec;
  const external = type === 'NodePort' || type === 'LoadBalancer' || externalIPs.length > 0;
  const errors: FieldError[] = [];
  if (externalTrafficPolicy !== undefined) {
    const field = 'spec.externalTrafficPolicy';
    if (external) errors.push(...oneOf(externalTrafficPolicy, field, POLICIES));
    else {
      const detail = 'may only be set for externally-accessible services';
      errors.push(invalidValue(field, externalTrafficPolicy, detail));
    }
  }
  if (internalTrafficPolicy !== undefined) {
    errors.push(...oneOf(internalTrafficPolicy, 'spec.internalTrafficPolicy', POLICIES));
  }
  return errors;
}

/** Between two types that have an address, the address stays. */
export function validateAddressUpdate(spec: ServiceSpec, old: ServiceSpec): FieldError[] {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return [];
  const next = spec.clusterIPs?.[0] ?? spec.clusterIP ?? '';
  const previous = old.clusterIPs?.[0] ?? old.clusterIP ?? '';
  if (previous === '' || next === previous) return [];
  return [invalidValue('spec.clusterIPs[0]', spec.clusterIPs ?? [next], 'may not change once set')];
}
