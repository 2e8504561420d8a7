// volume-rules: what persistent volumes and the claims for them have in common: modes, classes, sizes.
//
// Same rules upstream: pkg/apis/core/validation (ValidatePersistentVolumeSpec, ValidatePersistentVolumeClaimSpec).

import { nanoOfQuantity } from '../codec/quantity.ts';
import {
  type FieldError,
  forbiddenField,
  invalidValue,
  invalidValues,
  notSupported,
} from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';

const ACCESS_MODES = [
  'ReadOnlyMany',
  'ReadWriteMany',
  'ReadWriteOnce',
  'ReadWriteOncePod',
] as const;
const VOLUME_MODES = ['Block', 'Filesystem'] as const;
/** Whoever has the volume alone cannot share it in another mode. */
const ALONE = 'ReadWriteOncePod';

export function validateAccessModes(modes: readonly string[], field: string): FieldError[] {
  const known = modes.filter((mode) => (ACCESS_MODES as readonly string[]).includes(mode));
  const errors = modes
    .filter((mode) => !known.includes(mode))
    .map((mode) => notSupported(field, mode, ACCESS_MODES));
  if (known.includes(ALONE) && known.some((mode) => mode !== ALONE)) {
    errors.push(forbiddenField(field, `may not use ${ALONE} with other access modes`));
  }
  return errors;
}

export function validateVolumeMode(mode: string | undefined, field: string): FieldError[] {
  if (mode === undefined || (VOLUME_MODES as readonly string[]).includes(mode)) return [];
  return [notSupported(field, mode, VOLUME_MODES)];
}

/** '' and absence both mean a class, of different sorts: neither is a name. */
export function validateClassName(name: string | undefined, field: string): FieldError[] {
  return name ? invalidValues(field, name, dns1123Subdomain(name)) : [];
}

export function validatePositiveQuantity(amount: string, field: string): FieldError[] {
  if (nanoOfQuantity(amount) > 0n) return [];
  return [invalidValue(field, amount, 'must be greater than zero')];
}
