// namespace: the strategy of namespaces.
//
// The finalizer `kubernetes` keeps a deleted namespace until its contents are gone. It is in the spec, and only the finalize
// subresource takes it away.
//
// Same rules upstream: pkg/registry/core/namespace/strategy.go, ValidateNamespace.

import type { Namespace } from 'kubernetes-types/core/v1';
import { invalidValue, invalidValues } from './field-error.ts';
import { dns1123Label, qualifiedName } from './name-rules.ts';
import { defineStrategy, keep, type Strategy } from './strategy.ts';

const FINALIZER = 'kubernetes';
const NAME_LABEL = 'kubernetes.io/metadata.name';

export const namespaceStrategy: Strategy = defineStrategy<Namespace>({
  metadata: { name: dns1123Label, namespaced: false },
  hasGeneration: false,
  setDefaults(namespace) {
    const { name = '', labels } = namespace.metadata ?? {};
    // A generated name is not known yet; the label comes with prepareForCreate() then.
    if (name === '') return;
    namespace.metadata = { ...namespace.metadata, labels: { ...labels, [NAME_LABEL]: name } };
  },
  prepareForCreate(namespace) {
    const finalizers = namespace.spec?.finalizers ?? [];
    namespace.spec ??= {};
    namespace.spec.finalizers = finalizers.includes(FINALIZER)
      ? finalizers
      : [...finalizers, FINALIZER];
    Object.assign(namespace, { status: { phase: 'Active' } });
    const { name = '', labels } = namespace.metadata ?? {};
    namespace.metadata = { ...namespace.metadata, labels: { ...labels, [NAME_LABEL]: name } };
  },
  prepareForUpdate(namespace, old) {
    keep(namespace, old, 'spec');
  },
  validate: ({ spec }) =>
    (spec?.finalizers ?? []).flatMap((name, index) =>
      invalidValues(`spec.finalizers[${index}]`, name, qualifiedName(name)),
    ),
  validateStatus({ metadata, status }) {
    const isGoing = metadata?.deletionTimestamp !== undefined;
    const wanted = isGoing ? 'Terminating' : 'Active';
    const phase = status?.phase ?? '';
    if (phase === wanted) return [];
    const when = isGoing ? 'is not empty' : 'is empty';
    const detail = `may only be '${wanted}' if \`deletionTimestamp\` ${when}`;
    return [invalidValue('status.Phase', phase, detail)];
  },
});
