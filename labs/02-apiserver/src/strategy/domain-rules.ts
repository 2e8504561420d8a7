// domain-rules: names that stand under a DNS domain: of drivers, controllers, signers, webhooks, hosts with a wildcard.
//
// Same rules upstream: apimachinery, pkg/util/validation (IsDomainPrefixedPath, IsFullyQualifiedName,
// IsWildcardDNS1123Subdomain) and pkg/apis/core/validation (ValidateCSIDriverName, ValidateSignerName).

import { type FieldError, invalidValue, invalidValues, required, tooLong } from './field-error.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  type NameRule,
  qualifiedName,
  regexMessage,
} from './name-rules.ts';

const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const SUBDOMAIN = '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*';
const WILDCARD = `\\*\\.${SUBDOMAIN}`;
const CSI_DRIVER_NAME_MAX_BYTES = 63;
const SEGMENTS_MIN = 3;
const SIGNER_NAME_MAX_BYTES = 571;
const WILDCARD_WORDS =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
const httpPathPattern = new RegExp(`^${HTTP_PATH}$`);
const wildcardPattern = new RegExp(`^${WILDCARD}$`);

export const wildcardSubdomain: NameRule = (value) =>
  wildcardPattern.test(value) ? [] : [regexMessage(WILDCARD_WORDS, WILDCARD, '*.example.com')];

/** `acme.io/foo`: a domain and a path of its own. */
export function validateDomainPrefixedPath(value: string, field: string): FieldError[] {
  if (value === '') return [required(field)];
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1) {
    const detail = 'must be a domain-prefixed path (such as "acme.io/foo")';
    return [invalidValue(field, value, detail)];
  }
  const host = value.slice(0, slash);
  const path = value.slice(slash + 1);
  return [
    ...invalidValues(field, host, dns1123Subdomain(host)),
    ...(httpPathPattern.test(path)
      ? []
      : [invalidValue(field, path, regexMessage('Invalid path', HTTP_PATH))]),
  ];
}

/** A domain deep enough to belong to somebody: `hook.example.com`. */
export function validateFullyQualifiedName(name: string, field: string): FieldError[] {
  if (name === '') return [required(field)];
  const messages = dns1123Subdomain(name);
  if (messages.length > 0) return [invalidValue(field, name, messages.join(','))];
  if (name.split('.').length >= SEGMENTS_MIN) return [];
  const detail = 'should be a domain with at least three segments separated by dots';
  return [invalidValue(field, name, detail)];
}

export function validateCsiDriverName(name: string, field: string): FieldError[] {
  if (name === '') return [required(field)];
  return [
    ...(Buffer.byteLength(name) > CSI_DRIVER_NAME_MAX_BYTES
      ? [tooLong(field, CSI_DRIVER_NAME_MAX_BYTES)]
      : []),
    ...invalidValues(field, name, dns1123Subdomain(name.toLowerCase())),
  ];
}

/** `example.com/signer`: who is asked to sign a certificate. */
export function validateSignerName(name: string, field: string): FieldError[] {
  if (name === '') return [required(field)];
  const segments = name.split('/');
  const [domain = '', path = ''] = segments;
  if (segments.length !== 2) {
    const detail =
      "must be a fully qualified domain and path of the form 'example.com/signer-name'";
    return [invalidValue(field, name, detail)];
  }
  const errors = labelErrors(domain, dns1123Label, field);
  if (!domain.includes('.')) {
    const detail = 'should be a domain with at least two segments separated by dots';
    errors.push(invalidValue(field, domain, detail));
  }
  errors.push(...labelErrors(path, dns1123Subdomain, field));
  if (name.length > SIGNER_NAME_MAX_BYTES) errors.push(tooLong(field, SIGNER_NAME_MAX_BYTES));
  return errors;
}

/** The first label that breaks the rule stands for all of them. */
function labelErrors(text: string, rule: NameRule, field: string): FieldError[] {
  for (const label of text.split('.')) {
    const messages = rule(label).map(
      (message) => `validating label ${JSON.stringify(label)}: ${message}`,
    );
    if (messages.length > 0) return invalidValues(field, text, messages);
  }
  return [];
}

export function validateQualifiedName(name: string, field: string): FieldError[] {
  return invalidValues(field, name, qualifiedName(name));
}
