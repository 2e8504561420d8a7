// MasterLeases: which API servers stand behind the service `kubernetes`: each says every few seconds that it is there.
//
// A server writes its address under a lease of the store. One that ends takes its lease back; one that is killed stops renewing it, and
// the store forgets the address by itself. Whoever looks then writes the Endpoints of those that are left: any of them may do it, and all
// of them write the same.
//
//   /registry/masterleases/10.0.0.1 → an Endpoints object with this one address, as upstream
//
// Invariant: nobody ever writes an empty list. A server that finds none, not even itself, has a store that is not well.
// Servers at one address and several ports share a key, as upstream: the last one that renewed stands.
// Same idea upstream: pkg/controlplane/reconcilers/lease.go.

import type { KeyValueStore } from '@kube-labs/store';
import { prefixEnd } from '@kube-labs/store';
import type { EndpointSubset, Endpoints } from 'kubernetes-types/core/v1';
import type { EndpointSlice } from 'kubernetes-types/discovery/v1';

const PREFIX = '/registry/masterleases/';
/** One and a half times the interval of renewal: one that is late is not gone. */
const TTL_SECONDS = 15;
const PORT_NAME = 'https';
const AT = { name: 'kubernetes', namespace: 'default' };

export interface ServerAddress {
  readonly ip: string;
  readonly port: number;
}

export interface MasterLeasesOptions {
  readonly ttlSeconds?: number;
}

export class MasterLeases {
  readonly #store: KeyValueStore;
  readonly #own: ServerAddress;
  readonly #ttlSeconds: number;
  #lease: string | undefined;

  constructor(store: KeyValueStore, own: ServerAddress, options: MasterLeasesOptions = {}) {
    this.#store = store;
    this.#own = own;
    this.#ttlSeconds = options.ttlSeconds ?? TTL_SECONDS;
  }

  /** The key moves on to a new lease; the old one runs out with nothing under it. */
  async renew(): Promise<void> {
    const { id } = await this.#store.grantLease(this.#ttlSeconds);
    const value = Buffer.from(JSON.stringify(leaseObject(this.#own)));
    await this.#store.put({ key: PREFIX + this.#own.ip, value, lease: id });
    this.#lease = id;
  }

  /** Those that are there now, by address. */
  async list(): Promise<readonly ServerAddress[]> {
    const { kvs } = await this.#store.range({ key: PREFIX, rangeEnd: prefixEnd(PREFIX) });
    return kvs.flatMap(({ value }) => addressesOf(value));
  }

  /** Takes back what renew() said, unless another server at the same address has said it since. */
  async release(): Promise<void> {
    const lease = this.#lease;
    this.#lease = undefined;
    if (lease !== undefined) await this.#store.revokeLease(lease);
  }
}

function leaseObject(own: ServerAddress): Endpoints {
  return { kind: 'Endpoints', apiVersion: 'v1', metadata: {}, subsets: subsetsOf([own]) };
}

/** What cannot be read was not written by a server of this kind; it is no address. */
function addressesOf(value: Uint8Array): ServerAddress[] {
  try {
    const { subsets = [] } = JSON.parse(Buffer.from(value).toString('utf8')) as Endpoints;
    return subsets.flatMap(({ addresses = [], ports = [] }) =>
      addresses.flatMap(({ ip }) => ports.map(({ port }) => ({ ip, port }))),
    );
  } catch {
    return [];
  }
}

/** A subset for each port, with the addresses at which it is open. */
function subsetsOf(servers: readonly ServerAddress[]): EndpointSubset[] {
  const ports = [...new Set(servers.map(({ port }) => port))].sort((a, b) => a - b);
  return ports.map((port) => ({
    addresses: servers.filter((server) => server.port === port).map(({ ip }) => ({ ip })),
    ports: [{ name: PORT_NAME, port, protocol: 'TCP' }],
  }));
}

/** The Endpoints of the service `kubernetes`. */
export function kubernetesEndpoints(servers: readonly ServerAddress[]): Endpoints {
  const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  const metadata = { ...AT, labels };
  return { apiVersion: 'v1', kind: 'Endpoints', metadata, subsets: subsetsOf(servers) };
}

/** The same as a slice, which has room for one list of ports: that of the first subset, as upstream. */
export function kubernetesEndpointSlice(servers: readonly ServerAddress[]): EndpointSlice {
  const [first] = subsetsOf(servers);
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...AT, labels: { 'kubernetes.io/service-name': AT.name } },
    addressType: 'IPv4',
    endpoints: (first?.addresses ?? []).map(({ ip }) => ({
      addresses: [ip],
      conditions: { ready: true },
    })),
    ports: first?.ports ?? [],
  };
}
