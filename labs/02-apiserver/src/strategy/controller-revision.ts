// controller-revision: the strategy of controller revisions, which keep what a stateful or daemon set looked like before.
//
// Same rules upstream: pkg/apis/apps/validation (ValidateControllerRevision, ValidateControllerRevisionUpdate).

import type { ControllerRevision } from 'kubernetes-types/apps/v1';
import { required } from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { nonNegative } from './probes.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

export const controllerRevisionStrategy: Strategy = defineStrategy<ControllerRevision>({
  metadata: { name: dns1123Subdomain },
  hasStatus: false,
  validate: ({ data, revision }) => [
    ...(data === undefined || data === null ? [required('data', 'data is mandatory')] : []),
    ...nonNegative(revision ?? 0, 'revision'),
  ],
  validateUpdate: (revision, old) => validateImmutable(revision.data, old.data, 'data'),
});
