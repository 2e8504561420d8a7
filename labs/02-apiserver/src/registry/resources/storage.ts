// storage: the resources of the group storage.k8s.io: where volumes come from.
//
// Same facts upstream: registry/storage/rest/storage_storage.go.

import {
  csiDriverPrinter,
  csiNodePrinter,
  csiStorageCapacityPrinter,
  storageClassPrinter,
  volumeAttachmentPrinter,
} from '../../printers/storage.ts';
import {
  csiDriverStrategy,
  csiNodeStrategy,
  csiStorageCapacityStrategy,
} from '../../strategy/csi.ts';
import { storageClassStrategy } from '../../strategy/storage-class.ts';
import { volumeAttachmentStrategy } from '../../strategy/volume-attachment.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define, status } from './define.ts';

const group = 'storage.k8s.io';

export const STORAGE_RESOURCES: readonly ResourceDefinition[] = [
  define('CSIDriver', 'csidrivers', {
    group,
    namespaced: false,
    strategy: csiDriverStrategy,
    printer: csiDriverPrinter,
    unconditionalUpdate: false,
  }),
  define('CSINode', 'csinodes', {
    group,
    namespaced: false,
    strategy: csiNodeStrategy,
    printer: csiNodePrinter,
    unconditionalUpdate: false,
  }),
  define('CSIStorageCapacity', 'csistoragecapacities', {
    group,
    strategy: csiStorageCapacityStrategy,
    printer: csiStorageCapacityPrinter,
  }),
  define('StorageClass', 'storageclasses', {
    group,
    namespaced: false,
    shortNames: ['sc'],
    strategy: storageClassStrategy,
    printer: storageClassPrinter,
  }),
  define('VolumeAttachment', 'volumeattachments', {
    group,
    namespaced: false,
    strategy: volumeAttachmentStrategy,
    printer: volumeAttachmentPrinter,
    unconditionalUpdate: false,
    subresources: [status('VolumeAttachment')],
  }),
];
