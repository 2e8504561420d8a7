// The rows that `kubectl get` prints of the kinds of these groups. What is behind the bar is for -o wide.

import { expect, test } from 'vitest';
import {
  controllerRevisionPrinter,
  podTemplatePrinter,
  statefulSetPrinter,
} from '../../src/printers/apps.ts';
import { horizontalPodAutoscalerPrinter } from '../../src/printers/autoscaling.ts';
import { cronJobPrinter, jobPrinter } from '../../src/printers/batch.ts';
import {
  certificateSigningRequestPrinter,
  flowSchemaPrinter,
  priorityLevelConfigurationPrinter,
  runtimeClassPrinter,
  webhookConfigurationPrinter,
} from '../../src/printers/configuration.ts';
import {
  ingressClassPrinter,
  ingressPrinter,
  networkPolicyPrinter,
} from '../../src/printers/networking.ts';
import {
  podDisruptionBudgetPrinter,
  priorityClassPrinter,
  resourceQuotaPrinter,
} from '../../src/printers/policy.ts';
import {
  csiDriverPrinter,
  csiNodePrinter,
  csiStorageCapacityPrinter,
  persistentVolumeClaimPrinter,
  persistentVolumePrinter,
  storageClassPrinter,
  volumeAttachmentPrinter,
} from '../../src/printers/storage.ts';
import type { Printer } from '../../src/printers/table.ts';

const NOW = '2026-01-01T01:00:00Z';
const metadata = { name: 'x', namespace: 'default', creationTimestamp: '2026-01-01T00:55:00Z' };
const podSpec = { containers: [{ name: 'c', image: 'nginx:1' }] };
const template = { metadata: { labels: { app: 'a' } }, spec: podSpec };
const selector = { matchLabels: { app: 'a' } };
const condition = (type: string) => ({ type, status: 'True' });

function rowOf(printer: object, object: object): string {
  const { columns, row } = printer as Printer<object>;
  const cells = row({ metadata, ...object }, Date.parse(NOW));
  expect(cells).toHaveLength(columns.length);
  const isWide = (index: number) => columns[index]?.wide === true;
  const shown = cells.filter((_cell, index) => !isWide(index)).join(' ');
  const wide = cells.filter((_cell, index) => isWide(index)).join(' ');
  return wide === '' ? shown : `${shown} | ${wide}`;
}

const utilization = (name: string, percent: number) => ({
  type: 'Resource',
  resource: { name, target: { type: 'Utilization', averageUtilization: percent } },
});
const autoscaler = {
  scaleTargetRef: { kind: 'Deployment', name: 'web' },
  minReplicas: 2,
  maxReplicas: 5,
};

