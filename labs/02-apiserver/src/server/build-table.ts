// build-table: the resources of this server, with what their writes have to pass: admission, and the addresses of services.
//
// Same idea upstream: controlplane/instance.go and registry/core/rest.

import type { Logger } from '@kube-labs/store';
import type { AdmissionChain } from '../admission/admission.ts';
import { buildAdmission } from '../admission/plugins.ts';
import type { EscalationDeps } from '../authz/escalation.ts';
import type { Clock } from '../client/clock.ts';
import { buildResourceTable } from '../registry/build-resources.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import { definitionsFor } from '../registry/runtime-config.ts';
import type { ApiServerOptions } from './api-server-options.ts';
import { parseIpv4Range, parsePortRange, ServiceAllocator } from './service-allocator.ts';

export const DEFAULT_SERVICE_RANGE = '10.96.0.0/16';
const DEFAULT_NODE_PORTS = '30000-32767';

export interface TableParts {
  readonly table: ResourceTable;
  readonly admission: AdmissionChain;
}

export function buildTable(
  options: ApiServerOptions,
  escalation: EscalationDeps,
  log: Logger,
  clock: Clock,
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
      { table, store, clock, log, escalation },
      admissionOptions(options),
    );
    return admission;
  };
  const table = buildResourceTable({
    store,
    clock,
    log,
    admission: makeAdmission,
    definitions: definitionsFor(options.runtimeConfig),
    companionsOf: ({ group, resource }) =>
      group === '' && resource === 'services' ? [allocator] : [],
    ...(eventTtlSeconds === undefined ? {} : { eventTtlSeconds }),
    ...(transformerOf === undefined ? {} : { transformerOf }),
  });
  return { table, admission: makeAdmission(table) };
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
