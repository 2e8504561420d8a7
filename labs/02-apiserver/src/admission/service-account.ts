// ServiceAccount: every pod has an identity, `default` when it names none.
//
// Same rule upstream: plugin/pkg/admission/serviceaccount.
// Left out in this step: refusing accounts that do not exist, and mounting their tokens; there are no tokens yet.

import type { Pod } from 'kubernetes-types/core/v1';
import type { AdmissionPlugin } from './admission.ts';

export const serviceAccount: AdmissionPlugin = {
  name: 'ServiceAccount',
  mutate({ operation, definition, subresource, object }) {
    if (definition.kind !== 'Pod' || operation !== 'CREATE' || subresource !== undefined) return;
    const { spec } = object as Pod;
    if (spec === undefined) return;
    if ((spec.serviceAccountName ?? '') === '') spec.serviceAccountName = 'default';
    // The name of 1.1, which clients of then still read.
    if (spec.serviceAccountName !== undefined) spec.serviceAccount = spec.serviceAccountName;
  },
};
