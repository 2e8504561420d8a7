// bootstrap: what every cluster has before anybody asks for it: four namespaces, and the service through which pods find the server.
//
// Run at the start and then again and again: what somebody deleted comes back, and a server that moved says where it is now.
// Same idea upstream: controlplane/controller/kubernetesservice and systemnamespaces.
// Left out: several servers' leases behind the one service; the last writer's address stands.

import type { Endpoints, Namespace, Service } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';
import { ApiError } from '../api-error.ts';
import { SYSTEM_USER } from '../auth/user.ts';
import { sleep } from '../client/clock.ts';
import type { KubernetesObject, ObjectRef } from '../client/resources.ts';
import { mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import type { PostStartHook } from './post-start-hooks.ts';

const NAMESPACES = ['kube-system', 'kube-public', 'kube-node-lease', 'default'];
const OPTIONS = { user: SYSTEM_USER, dryRun: false };
const AT = { name: 'kubernetes', namespace: 'default' };
const SERVICE_PORT = 443;
const RECONCILE_INTERVAL_MS = 10_000;

export interface BootstrapOptions {
  readonly advertiseAddress: string;
  /** The first address of the service range. */
  readonly serviceIp: string;
}

/** Ready when everything is there for the first time. */
export function bootstrapController(options: BootstrapOptions): PostStartHook {
  let isDone = false;
  return {
    name: 'bootstrap-controller',
    async start({ table, port }, signal) {
      while (!signal.aborted) {
        await bootstrap(table, { ...options, port });
        isDone = true;
        await sleep(RECONCILE_INTERVAL_MS, signal);
      }
    },
    ready() {
      if (!isDone) throw new Error('the namespaces of every cluster are not there yet');
    },
  };
}

async function bootstrap(
  table: ResourceTable,
  at: BootstrapOptions & { readonly port: number },
): Promise<void> {
  for (const name of NAMESPACES) await ensure(table.registry('', 'namespaces'), namespaceOf(name));
  await ensure(table.registry('', 'services'), serviceOf(at.serviceIp, at.port));
  // A loopback address means something else in every pod; upstream refuses it too.
  if (at.advertiseAddress.startsWith('127.')) return;
  await ensure(table.registry('', 'endpoints'), endpointsOf(at), 'subsets');
  const slices = table.registry('discovery.k8s.io', 'endpointslices');
  await ensure(slices, endpointSliceOf(at), 'endpoints');
}

/** Makes the object, or brings the named field of the existing one up to date. */
async function ensure(registry: Registry, object: KubernetesObject, field?: string): Promise<void> {
  const { name = '', namespace } = object.metadata ?? {};
  const ref = namespace === undefined ? { name } : { name, namespace };
  const wanted = mutableCopy(object);
  registry.strategy.setDefaults(wanted);
  if (!(await exists(registry, ref))) {
    await registry.create(wanted, namespace, OPTIONS);
    return;
  }
  if (field === undefined) return;
  const change = (current: { readonly object: ReadonlyApiObject }) => ({
    ...mutableCopy(current.object),
    [field]: (wanted as Record<string, unknown>)[field],
  });
  await registry.update(ref, change, { ...OPTIONS, scope: 'object' });
}

async function exists(registry: Registry, ref: ObjectRef): Promise<boolean> {
  try {
    await registry.get(ref);
    return true;
  } catch (error) {
    if (ApiError.is(error, 'NotFound')) return false;
    throw error;
  }
}

function namespaceOf(name: string): Namespace {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

function serviceOf(clusterIP: string, targetPort: number): Service {
  const labels = { component: 'apiserver', provider: 'kubernetes' };
  const port = { name: 'https', port: SERVICE_PORT, protocol: 'TCP', targetPort };
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...AT, labels },
    spec: { type: 'ClusterIP', clusterIP, ports: [port], sessionAffinity: 'None' },
  };
}

function endpointsOf({
  advertiseAddress,
  port,
}: {
  advertiseAddress: string;
  port: number;
}): Endpoints {
  const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  const ports = [{ name: 'https', port, protocol: 'TCP' }];
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { ...AT, labels },
    subsets: [{ addresses: [{ ip: advertiseAddress }], ports }],
  };
}

function endpointSliceOf({
  advertiseAddress,
  port,
}: {
  advertiseAddress: string;
  port: number;
}): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...AT, labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [advertiseAddress], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
}
