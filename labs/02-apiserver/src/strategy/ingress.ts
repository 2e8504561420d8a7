// ingress: the strategy of ingresses: which host and path goes to which service.
//
// Same rules upstream: pkg/apis/networking/validation (ValidateIngressCreate, validateIngressRules, validateIngressBackend).

import { isIP } from 'node:net';
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressRule,
  IngressSpec,
  IngressTLS,
} from 'kubernetes-types/networking/v1';
import { wildcardSubdomain } from './domain-rules.ts';
import {
  type FieldError,
  invalidValue,
  invalidValues,
  notSupported,
  required,
} from './field-error.ts';
import { validateTypedReference } from './ingress-class.ts';
import { dns1035Label, dns1123Subdomain, portName, portNumberMessages } from './name-rules.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

/** Where the class stood before it was a field. */
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'] as const;
const BAD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'] as const;
const BAD_SUFFIXES = ['/..', '/.'] as const;
const STATUS = 'status.loadBalancer.ingress';

export const ingressStrategy: Strategy = defineStrategy<Ingress>({
  metadata: { name: dns1123Subdomain },
  prepareForCreate(ingress) {
    Object.assign(ingress, { status: { loadBalancer: {} } });
  },
  validate: (ingress) => [...validateSpec(ingress.spec ?? {}, 'spec'), ...classErrors(ingress)],
  // The annotation and the field may both be there once the object exists: that is how one migrates.
  validateOnUpdate: ({ spec }) => validateSpec(spec ?? {}, 'spec'),
  validateStatus: ({ status }) => validateBalancerAddresses(status?.loadBalancer?.ingress ?? []),
});

function classErrors({ metadata, spec }: Ingress): FieldError[] {
  const annotation = metadata?.annotations?.[CLASS_ANNOTATION];
  if (annotation === undefined || spec?.ingressClassName === undefined) return [];
  const detail = 'can not be set when the class field is also set';
  return [invalidValue(`annotations.${CLASS_ANNOTATION}`, annotation, detail)];
}

function validateSpec(spec: IngressSpec, field: string): FieldError[] {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  const errors: FieldError[] = [];
  if (rules.length === 0 && defaultBackend === undefined) {
    const detail = 'either `defaultBackend` or `rules` must be specified';
    errors.push(invalidValue(field, spec.rules ?? [], detail));
  }
  if (defaultBackend !== undefined) {
    errors.push(...validateBackend(defaultBackend, `${field}.defaultBackend`));
  }
  rules.forEach((rule, index) => {
    errors.push(...validateRule(rule, `${field}.rules[${index}]`));
  });
  tls.forEach((entry, index) => {
    errors.push(...validateTls(entry, `${field}.tls[${index}]`));
  });
  if (ingressClassName !== undefined) {
    const messages = dns1123Subdomain(ingressClassName);
    errors.push(...invalidValues(`${field}.ingressClassName`, ingressClassName, messages));
  }
  return errors;
}

function validateHost(host: string, field: string): FieldError[] {
  const rule = host.includes('*') ? wildcardSubdomain : dns1123Subdomain;
  return invalidValues(field, host, rule(host));
}

function validateRule({ host = '', http }: IngressRule, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (host !== '') {
    if (isIP(host) !== 0) {
      const detail = 'must be a DNS name, not an IP address';
      errors.push(invalidValue(`${field}.host`, host, detail));
    }
    errors.push(...validateHost(host, `${field}.host`));
  }
  if (http === undefined) return errors;
  const paths = http.paths ?? [];
  if (paths.length === 0) errors.push(required(`${field}.http.paths`));
  return [
    ...errors,
    ...paths.flatMap((path, index) => validatePath(path, `${field}.http.paths[${index}]`)),
  ];
}

function validatePath(
  { path = '', pathType, backend }: HTTPIngressPath,
  field: string,
): FieldError[] {
  const at = `${field}.path`;
  if (pathType === undefined) return [required(`${field}.pathType`, 'pathType must be specified')];
  const errors: FieldError[] = [];
  const isFree = pathType === 'ImplementationSpecific';
  if (!(PATH_TYPES as readonly string[]).includes(pathType)) {
    errors.push(notSupported(`${field}.pathType`, pathType, PATH_TYPES));
  } else if (!path.startsWith('/') && !(isFree && path === '')) {
    errors.push(invalidValue(at, path, 'must be an absolute path'));
  }
  if (pathType === 'Exact' || pathType === 'Prefix') {
    for (const text of BAD_SEQUENCES) {
      if (path.includes(text)) errors.push(invalidValue(at, path, `must not contain '${text}'`));
    }
    for (const text of BAD_SUFFIXES) {
      if (path.endsWith(text)) errors.push(invalidValue(at, path, `cannot end with '${text}'`));
    }
  }
  return [...errors, ...validateBackend(backend, `${field}.backend`)];
}

function validateBackend({ resource, service }: IngressBackend, field: string): FieldError[] {
  if (resource !== undefined && service !== undefined) {
    return [invalidValue(field, '', 'cannot set both resource and service backends')];
  }
  if (resource !== undefined) return validateTypedReference(resource, `${field}.resource`);
  if (service === undefined) {
    return [invalidValue(field, '', 'resource or service backend is required')];
  }
  const { name = '', port } = service;
  const { name: portText = '', number = 0 } = port ?? {};
  const errors =
    name === ''
      ? [required(`${field}.service.name`)]
      : invalidValues(`${field}.service.name`, name, dns1035Label(name));
  const at = `${field}.service.port`;
  if (portText !== '' && number !== 0) {
    errors.push(invalidValue(field, '', 'cannot set both port name & port number'));
  } else if (portText !== '') {
    errors.push(...invalidValues(`${at}.name`, portText, portName(portText)));
  } else if (number !== 0) {
    errors.push(...invalidValues(`${at}.number`, number, portNumberMessages(number)));
  } else {
    errors.push(required(field, 'port name or number is required'));
  }
  return errors;
}

function validateTls({ hosts = [], secretName = '' }: IngressTLS, field: string): FieldError[] {
  return [
    ...hosts.flatMap((host, index) => validateHost(host, `${field}.hosts[${index}]`)),
    ...(secretName === ''
      ? []
      : invalidValues(`${field}.secretName`, secretName, dns1123Subdomain(secretName))),
  ];
}

interface BalancerAddress {
  readonly ip?: string;
  readonly hostname?: string;
}

/** Where the outside reaches an ingress or a service, as it stands in the status of both. */
export function validateBalancerAddresses(addresses: readonly BalancerAddress[]): FieldError[] {
  return addresses.flatMap((address, index) => validateAddress(address, `${STATUS}[${index}]`));
}

/** An address or a name, never an address as a name. */
function validateAddress({ ip = '', hostname = '' }: BalancerAddress, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (ip !== '' && isIP(ip) === 0) {
    errors.push(invalidValue(`${field}.ip`, ip, 'must be a valid IP address'));
  }
  if (hostname === '') return errors;
  errors.push(...invalidValues(`${field}.hostname`, hostname, dns1123Subdomain(hostname)));
  if (isIP(hostname) !== 0) {
    const detail = 'must be a DNS name, not an IP address';
    errors.push(invalidValue(`${field}.hostname`, hostname, detail));
  }
  return errors;
}
