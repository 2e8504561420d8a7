// pod-spec: the rules for a pod's spec, whether in a pod or in a template of pods.
//
// Same rules upstream: pkg/apis/core/validation (ValidatePodSpec, ValidatePodTemplateSpec).
// Left out: scheduling gates, resource claims, overhead, Windows.

import { isIP } from 'node:net';
import { oneOf, validateContainers } from './containers.ts';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  required,
} from './field-error.ts';
import { dns1123Label, dns1123Subdomain, inclusiveRange } from './name-rules.ts';
import { validateAnnotations, validateLabels } from './object-meta.ts';
import type { PodSpec, PodTemplateSpec } from './pod-types.ts';
import { validateScheduling } from './scheduling-rules.ts';
import { validatePodSecurityContext } from './security-context.ts';
import { validateVolumes } from './volumes.ts';

const INT32_MAX = 2 ** 31 - 1;
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'] as const;
const NAMESERVERS_MAX = 3;
const SEARCHES_MAX = 32;
const SEARCH_CHARS_MAX = 2048;
export const IP_MESSAGE = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

export function validatePodSpec(spec: PodSpec | undefined, field: string): FieldError[] {
  const pod: PodSpec = spec ?? { containers: [] };
  return [
    ...validateVolumes(pod, `${field}.volumes`),
    ...validateContainers(pod, field),
    ...oneOf(pod.restartPolicy, `${field}.restartPolicy`, ['Always', 'OnFailure', 'Never']),
    ...oneOf(pod.dnsPolicy, `${field}.dnsPolicy`, DNS_POLICIES),
    ...validateLabels(pod.nodeSelector, `${field}.nodeSelector`),
    ...validatePodSecurityContext(pod.securityContext, `${field}.securityContext`),
    ...validateScheduling(pod, field),
    ...validateDnsConfig(pod, `${field}.dnsConfig`),
    ...subdomainErrors(pod.serviceAccountName, `${field}.serviceAccountName`),
    ...subdomainErrors(pod.nodeName, `${field}.nodeName`),
    ...deadlineErrors(pod.activeDeadlineSeconds, `${field}.activeDeadlineSeconds`),
    ...labelErrors(pod.hostname, `${field}.hostname`),
    ...labelErrors(pod.subdomain, `${field}.subdomain`),
    ...validateHostAliases(pod, `${field}.hostAliases`),
    ...subdomainErrors(pod.priorityClassName, `${field}.priorityClassName`),
    ...graceErrors(pod.terminationGracePeriodSeconds, `${field}.terminationGracePeriodSeconds`),
  ];
}

function subdomainErrors(value: string | undefined, field: string): FieldError[] {
  return value ? invalidValues(field, value, dns1123Subdomain(value)) : [];
}

function labelErrors(value: string | undefined, field: string): FieldError[] {
  return value ? invalidValues(field, value, dns1123Label(value)) : [];
}

function deadlineErrors(seconds: number | undefined, field: string): FieldError[] {
  if (seconds === undefined || (seconds >= 1 && seconds <= INT32_MAX)) return [];
  return [invalidValue(field, seconds, inclusiveRange(1, INT32_MAX))];
}

function graceErrors(seconds: number | undefined, field: string): FieldError[] {
  if (seconds === undefined || seconds >= 0) return [];
  return [invalidValue(field, seconds, 'must be greater than or equal to 0')];
}

function validateDnsConfig({ dnsConfig, dnsPolicy }: PodSpec, field: string): FieldError[] {
  const nameservers = dnsConfig?.nameservers ?? [];
  if (dnsPolicy === 'None') {
    if (dnsConfig === undefined) {
      return [required(field, 'must provide `dnsConfig` when `dnsPolicy` is None')];
    }
    if (nameservers.length === 0) {
      const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
      return [required(`${field}.nameservers`, detail)];
    }
  }
  const errors: FieldError[] = [];
  if (nameservers.length > NAMESERVERS_MAX) {
    const detail = `must not have more than ${NAMESERVERS_MAX} nameservers`;
    errors.push(invalidValue(`${field}.nameservers`, nameservers, detail));
  }
  nameservers.forEach((address, index) => {
    if (isIP(address) === 0) {
      errors.push(invalidValue(`${field}.nameservers[${index}]`, address, IP_MESSAGE));
    }
  });
  return [...errors, ...searchErrors(dnsConfig?.searches ?? [], `${field}.searches`)];
}

function searchErrors(searches: readonly string[], field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (searches.length > SEARCHES_MAX) {
    const detail = `must not have more than ${SEARCHES_MAX} search paths`;
    errors.push(invalidValue(field, searches, detail));
  }
  if (searches.join(' ').length > SEARCH_CHARS_MAX) {
    const detail = `must not have more than ${SEARCH_CHARS_MAX} characters (including spaces) in the search list`;
    errors.push(invalidValue(field, searches, detail));
  }
  searches.forEach((search, index) => {
    const name = search.replace(/\.$/, '');
    errors.push(...invalidValues(`${field}[${index}]`, name, dns1123Subdomain(name)));
  });
  return errors;
}

function validateHostAliases({ hostAliases = [] }: PodSpec, field: string): FieldError[] {
  return hostAliases.flatMap(({ ip = '', hostnames = [] }, index) => [
    ...(isIP(ip) === 0 ? [invalidValue(`${field}[${index}].ip`, ip, IP_MESSAGE)] : []),
    ...hostnames.flatMap((name, position) =>
      invalidValues(`${field}[${index}].hostnames[${position}]`, name, dns1123Subdomain(name)),
    ),
  ]);
}

/** A template's pods have no name yet; what its controller asks of restartPolicy is the controller's own rule. */
export function validatePodTemplate(
  template: PodTemplateSpec | undefined,
  field: string,
): FieldError[] {
  const { labels, annotations } = template?.metadata ?? {};
  const ephemeral = template?.spec?.ephemeralContainers ?? [];
  return [
    ...validateLabels(labels, `${field}.labels`),
    ...validateAnnotations(annotations, `${field}.annotations`),
    ...validatePodSpec(template?.spec, `${field}.spec`),
    ...(ephemeral.length > 0
      ? [
          forbiddenField(
            `${field}.spec.ephemeralContainers`,
            'ephemeral containers not allowed in pod template',
          ),
        ]
      : []),
  ];
}
