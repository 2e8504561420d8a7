// secret: the strategy of secrets.
//
// `stringData` is for people: it is written into `data`, in base64, and never stored.
//
// Same rules upstream: pkg/apis/core/v1/defaults.go, ValidateSecret.

import type { Secret } from 'kubernetes-types/core/v1';
import { sameValue } from './equality.ts';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  required,
  tooLong,
} from './field-error.ts';
import { configMapKey, dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { defineStrategy, keep, type Strategy } from './strategy.ts';

export const DATA_MAX_BYTES = 1024 * 1024;
const IMMUTABLE_SET = 'field is immutable when `immutable` is set';
/** Keys that a type of secret must have. */
const REQUIRED_KEYS: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

export const secretStrategy: Strategy = defineStrategy<Secret>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  setDefaults(secret) {
    secret.type ||= 'Opaque';
    if (secret.stringData === undefined) return;
    const encoded = Object.entries(secret.stringData).map(([key, value]) => [
      key,
      Buffer.from(value, 'utf8').toString('base64'),
    ]);
    secret.data = { ...secret.data, ...Object.fromEntries(encoded) };
    delete secret.stringData;
  },
  prepareForUpdate(secret, old) {
    // Clients that leave the type out mean the one that is there.
    if (!secret.type) keep(secret, old, 'type');
  },
  validate(secret) {
    const data = secret.data ?? {};
    const bytes = Object.values(data).reduce((sum, text) => sum + decodedLength(text), 0);
    return [
      ...keyErrors(Object.keys(data), 'data'),
      ...(bytes > DATA_MAX_BYTES ? [tooLong('data', DATA_MAX_BYTES)] : []),
      ...validateType(secret),
    ];
  },
  validateUpdate(secret, old) {
    const errors = validateImmutable(secret.type, old.type, 'type');
    if (old.immutable !== true) return errors;
    if (secret.immutable !== true) errors.push(forbiddenField('immutable', IMMUTABLE_SET));
    if (!sameValue(secret.data, old.data)) errors.push(forbiddenField('data', IMMUTABLE_SET));
    return errors;
  },
});

export function keyErrors(keys: readonly string[], field: string): FieldError[] {
  return keys.flatMap((key) => invalidValues(`${field}[${key}]`, key, configMapKey(key)));
}

export function decodedLength(base64: string): number {
  return Buffer.byteLength(base64, 'base64');
}

function validateType({ type = '', data = {}, metadata }: Secret): FieldError[] {
  const missing = (REQUIRED_KEYS[type] ?? []).filter((key) => data[key] === undefined);
  const errors = missing.map((key) => required(`data[${key}]`));
  if (type === 'kubernetes.io/service-account-token') {
    const name = 'kubernetes.io/service-account.name';
    if (!metadata?.annotations?.[name]) errors.push(required(`metadata.annotations[${name}]`));
  }
  if (type === 'kubernetes.io/basic-auth' && !('username' in data) && !('password' in data)) {
    errors.push(required('data[username]'), required('data[password]'));
  }
  const json = type === 'kubernetes.io/dockercfg' ? '.dockercfg' : '.dockerconfigjson';
  const content = type.startsWith('kubernetes.io/docker') ? data[json] : undefined;
  if (content !== undefined && !isJson(content)) {
    const detail = "invalid character ' ' looking for beginning of value";
    errors.push(invalidValue(`data[${json}]`, '<secret contents redacted>', detail));
  }
  return errors;
}

function isJson(base64: string): boolean {
  try {
    JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
    return true;
  } catch {
    return false;
  }
}
