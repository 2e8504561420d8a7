// event: the strategy of events. Both APIs, core/v1 and events.k8s.io/v1, speak of the same stored kind.
//
// Same rules upstream: pkg/apis/core/validation/events.go, its rules for core/v1.

import type { Event } from 'kubernetes-types/core/v1';
import { type FieldError, invalidValue } from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

export const eventStrategy: Strategy = defineStrategy<Event>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  validate({ involvedObject, metadata }) {
    const { namespace = '' } = involvedObject ?? {};
    const own = metadata?.namespace ?? '';
    const field = 'involvedObject.namespace';
    const errors: FieldError[] = [];
    // Events about objects of the whole cluster are kept in the namespace default.
    if (namespace === '' && own !== 'default' && own !== 'kube-system') {
      errors.push(invalidValue(field, namespace, 'does not match event.namespace'));
    } else if (namespace !== '' && namespace !== own) {
      errors.push(invalidValue(field, namespace, 'does not match event.namespace'));
    }
    return errors;
  },
});
