// ingress-class: the strategy of ingress classes: which controller an ingress means.
//
// Same rules upstream: pkg/apis/networking/v1/defaults.go, pkg/apis/networking/validation (ValidateIngressClass).

import type { IngressClass, IngressClassSpec } from 'kubernetes-types/networking/v1';
import { validateDomainPrefixedPath } from './domain-rules.ts';
import {
  type FieldError,
  forbiddenField,
  invalidValues,
  notSupported,
  required,
  tooLong,
} from './field-error.ts';
import { dns1123Label, dns1123Subdomain, pathSegment } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const CONTROLLER_MAX_BYTES = 250;
const SCOPES = ['Cluster', 'Namespace'] as const;

export const ingressClassStrategy: Strategy = defineStrategy<IngressClass>({
  metadata: { name: dns1123Subdomain, namespaced: false },
  hasStatus: false,
  hasGeneration: true,
  setDefaults({ spec }) {
    if (spec?.parameters !== undefined) spec.parameters.scope ??= 'Cluster';
  },
  validate({ spec }) {
    const controller = spec?.controller ?? '';
    return [
      ...(controller.length > CONTROLLER_MAX_BYTES
        ? [tooLong('spec.controller', CONTROLLER_MAX_BYTES)]
        : []),
      ...validateDomainPrefixedPath(controller, 'spec.controller'),
      ...validateParameters(spec?.parameters, 'spec.parameters'),
    ];
  },
  validateUpdate: ({ spec }, old) =>
    validateImmutable(spec?.controller, old.spec?.controller, 'spec.controller'),
});

/** A reference to an object of any kind, by group, kind and name. */
export function validateTypedReference(
  {
    apiGroup,
    kind = '',
    name = '',
  }: { readonly apiGroup?: string; readonly kind?: string; readonly name?: string },
  field: string,
): FieldError[] {
  return [
    ...(apiGroup === undefined
      ? []
      : invalidValues(`${field}.apiGroup`, apiGroup, dns1123Subdomain(apiGroup))),
    ...(kind === ''
      ? [required(`${field}.kind`, 'kind is required')]
      : invalidValues(`${field}.kind`, kind, pathSegment(kind))),
    ...(name === ''
      ? [required(`${field}.name`, 'name is required')]
      : invalidValues(`${field}.name`, name, pathSegment(name))),
  ];
}

function validateParameters(
  parameters: IngressClassSpec['parameters'],
  field: string,
): FieldError[] {
  if (parameters === undefined) return [];
  const { scope, namespace } = parameters;
  const errors = validateTypedReference(parameters, field);
  if (scope === undefined) return [...errors, required(`${field}.scope`)];
  if (!(SCOPES as readonly string[]).includes(scope)) {
    return [...errors, notSupported(`${field}.scope`, scope, SCOPES)];
  }
  const at = `${field}.namespace`;
  if (scope === 'Cluster') {
    return namespace === undefined
      ? errors
      : [...errors, forbiddenField(at, "`parameters.scope` is set to 'Cluster'")];
  }
  return [
    ...errors,
    ...(namespace === undefined
      ? [required(at, "`parameters.scope` is set to 'Namespace'")]
      : invalidValues(at, namespace, dns1123Label(namespace))),
  ];
}
