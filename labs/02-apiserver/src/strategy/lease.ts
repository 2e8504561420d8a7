// lease: the strategy of leases: who leads, and since when.
//
// Same rules upstream: pkg/apis/coordination/validation.

import type { Lease } from 'kubernetes-types/coordination/v1';
import { type FieldError, invalidValue } from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { nonNegative } from './probes.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

export const leaseStrategy: Strategy = defineStrategy<Lease>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  validate({ spec }) {
    const duration = spec?.leaseDurationSeconds;
    const errors: FieldError[] = [];
    if (duration !== undefined && duration <= 0) {
      const detail = 'must be greater than 0';
      errors.push(invalidValue('spec.leaseDurationSeconds', duration, detail));
    }
    return [...errors, ...nonNegative(spec?.leaseTransitions ?? 0, 'spec.leaseTransitions')];
  },
});
