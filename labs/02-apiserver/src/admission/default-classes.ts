// DefaultStorageClass and DefaultIngressClass: a claim, or an ingress, that names no class gets the cluster's default.
//
// The default is the class with an annotation that says so; the youngest of several.
// Same rules upstream: plugin/pkg/admission/storage/storageclass/setdefault and plugin/pkg/admission/network/defaultingressclass.

import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { Ingress } from 'kubernetes-types/networking/v1';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { AdmissionPlugin } from './admission.ts';
import { cachedObjects, type Lookup } from './lookup.ts';

const STORAGE = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const INGRESS = ['ingressclass.kubernetes.io/is-default-class'];
const CLAIM_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const INGRESS_ANNOTATION = 'kubernetes.io/ingress.class';

export function defaultStorageClass({ table }: Lookup): AdmissionPlugin {
  return {
    name: 'DefaultStorageClass',
    async mutate({ operation, definition, subresource, object }) {
      const isClaim = definition.group === '' && definition.kind === 'PersistentVolumeClaim';
      if (!isClaim || operation !== 'CREATE' || subresource !== undefined) return;
      const { spec, metadata } = object as PersistentVolumeClaim;
      // An empty name is a name: it asks for a volume without a class.
      if (spec === undefined || spec.storageClassName !== undefined) return;
      if (metadata?.annotations?.[CLAIM_ANNOTATION] !== undefined) return;
      const classes = await cachedObjects(table.registry('storage.k8s.io', 'storageclasses'));
      const name = defaultOf(classes, STORAGE);
      if (name !== undefined) spec.storageClassName = name;
    },
  };
}

export function defaultIngressClass({ table }: Lookup): AdmissionPlugin {
  return {
    name: 'DefaultIngressClass',
    async mutate({ operation, definition, subresource, object }) {
      const isIngress = definition.group === 'networking.k8s.io' && definition.kind === 'Ingress';
      if (!isIngress || operation !== 'CREATE' || subresource !== undefined) return;
      const ingress = object as Ingress;
      if (ingress.spec?.ingressClassName !== undefined) return;
      if (ingress.metadata?.annotations?.[INGRESS_ANNOTATION] !== undefined) return;
      const classes = await cachedObjects(table.registry('networking.k8s.io', 'ingressclasses'));
      const name = defaultOf(classes, INGRESS);
      if (name !== undefined) ingress.spec = { ...ingress.spec, ingressClassName: name };
    },
  };
}

/** Two defaults are a mistake, but a cluster in the middle of changing from one to the other works on. */
function defaultOf(
  classes: readonly ReadonlyApiObject[],
  annotations: readonly string[],
): string | undefined {
  const marked = classes.filter(({ metadata }) =>
    annotations.some((key) => metadata.annotations?.[key] === 'true'),
  );
  const age = ({ metadata }: ReadonlyApiObject) => metadata.creationTimestamp ?? '';
  const name = ({ metadata }: ReadonlyApiObject) => metadata.name ?? '';
  const [youngest] = marked.sort(
    (a, b) => age(b).localeCompare(age(a)) || (name(a) < name(b) ? -1 : 1),
  );
  return youngest?.metadata.name;
}
