// service-account: the strategy of service accounts. They are little more than a name.
//
// Same rules upstream: ValidateServiceAccount.

import type { ServiceAccount } from 'kubernetes-types/core/v1';
import { dns1123Subdomain } from './name-rules.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

export const serviceAccountStrategy: Strategy = defineStrategy<ServiceAccount>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
});
