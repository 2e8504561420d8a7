// build-table: the resources of this server, with what their writes have to pass: admission, and the addresses of services.
//
// Same idea upstream: controlplane/instance.go and registry/core/rest.

import type { Logger } from '@kube-labs/store';
import type { AdmissionChain } from '../admission/admission.ts';
import type { AdmissionMetrics } from '../admission/admission-metrics.ts';
import { buildAdmission, enabledPlugins } from '../admission/plugins.ts';
import { quotaController } from '../admission/quota/controller.ts';
import { QuotaLedger } from '../admission/quota/ledger.ts';
import type { EscalationDeps } from '../authz/escalation.ts';
import type { Clock } from '../client/clock.ts';
import { buildResourceTable } from '../registry/build-resources.ts';
import type { ResourceDefinition } from '../registry/resource-definition.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import { definitionsFor } from '../registry/runtime-config.ts';
import type { WriteCompanion } from '../registry/write-companion.ts';
import type { ApiServerOptions } from './api-server-options.ts';
import type { PostStartHook } from './post-start-hooks.ts';
import { parseIpv4Range, parsePortRange, ServiceAllocator } from './service-allocator.ts';

export const DEFAULT_SERVICE_RANGE = '10.96.0.0/16';
const DEFAULT_NODE_PORTS = '30000-32767';

export interface TableParts {
  readonly table: ResourceTable;
  readonly admission: AdmissionChain;
  /** What goes on beside the requests, for the table's sake. */
  readonly hooks: readonly PostStartHook[];
}

export interface TableDeps {
  readonly log: Logger;
  readonly clock: Clock;
  readonly metrics?: AdmissionMetrics;
}

export function buildTable(
  options: ApiServerOptions,
  escalation: EscalationDeps,
  { log, clock, metrics }: TableDeps,
): TableParts {
  const { store, eventTtlSeconds, transformerOf } = options;
  const { serviceClusterIpRange = DEFAULT_SERVICE_RANGE, serviceNodePortRange } = options;
  const allocator = new ServiceAllocator({
    store,
    clusterIps: parseIpv4Range(serviceClusterIpRange),
    nodePorts: parsePortRange(serviceNodePortRange ?? DEFAULT_NODE_PORTS),
  });
  let admission: AdmissionChain | undefined;
  const makeAdmission = (table: ResourceTable): AdmissionChain => {
    admission ??= buildAdmission(
      { table, store, clock, log, escalation, metrics },
      admissionOptions(options),
    );
    return admission;
  };
  const countsQuota = enabledPlugins(admissionOptions(options)).includes('ResourceQuota');
  const ledger = countsQuota ? new QuotaLedger(() => table) : undefined;
  const companionsOf = (definition: ResourceDefinition): WriteCompanion[] => {
    const isService = definition.group === '' && definition.resource === 'services';
    const counting = ledger?.companionOf(definition);
    return [...(isService ? [allocator] : []), ...(counting === undefined ? [] : [counting])];
  };
  const table = buildResourceTable({
    store,
    clock,
    log,
    admission: makeAdmission,
    definitions: definitionsFor(options.runtimeConfig),
    companionsOf,
    ...(eventTtlSeconds === undefined ? {} : { eventTtlSeconds }),
    ...(transformerOf === undefined ? {} : { transformerOf }),
  });
  const hooks = ledger === undefined ? [] : [quotaController(ledger)];
  return { table, admission: makeAdmission(table), hooks };
}

function admissionOptions(options: ApiServerOptions) {
  const { defaultNotReadyTolerationSeconds, defaultUnreachableTolerationSeconds } = options;
  return {
    ...(defaultNotReadyTolerationSeconds === undefined ? {} : { defaultNotReadyTolerationSeconds }),
    ...(defaultUnreachableTolerationSeconds === undefined
      ? {}
      : { defaultUnreachableTolerationSeconds }),
    ...options.admission,
  };
}
