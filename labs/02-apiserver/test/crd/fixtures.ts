// fixtures: manifests as users write them: a custom resource with two versions, columns, status and scale, and objects of it.

import { stringify } from 'yaml';

export const CRD_NAME = 'crontabs.stable.example.com';

const SPEC = {
  type: 'object',
  description: 'What runs, and when.',
  required: ['cronSpec'],
  properties: {
    cronSpec: {
      type: 'string',
      pattern: String.raw`^(\d+|\*)(/\d+)?(\s+(\d+|\*)(/\d+)?){4}$`,
      description: 'When, as cron writes it.',
    },
    image: { type: 'string', default: 'busybox' },
    replicas: { type: 'integer', minimum: 1, maximum: 10 },
    args: { type: 'array', items: { type: 'string' } },
  },
};
const STATUS = {
  type: 'object',
  properties: { replicas: { type: 'integer' }, labelSelector: { type: 'string' } },
};

function version(name: string, rest: object): object {
  return {
    name,
    served: true,
    storage: false,
    schema: { openAPIV3Schema: { type: 'object', properties: { spec: SPEC, status: STATUS } } },
    subresources: {
      status: {},
      scale: {
        specReplicasPath: '.spec.replicas',
        statusReplicasPath: '.status.replicas',
        labelSelectorPath: '.status.labelSelector',
      },
    },
    ...rest,
  };
}

export function cronTabDefinition(): string {
  return stringify({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: CRD_NAME },
    spec: {
      group: 'stable.example.com',
      scope: 'Namespaced',
      names: {
        plural: 'crontabs',
        singular: 'crontab',
        kind: 'CronTab',
        shortNames: ['ct'],
        categories: ['all'],
      },
      versions: [
        version('v1', {
          storage: true,
          additionalPrinterColumns: [
            { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
            { name: 'Replicas', type: 'integer', jsonPath: '.spec.replicas' },
            { name: 'Image', type: 'string', jsonPath: '.spec.image', priority: 1 },
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
        }),
        version('v1beta1', {
          deprecated: true,
          deprecationWarning: 'stable.example.com/v1beta1 CronTab is old; use v1',
        }),
      ],
    },
  });
}

export function cronTab(name: string, spec: object = {}): string {
  return stringify({
    apiVersion: 'stable.example.com/v1',
    kind: 'CronTab',
    metadata: { name },
    spec: { cronSpec: '*/5 * * * *', replicas: 2, ...spec },
  });
}