test.each<[name: string, printer: object, object: object, row: string]>([
  [
    'stateful set',
    statefulSetPrinter,
    { spec: { replicas: 3, template }, status: { readyReplicas: 1 } },
    'x 1/3 5m | c nginx:1',
  ],
  [
    'controller revision',
    controllerRevisionPrinter,
    {
      metadata: {
        ...metadata,
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'web', controller: true },
        ],
      },
      revision: 2,
    },
    'x statefulset.apps/web 2 5m',
  ],
  ['pod template', podTemplatePrinter, { template }, 'x c nginx:1 app=a'],
  [
    'job that runs',
    jobPrinter,
    {
      spec: { completions: 3, parallelism: 1, selector, template },
      status: { succeeded: 1, startTime: '2026-01-01T00:58:30Z' },
    },
    'x Running 1/3 90s 5m | c nginx:1 app=a',
  ],
  [
    'job that is done',
    jobPrinter,
    {
      spec: { parallelism: 3, template },
      status: {
        succeeded: 3,
        startTime: '2026-01-01T00:55:00Z',
        completionTime: '2026-01-01T00:57:00Z',
        conditions: [condition('Complete')],
      },
    },
    'x Complete 3/1 of 3 2m 5m | c nginx:1 <none>',
  ],
  [
    'cron job',
    cronJobPrinter,
    {
      spec: { schedule: '* * * * *', suspend: false, jobTemplate: { spec: { template } } },
      status: { lastScheduleTime: '2026-01-01T00:59:00Z', active: [{}] },
    },
    'x * * * * * <none> False 1 60s 5m | c nginx:1 <none>',
  ],
  [
    'autoscaler before its first look',
    horizontalPodAutoscalerPrinter,
    { spec: { ...autoscaler, metrics: [utilization('cpu', 60)] }, status: { desiredReplicas: 0 } },
    'x Deployment/web cpu: <unknown>/60% 2 5 0 5m',
  ],
  [
    'autoscaler',
    horizontalPodAutoscalerPrinter,
    {
      spec: { ...autoscaler, metrics: [utilization('cpu', 60), utilization('memory', 70)] },
      status: {
        currentReplicas: 3,
        desiredReplicas: 3,
        currentMetrics: [
          { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 40 } } },
        ],
      },
    },
    'x Deployment/web cpu: 40%/60%, memory: <unknown>/70% 2 5 3 5m',
  ],
  [
    'ingress',
    ingressPrinter,
    {
      spec: {
        ingressClassName: 'nginx',
        rules: [{ host: 'a.example' }, { host: 'b.example' }],
        tls: [{}],
      },
      status: { loadBalancer: { ingress: [{ ip: '10.0.0.1' }, { hostname: 'lb' }] } },
    },
    'x nginx a.example,b.example 10.0.0.1,lb 80, 443 5m',
  ],
  ['ingress without anything', ingressPrinter, { spec: {} }, 'x <none> *  80 5m'],
  [
    'ingress class',
    ingressClassPrinter,
    { spec: { controller: 'c', parameters: { apiGroup: 'g', kind: 'K', name: 'n' } } },
    'x c K.g/n 5m',
  ],
  ['network policy', networkPolicyPrinter, { spec: { podSelector: selector } }, 'x app=a 5m'],
  [
    'disruption budget',
    podDisruptionBudgetPrinter,
    { spec: { minAvailable: '50%' }, status: { disruptionsAllowed: 1 } },
    'x 50% N/A 1 5m',
  ],
  [
    'quota',
    resourceQuotaPrinter,
    {
      status: {
        hard: { pods: '3', 'requests.cpu': '2', 'limits.cpu': '4' },
        used: { pods: '1', 'requests.cpu': '500m', 'limits.cpu': '1' },
      },
    },
    'x pods: 1/3, requests.cpu: 500m/2 limits.cpu: 1/4 5m',
  ],
  [
    'priority class',
    priorityClassPrinter,
    { value: 7, preemptionPolicy: 'Never' },
    'x 7 false 5m Never',
  ],
  [
    'volume',
    persistentVolumePrinter,
    {
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce', 'ReadOnlyMany'],
        persistentVolumeReclaimPolicy: 'Retain',
        claimRef: { namespace: 'default', name: 'c' },
        storageClassName: 'fast',
        volumeMode: 'Filesystem',
      },
      status: { phase: 'Bound' },
    },
    'x 1Gi RWO,ROX Retain Bound default/c fast <unset>  5m | Filesystem',
  ],
  [
    'claim',
    persistentVolumeClaimPrinter,
    {
      spec: { volumeName: 'v', storageClassName: 'fast', volumeMode: 'Filesystem' },
      status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] },
    },
    'x Bound v 1Gi RWO fast <unset> 5m | Filesystem',
  ],
  [
    'default storage class',
    storageClassPrinter,
    {
      metadata: {
        ...metadata,
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'p',
      reclaimPolicy: 'Delete',
      volumeBindingMode: 'Immediate',
    },
    'x (default) p Delete Immediate false 5m',
  ],
  [
    'volume attachment',
    volumeAttachmentPrinter,
    {
      spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'v' } },
      status: { attached: true },
    },
    'x a v n true 5m',
  ],
  [
    'storage driver',
    csiDriverPrinter,
    {
      spec: {
        attachRequired: true,
        podInfoOnMount: false,
        storageCapacity: false,
        requiresRepublish: false,
        volumeLifecycleModes: ['Persistent', 'Ephemeral'],
      },
    },
    'x true false false <unset> false Persistent,Ephemeral 5m',
  ],
  ['storage node', csiNodePrinter, { spec: { drivers: [{}, {}] } }, 'x 2 5m'],
  [
    'storage capacity',
    csiStorageCapacityPrinter,
    { storageClassName: 'fast', capacity: '1Gi' },
    'x fast 1Gi',
  ],
  ['webhooks', webhookConfigurationPrinter, { webhooks: [{}, {}] }, 'x 2 5m'],
  ['runtime class', runtimeClassPrinter, { handler: 'runc' }, 'x runc 5m'],
  [
    'flow schema',
    flowSchemaPrinter,
    {
      spec: {
        priorityLevelConfiguration: { name: 'l' },
        matchingPrecedence: 9,
        distinguisherMethod: { type: 'ByUser' },
      },
    },
    'x l 9 ByUser 5m ?',
  ],
  [
    'priority level',
    priorityLevelConfigurationPrinter,
    {
      spec: {
        type: 'Limited',
        limited: {
          nominalConcurrencyShares: 30,
          limitResponse: {
            type: 'Queue',
            queuing: { queues: 64, handSize: 8, queueLengthLimit: 50 },
          },
        },
      },
    },
    'x Limited 30 64 8 50 5m',
  ],
  [
    'certificate request',
    certificateSigningRequestPrinter,
    {
      spec: { signerName: 's', username: 'jane', expirationSeconds: 3600 },
      status: { conditions: [condition('Approved')], certificate: 'eA==' },
    },
    'x 5m s jane 60m Approved,Issued',
  ],
])('%s', (_name, printer, object, row) => {
  expect(rowOf(printer, object)).toBe(row);
});
