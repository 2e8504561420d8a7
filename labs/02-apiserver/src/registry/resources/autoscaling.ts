// autoscaling: the resources of the group autoscaling, v1 and v2: how many replicas a load needs.
//
// Same facts upstream: registry/autoscaling/rest/storage_autoscaling.go.

import { autoscalerFromV1, autoscalerToV1 } from '../../convert/autoscaling.ts';
import { horizontalPodAutoscalerPrinter } from '../../printers/autoscaling.ts';
import { horizontalPodAutoscalerStrategy } from '../../strategy/horizontal-pod-autoscaler.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define, status } from './define.ts';

const autoscalers = {
  group: 'autoscaling',
  shortNames: ['hpa'],
  categories: ['all'],
  subresources: [status('HorizontalPodAutoscaler')],
} as const;

/** How they are stored. */
export const AUTOSCALERS: ResourceDefinition = define(
  'HorizontalPodAutoscaler',
  'horizontalpodautoscalers',
  {
    ...autoscalers,
    version: 'v2',
    strategy: horizontalPodAutoscalerStrategy,
    printer: horizontalPodAutoscalerPrinter,
  },
);

export const AUTOSCALING_RESOURCES: readonly ResourceDefinition[] = [
  AUTOSCALERS,
  define('HorizontalPodAutoscaler', 'horizontalpodautoscalers', {
    ...autoscalers,
    version: 'v1',
    storedAs: {
      definition: AUTOSCALERS,
      toStorage: autoscalerFromV1,
      fromStorage: autoscalerToV1,
    },
  }),
];
