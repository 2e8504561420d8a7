// volume-attachment: the strategy of volume attachments: a wish to have a volume at a node, and what became of it.
//
// Same rules upstream: pkg/apis/storage/validation (ValidateVolumeAttachment, ValidateVolumeAttachmentUpdate).

import type { VolumeAttachment } from 'kubernetes-types/storage/v1';
import { validateCsiDriverName } from './domain-rules.ts';
import {
  type FieldError,
  forbiddenField,
  invalidValues,
  required,
  tooLong,
} from './field-error.ts';
import { dns1123Subdomain } from './name-rules.ts';
import { validateImmutable } from './object-meta.ts';
import { defineStrategy, type Strategy } from './strategy.ts';

const METADATA_MAX_BYTES = 256 * 1024;
const MESSAGE_MAX_BYTES = 1024;
const EXACTLY_ONE = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';

export const volumeAttachmentStrategy: Strategy = defineStrategy<VolumeAttachment>({
  metadata: { name: dns1123Subdomain, namespaced: false },
  hasGeneration: false,
  prepareForCreate(attachment) {
    Object.assign(attachment, { status: { attached: false } });
  },
  validate: ({ spec }) => {
    const { attacher = '', source, nodeName = '' } = spec ?? {};
    return [
      ...validateCsiDriverName(attacher, 'spec.attacher'),
      ...validateSource(source, 'spec.source'),
      ...invalidValues('spec.nodeName', nodeName, dns1123Subdomain(nodeName)),
    ];
  },
  validateUpdate: ({ spec }, old) => validateImmutable(spec, old.spec, 'spec'),
  validateStatus: ({ status }) => [
    ...validateMetadata(status?.attachmentMetadata ?? {}, 'status.attachmentMetadata'),
    ...(['attachError', 'detachError'] as const).flatMap((name) =>
      Buffer.byteLength(status?.[name]?.message ?? '') > MESSAGE_MAX_BYTES
        ? [tooLong(`status.${name}.message`, METADATA_MAX_BYTES)]
        : [],
    ),
  ],
});

function validateSource(
  source: NonNullable<VolumeAttachment['spec']>['source'] | undefined,
  field: string,
): FieldError[] {
  const { inlineVolumeSpec, persistentVolumeName: name } = source ?? {};
  if (inlineVolumeSpec === undefined && name === undefined) return [required(field, EXACTLY_ONE)];
  if (inlineVolumeSpec !== undefined && name !== undefined) {
    return [forbiddenField(field, EXACTLY_ONE)];
  }
  if (name === undefined) return [];
  const at = `${field}.persistentVolumeName`;
  return name === ''
    ? [required(at, 'must specify non empty persistentVolumeName')]
    : invalidValues(at, name, dns1123Subdomain(name));
}

function validateMetadata(metadata: Readonly<Record<string, string>>, field: string): FieldError[] {
  const bytes = Object.entries(metadata).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value),
    0,
  );
  return bytes > METADATA_MAX_BYTES ? [tooLong(field, METADATA_MAX_BYTES)] : [];
}
