// batch: the resources of the group batch: work that ends.
//
// Same facts upstream: registry/batch/rest/storage_batch.go.

import { cronJobPrinter, jobPrinter } from '../../printers/batch.ts';
import { cronJobStrategy } from '../../strategy/cron-job.ts';
import { jobStrategy } from '../../strategy/job.ts';
import type { ResourceDefinition } from '../resource-definition.ts';
import { define, field, status } from './define.ts';

const batch = { group: 'batch', categories: ['all'] } as const;

export const JOBS: ResourceDefinition = define('Job', 'jobs', {
  ...batch,
  strategy: jobStrategy,
  printer: jobPrinter,
  subresources: [status('Job')],
  // Upstream's name for what the status calls succeeded.
  selectableFields: { 'status.successful': (job) => field('status.succeeded')(job) || '0' },
});

export const BATCH_RESOURCES: readonly ResourceDefinition[] = [
  define('CronJob', 'cronjobs', {
    ...batch,
    shortNames: ['cj'],
    strategy: cronJobStrategy,
    printer: cronJobPrinter,
    subresources: [status('CronJob')],
  }),
  JOBS,
];
