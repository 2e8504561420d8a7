// default-hooks: what every server does by itself once it listens.
//
// To add a hook: its line here. Hooks of one server alone come in ApiServerOptions.postStartHooks.
// Same idea upstream: controlplane/instance.go (AddPostStartHookOrDie).

import type { Aggregator } from '../aggregator/aggregator.ts';
import { apiServiceController } from '../aggregator/controller.ts';
import { customResourceController } from '../crd/controller.ts';
import type { ApiServerOptions } from './api-server-options.ts';
import { bootstrapController } from './bootstrap.ts';
import { systemPriorityClasses } from './bootstrap-priority-classes.ts';
import { DEFAULT_SERVICE_RANGE } from './build-table.ts';
import { compaction } from './compaction.ts';
import type { PostStartHook } from './post-start-hooks.ts';
import { addressAt, parseIpv4Range } from './service-allocator.ts';

export function defaultHooks(
  options: ApiServerOptions,
  aggregator: Aggregator,
): readonly PostStartHook[] {
  const { advertiseAddress = '127.0.0.1', serviceClusterIpRange } = options;
  const range = parseIpv4Range(serviceClusterIpRange ?? DEFAULT_SERVICE_RANGE);
  const serviceIp = addressAt(range, 1);
  return [
    bootstrapController({ advertiseAddress, serviceIp }),
    systemPriorityClasses(),
    customResourceController(),
    apiServiceController(aggregator),
    compaction(),
  ];
}
