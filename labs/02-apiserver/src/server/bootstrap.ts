// bootstrap: what every cluster has before anybody asks for it: four namespaces, and the service through which pods find the server.
//
// Run at the start and then again and again: what somebody deleted comes back, a server that moved says where it is now, and one that is
// gone is no longer listed (master-leases.ts). A server that ends takes itself off the list first.
// Same idea upstream: controlplane/controller/kubernetesservice and systemnamespaces.

import type { Namespace, Service } from 'kubernetes-types/core/v1';
import { ApiError } from '../api-error.ts';
import { SYSTEM_USER } from '../auth/user.ts';
import { sleep } from '../client/clock.ts';
import type { KubernetesObject, ObjectRef } from '../client/resources.ts';
import { mutableCopy, type ReadonlyApiObject } from '../registry/api-object.ts';
import type { Registry } from '../registry/registry.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import { kubernetesEndpointSlice, kubernetesEndpoints, MasterLeases } from './master-leases.ts';
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
  let leases: MasterLeases | undefined;
  // Names and addresses are written one after the other: a server that leaves must not be listed by a round that began before.
  let round = Promise.resolve();
  let isLeaving = false;
  return {
    name: 'bootstrap-controller',
    async start({ table, store, port }, signal) {
      const { advertiseAddress: ip } = options;
      // A loopback address means something else in every pod; upstream refuses it too.
      leases = ip.startsWith('127.') ? undefined : new MasterLeases(store, { ip, port });
      while (!signal.aborted && !isLeaving) {
        round = bootstrap(table, { ...options, port, leases });
        await round;
        isDone = true;
        await sleep(RECONCILE_INTERVAL_MS, signal);
      }
    },
    ready() {
      if (!isDone) throw new Error('the namespaces of every cluster are not there yet');
    },
    async beforeShutdown({ table }) {
      isLeaving = true;
      await round.catch(() => undefined);
      if (leases === undefined) return;
      await leases.release();
      await listServers(table, leases);
    },
  };
}

async function bootstrap(
  table: ResourceTable,
  {
    serviceIp,
    port,
    leases,
  }: BootstrapOptions & { port: number; leases: MasterLeases | undefined },
): Promise<void> {
  for (const name of NAMESPACES) await ensure(table.registry('', 'namespaces'), namespaceOf(name));
  await ensure(table.registry('', 'services'), serviceOf(serviceIp, port));
  if (leases === undefined) return;
  await leases.renew();
  await listServers(table, leases);
}

async function listServers(table: ResourceTable, leases: MasterLeases): Promise<void> {
  const servers = await leases.list();
  if (servers.length === 0) return;
  await ensure(table.registry('', 'endpoints'), kubernetesEndpoints(servers), ['subsets']);
  const slices = table.registry('discovery.k8s.io', 'endpointslices');
  await ensure(slices, kubernetesEndpointSlice(servers), ['endpoints', 'ports']);
}

/** Makes the object, or brings the named fields of the existing one up to date. */
async function ensure(
  registry: Registry,
  object: KubernetesObject,
  fields: readonly string[] = [],
): Promise<void> {
  const { name = '', namespace } = object.metadata ?? {};
  const ref = namespace === undefined ? { name } : { name, namespace };
  const wanted = mutableCopy(object);
  registry.strategy.setDefaults(wanted);
  if (!(await exists(registry, ref))) {
    await registry.create(wanted, namespace, OPTIONS);
    return;
  }
  if (fields.length === 0) return;
  const change = (current: { readonly object: ReadonlyApiObject }) => ({
    ...mutableCopy(current.object),
    ...Object.fromEntries(fields.map((field) => [field, Reflect.get(wanted, field)])),
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
