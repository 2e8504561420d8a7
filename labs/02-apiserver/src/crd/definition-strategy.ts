// definition-strategy: defaults, what a client may not set, and validity of CustomResourceDefinitions.
//
// The status belongs to the server: it remembers every version that was ever the stored one, because objects may still lie in the
// store in it. The first request to delete a definition gives it the finalizer that deletes its objects before it.
//
// Same rules upstream: apiextensions-apiserver, pkg/registry/customresourcedefinition (strategy.go, and Delete in etcd.go), and
// pkg/apis/apiextensions/v1/defaults.go.

import type { KubernetesObject } from '../client/resources.ts';
import { metadataOf } from '../registry/api-object.ts';
import { dns1123Subdomain } from '../strategy/name-rules.ts';
import { defineStrategy, type Strategy } from '../strategy/strategy.ts';
import {
  CLEANUP_FINALIZER,
  type CustomResourceDefinition,
  setCondition,
  storageVersionOf,
} from './definition.ts';
import {
  validateDefinition,
  validateDefinitionStatus,
  validateDefinitionUpdate,
} from './definition-rules.ts';

export const customResourceDefinitionStrategy: Strategy = {
  ...defineStrategy<CustomResourceDefinition>({
    metadata: { namespaced: false, name: dns1123Subdomain },
    setDefaults,
    prepareForCreate(definition) {
      // Zero values as Go writes them: the struct is held by value, and its two names are required.
      definition.status = { conditions: [], acceptedNames: { plural: '', kind: '' } };
      rememberStoredVersion(definition);
    },
    prepareForUpdate: rememberStoredVersion,
    validate: validateDefinition,
    validateOnUpdate: validateDefinitionUpdate,
    validateStatus: validateDefinitionStatus,
  }),
  prepareForDeletion,
};

function setDefaults({ spec }: CustomResourceDefinition): void {
  const { names } = spec;
  names.singular ||= names.kind.toLowerCase();
  if (!names.listKind && names.kind !== '') names.listKind = `${names.kind}List`;
  spec.conversion ??= { strategy: 'None' };
  const service = spec.conversion.webhook?.clientConfig?.service;
  if (service !== undefined) service.port ??= 443;
}

function rememberStoredVersion(definition: CustomResourceDefinition): void {
  const name = storageVersionOf(definition.spec)?.name;
  const stored = definition.status?.storedVersions ?? [];
  if (name === undefined || stored.includes(name)) return;
  definition.status = { ...definition.status, storedVersions: [...stored, name] };
}

/** The first request to delete: the objects are to go before the definition, and everybody can see it. */
function prepareForDeletion(object: KubernetesObject, now: string): void {
  const definition = object as CustomResourceDefinition;
  const metadata = metadataOf(object);
  const finalizers = metadata.finalizers ?? [];
  if (!finalizers.includes(CLEANUP_FINALIZER)) {
    metadata.finalizers = [...finalizers, CLEANUP_FINALIZER];
  }
  const pending = {
    type: 'Terminating',
    status: 'True',
    reason: 'InstanceDeletionPending',
    message:
      'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon',
  } as const;
  const conditions = setCondition(definition.status?.conditions ?? [], pending, now);
  definition.status = { ...definition.status, conditions };
}
