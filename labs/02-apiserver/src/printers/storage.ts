// storage: the columns of volumes, claims and classes, and of what drivers say about themselves.
//
// Same columns upstream: pkg/printers/internalversion/printers.go.

import type { PersistentVolume, PersistentVolumeClaim } from 'kubernetes-types/core/v1';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
} from 'kubernetes-types/storage/v1';
import { AGE_COLUMN, ageOf, type Column, NAME_COLUMN, orNone, type Printer } from './table.ts';

/** Where the class stood before it was a field. */
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';
const DEFAULT_ANNOTATIONS = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];
const SHORT_MODES = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
] as const;
const flag = (name: string): Column => ({ name, type: 'boolean' });
const UNSET = '<unset>';

function modesText(modes: readonly string[] | undefined): string {
  return SHORT_MODES.filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',');
}

export const persistentVolumePrinter: Printer<PersistentVolume> = {
  columns: [
    NAME_COLUMN,
    { name: 'Capacity' },
    { name: 'Access Modes' },
    { name: 'Reclaim Policy' },
    { name: 'Status' },
    { name: 'Claim' },
    { name: 'StorageClass' },
    { name: 'VolumeAttributesClass' },
    { name: 'Reason' },
    AGE_COLUMN,
    { name: 'VolumeMode', wide: true },
  ],
  row: ({ metadata, spec, status }, nowMs) => {
    const claim = spec?.claimRef;
    return [
      metadata?.name ?? '',
      spec?.capacity?.storage ?? '0',
      modesText(spec?.accessModes),
      spec?.persistentVolumeReclaimPolicy ?? '',
      metadata?.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating',
      claim === undefined ? '' : `${claim.namespace ?? ''}/${claim.name ?? ''}`,
      metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? '',
      spec?.volumeAttributesClassName ?? UNSET,
      status?.reason ?? '',
      ageOf(metadata?.creationTimestamp, nowMs),
      spec?.volumeMode ?? UNSET,
    ];
  },
};

export const persistentVolumeClaimPrinter: Printer<PersistentVolumeClaim> = {
  columns: [
    NAME_COLUMN,
    { name: 'Status' },
    { name: 'Volume' },
    { name: 'Capacity' },
    { name: 'Access Modes' },
    { name: 'StorageClass' },
    { name: 'VolumeAttributesClass' },
    AGE_COLUMN,
    { name: 'VolumeMode', wide: true },
  ],
  row: ({ metadata, spec, status }, nowMs) => {
    const isBound = !!spec?.volumeName;
    return [
      metadata?.name ?? '',
      metadata?.deletionTimestamp === undefined ? (status?.phase ?? '') : 'Terminating',
      spec?.volumeName ?? '',
      isBound ? (status?.capacity?.storage ?? '0') : '',
      isBound ? modesText(status?.accessModes) : '',
      metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName ?? '',
      spec?.volumeAttributesClassName ?? UNSET,
      ageOf(metadata?.creationTimestamp, nowMs),
      spec?.volumeMode ?? UNSET,
    ];
  },
};

export const storageClassPrinter: Printer<StorageClass> = {
  columns: [
    NAME_COLUMN,
    { name: 'Provisioner' },
    { name: 'ReclaimPolicy' },
    { name: 'VolumeBindingMode' },
    { name: 'AllowVolumeExpansion' },
    AGE_COLUMN,
  ],
  row: (storageClass, nowMs) => {
    const { name = '', annotations, creationTimestamp } = storageClass.metadata ?? {};
    const isDefault = DEFAULT_ANNOTATIONS.some((key) => annotations?.[key] === 'true');
    return [
      isDefault ? `${name} (default)` : name,
      storageClass.provisioner,
      storageClass.reclaimPolicy ?? 'Delete',
      storageClass.volumeBindingMode ?? 'Immediate',
      storageClass.allowVolumeExpansion ?? false,
      ageOf(creationTimestamp, nowMs),
    ];
  },
};

export const volumeAttachmentPrinter: Printer<VolumeAttachment> = {
  columns: [
    NAME_COLUMN,
    { name: 'Attacher', format: 'name' },
    { name: 'PV' },
    { name: 'Node' },
    flag('Attached'),
    AGE_COLUMN,
  ],
  row: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    spec.attacher,
    spec.source.persistentVolumeName ?? '',
    spec.nodeName,
    status?.attached ?? false,
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

export const csiDriverPrinter: Printer<CSIDriver> = {
  columns: [
    NAME_COLUMN,
    flag('AttachRequired'),
    flag('PodInfoOnMount'),
    flag('StorageCapacity'),
    { name: 'TokenRequests' },
    flag('RequiresRepublish'),
    { name: 'Modes' },
    AGE_COLUMN,
  ],
  row: ({ metadata, spec }, nowMs) => [
    metadata?.name ?? '',
    spec.attachRequired ?? true,
    spec.podInfoOnMount ?? false,
    spec.storageCapacity ?? false,
    spec.tokenRequests?.map(({ audience }) => audience).join(',') ?? UNSET,
    spec.requiresRepublish ?? false,
    orNone(spec.volumeLifecycleModes?.join(',')),
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

export const csiNodePrinter: Printer<CSINode> = {
  columns: [NAME_COLUMN, { name: 'Drivers', type: 'integer' }, AGE_COLUMN],
  row: ({ metadata, spec }, nowMs) => [
    metadata?.name ?? '',
    (spec.drivers ?? []).length,
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

export const csiStorageCapacityPrinter: Printer<CSIStorageCapacity> = {
  columns: [NAME_COLUMN, { name: 'StorageClassName' }, { name: 'Capacity' }],
  row: ({ metadata, storageClassName, capacity }) => [
    metadata?.name ?? '',
    storageClassName,
    capacity ?? UNSET,
  ],
};
