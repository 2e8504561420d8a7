// configuration: the columns of what configures the cluster itself: webhooks, runtimes, fairness, certificates, components.
//
// Same columns upstream: pkg/printers/internalversion/printers.go.

import type {
  MutatingWebhookConfiguration,
  ValidatingWebhookConfiguration,
} from 'kubernetes-types/admissionregistration/v1';
import type { CertificateSigningRequest } from 'kubernetes-types/certificates/v1';
import type { ComponentStatus } from 'kubernetes-types/core/v1';
import type { FlowSchema, PriorityLevelConfiguration } from 'kubernetes-types/flowcontrol/v1';
import type { RuntimeClass } from 'kubernetes-types/node/v1';
import { AGE_COLUMN, ageOf, humanDuration, NAME_COLUMN, type Printer } from './table.ts';

const SECOND_MS = 1000;

export const webhookConfigurationPrinter: Printer<
  ValidatingWebhookConfiguration | MutatingWebhookConfiguration
> = {
  columns: [NAME_COLUMN, { name: 'Webhooks', type: 'integer' }, AGE_COLUMN],
  row: ({ metadata, webhooks = [] }, nowMs) => [
    metadata?.name ?? '',
    webhooks.length,
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

export const runtimeClassPrinter: Printer<RuntimeClass> = {
  columns: [NAME_COLUMN, { name: 'Handler' }, AGE_COLUMN],
  row: ({ metadata, handler }, nowMs) => [
    metadata?.name ?? '',
    handler,
    ageOf(metadata?.creationTimestamp, nowMs),
  ],
};

export const flowSchemaPrinter: Printer<FlowSchema> = {
  columns: [
    NAME_COLUMN,
    { name: 'PriorityLevel' },
    { name: 'MatchingPrecedence' },
    { name: 'DistinguisherMethod' },
    AGE_COLUMN,
    { name: 'MissingPL' },
  ],
  row: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    spec?.priorityLevelConfiguration.name ?? '',
    spec?.matchingPrecedence ?? 0,
    spec?.distinguisherMethod?.type ?? '<none>',
    ageOf(metadata?.creationTimestamp, nowMs),
    status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
  ],
};

export const priorityLevelConfigurationPrinter: Printer<PriorityLevelConfiguration> = {
  columns: [
    NAME_COLUMN,
    { name: 'Type' },
    { name: 'NominalConcurrencyShares' },
    { name: 'Queues' },
    { name: 'HandSize' },
    { name: 'QueueLengthLimit' },
    AGE_COLUMN,
  ],
  row: ({ metadata, spec }, nowMs) => {
    const queuing = spec?.limited?.limitResponse?.queuing;
    return [
      metadata?.name ?? '',
      spec?.type ?? '',
      spec?.limited?.nominalConcurrencyShares ?? '<none>',
      queuing?.queues ?? '<none>',
      queuing?.handSize ?? '<none>',
      queuing?.queueLengthLimit ?? '<none>',
      ageOf(metadata?.creationTimestamp, nowMs),
    ];
  },
};

export const certificateSigningRequestPrinter: Printer<CertificateSigningRequest> = {
  columns: [
    NAME_COLUMN,
    AGE_COLUMN,
    { name: 'SignerName' },
    { name: 'Requestor' },
    { name: 'RequestedDuration' },
    { name: 'Condition' },
  ],
  row: ({ metadata, spec, status }, nowMs) => [
    metadata?.name ?? '',
    ageOf(metadata?.creationTimestamp, nowMs),
    spec.signerName || '<none>',
    spec.username ?? '',
    spec.expirationSeconds === undefined
      ? '<none>'
      : humanDuration(spec.expirationSeconds * SECOND_MS),
    certificateText(status),
  ],
};

function certificateText(status: CertificateSigningRequest['status']): string {
  const has = (type: string): boolean =>
    (status?.conditions ?? []).some((condition) => condition.type === type);
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  const failed = has('Failed') ? ',Failed' : '';
  return decision + failed + (status?.certificate ? ',Issued' : '');
}

export const componentStatusPrinter: Printer<ComponentStatus> = {
  columns: [NAME_COLUMN, { name: 'Status' }, { name: 'Message' }, { name: 'Error' }],
  row: ({ metadata, conditions = [] }) => {
    const healthy = conditions.find(({ type }) => type === 'Healthy');
    const status = healthy?.status === 'True' ? 'Healthy' : 'Unhealthy';
    return [
      metadata?.name ?? '',
      healthy === undefined ? 'Unknown' : status,
      healthy?.message ?? '',
      healthy?.error ?? '',
    ];
  },
};
