// api-service: defaults, validity and status of APIServices: who answers a group-version.
//
// One without a service is answered by this server itself: it is available from the moment it is made. The others are available when
// the aggregator has reached them (aggregator/controller.ts).
//
// Same rules upstream: kube-aggregator, pkg/apis/apiregistration (validation, v1/defaults.go) and pkg/registry/apiservice/strategy.go.

import type { APIService } from './api-service-types.ts';
import { type FieldError, invalidValue, notSupported, required } from './field-error.ts';
import { dns1035Label, dns1123Subdomain, pathSegment } from './name-rules.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

export const LOCAL_CONDITION = {
  type: 'Available',
  status: 'True',
  reason: 'Local',
  message: 'Local APIServices are always available',
} as const;

const GROUP_PRIORITY_MAX = 20_000;
const VERSION_PRIORITY_MAX = 1000;
const STATUSES = ['True', 'False', 'Unknown'];

export const apiServiceStrategy: Strategy = defineStrategy<APIService>({
  metadata: { namespaced: false, name: pathSegment },
  hasGeneration: false,
  setDefaults({ spec }) {
    if (spec?.service !== undefined) spec.service.port ??= 443;
  },
  prepareForCreate(object) {
    const lastTransitionTime = object.metadata?.creationTimestamp;
    const condition =
      lastTransitionTime === undefined
        ? LOCAL_CONDITION
        : { lastTransitionTime, ...LOCAL_CONDITION };
    object.status = object.spec?.service === undefined ? { conditions: [condition] } : {};
  },
  validate: validateApiService,
  validateStatus: ({ status }) =>
    (status?.conditions ?? []).flatMap((condition, index) =>
      STATUSES.includes(condition.status)
        ? []
        : [notSupported(`status.conditions[${index}].status`, condition.status, STATUSES)],
    ),
});

function validateApiService({ metadata, spec }: APIService): FieldError[] {
  const { group = '', version = '', service } = spec ?? {};
  const wanted = `${version}.${group}`;
  const errors: FieldError[] = [];
  if (metadata?.name !== wanted && pathSegment(metadata?.name ?? '').length === 0) {
    const detail = `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`;
    errors.push(invalidValue('metadata.name', metadata?.name, detail));
  }
  if (group === '' && version !== 'v1') {
    const detail = 'only v1 may have an empty group and it better be legacy kube';
    errors.push(required('spec.group', detail));
  }
  for (const text of group === '' ? [] : dns1123Subdomain(group)) {
    errors.push(invalidValue('spec.group', group, text));
  }
  for (const text of dns1035Label(version)) {
    errors.push(invalidValue('spec.version', version, text));
  }
  return [
    ...errors,
    ...priorityErrors(spec),
    ...(service === undefined ? localErrors(spec) : remoteErrors(spec)),
  ];
}

function priorityErrors(spec: APIService['spec']): FieldError[] {
  const { groupPriorityMinimum = 0, versionPriority = 0 } = spec ?? {};
  const check = (field: string, value: number, max: number): FieldError[] =>
    value > 0 && value <= max
      ? []
      : [invalidValue(`spec.${field}`, value, `must be positive and less than ${max}`)];
  return [
    ...check('groupPriorityMinimum', groupPriorityMinimum, GROUP_PRIORITY_MAX),
    ...check('versionPriority', versionPriority, VERSION_PRIORITY_MAX),
  ];
}

function localErrors(spec: APIService['spec']): FieldError[] {
  const { caBundle = '', insecureSkipTLSVerify = false } = spec ?? {};
  const lead = 'local APIServices may not have';
  const bytes = Buffer.from(caBundle, 'base64').length;
  return [
    ...(bytes > 0 ? [invalidValue('spec.caBundle', `${bytes} bytes`, `${lead} a caBundle`)] : []),
    ...(insecureSkipTLSVerify
      ? [invalidValue('spec.insecureSkipTLSVerify', true, `${lead} insecureSkipTLSVerify`)]
      : []),
  ];
}

function remoteErrors(spec: APIService['spec']): FieldError[] {
  const { service, caBundle = '', insecureSkipTLSVerify = false } = spec ?? {};
  const field = 'spec.insecureSkipTLSVerify';
  return [
    ...(service?.namespace ? [] : [required('spec.service.namespace')]),
    ...(service?.name ? [] : [required('spec.service.name')]),
    ...(insecureSkipTLSVerify && caBundle !== ''
      ? [invalidValue(field, true, 'may not be true if caBundle is present')]
      : []),
  ];
}
