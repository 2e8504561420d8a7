// PersistentVolumeClaimResize: a claim may only grow when its storage class can make volumes grow.
//
// Same rule and sentences upstream: plugin/pkg/admission/storage/persistentvolume/resize.

import type { PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type { StorageClass } from 'kubernetes-types/storage/v1';
import { nanoOfQuantity } from '../codec/quantity.ts';
import { type AdmissionPlugin, denied } from './admission.ts';
import { findObject, type Lookup } from './lookup.ts';

const CLAIM_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

export function claimResize({ table }: Lookup): AdmissionPlugin {
  return {
    name: 'PersistentVolumeClaimResize',
    async validate(request) {
      const { operation, definition, subresource, object, old } = request;
      const isClaim = definition.group === '' && definition.kind === 'PersistentVolumeClaim';
      if (!isClaim || operation !== 'UPDATE' || subresource !== undefined) return;
      const before = old as unknown as PersistentVolumeClaim;
      if (sizeOf(object as PersistentVolumeClaim) <= sizeOf(before)) return;
      // Before it is bound there is no volume that could grow.
      if (before.status?.phase !== 'Bound') {
        throw denied(request, 'Only bound persistent volume claims can be expanded');
      }
      const { metadata, spec } = object as PersistentVolumeClaim;
      // The annotation is from before the field, and goes before it.
      const name = metadata?.annotations?.[CLAIM_ANNOTATION] ?? spec?.storageClassName ?? '';
      const classes = table.registry('storage.k8s.io', 'storageclasses');
      const found = name === '' ? undefined : await findObject(classes, { name });
      if ((found as unknown as StorageClass | undefined)?.allowVolumeExpansion === true) return;
      throw denied(
        request,
        'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
      );
    },
  };
}

function sizeOf({ spec }: PersistentVolumeClaim): bigint {
  return nanoOfQuantity(spec?.resources?.requests?.storage ?? '0');
}
