// ServiceAllocator: gives every service its cluster address and its node ports, each to one service only.
//
// An allocation is a key in the store, written in the very transaction that writes the service and guarded by "this key is not there
// yet": two servers can try the same address, and one of them loses and tries another. What a service no longer needs is released
// the same way. Nothing is remembered in memory, so there is nothing to repair after a crash.
//
// Same purpose upstream: registry/core/service/ipallocator and portallocator, whose bitmaps need a repair loop.
// Left out: IPv6 and dual stack, load balancer classes, health check node ports.

import { randomInt } from 'node:crypto';
import type { KeyValueStore } from '@kube-labs/store';
import type { Service, ServiceSpec } from 'kubernetes-types/core/v1';
import { type ApiError, serviceUnavailable } from '../api-error.ts';
import type { KubernetesObject } from '../client/resources.ts';
import type { ReadonlyApiObject } from '../registry/api-object.ts';
import type { TxnParts } from '../registry/storage.ts';
import type { WriteCompanion } from '../registry/write-companion.ts';
import { type FieldError, invalid, invalidValue, tooMany } from '../strategy/field-error.ts';

const IPS = '/registry/ranges/serviceips/';
const PORTS = '/registry/ranges/servicenodeports/';
const SERVICE = { group: '', version: 'v1', kind: 'Service' };
const ATTEMPTS_MAX = 128;
/** Each is a key of its own, and a service may give all back and take as many others: a transaction holds 128 operations. */
const NODE_PORTS_MAX = 60;

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export interface AllocatorOptions {
  readonly store: KeyValueStore;
  readonly clusterIps: Ipv4Range;
  readonly nodePorts: PortRange;
}

/** IPv4 addresses from the network address on. */
export interface Ipv4Range {
  readonly text: string;
  readonly base: number;
  readonly size: number;
}

export function parseIpv4Range(text: string): Ipv4Range {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(text);
  const [a = 256, b = 256, c = 256, d = 256, bits = 33] = (match ?? []).slice(1).map(Number);
  if ([a, b, c, d].some((part) => part > 255) || bits > 30 || bits < 8) {
    throw new Error(
      `Cannot use "${text}" as a range of service addresses: it needs an IPv4 range like 10.96.0.0/16`,
    );
  }
  const size = 2 ** (32 - bits);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  return { text, base: address - (address % size), size };
}

/** `30000-32767`, both ends included. */
export function parsePortRange(text: string): PortRange {
  const [first = 0, last = 0] = (/^(\d{1,5})-(\d{1,5})$/.exec(text) ?? []).slice(1).map(Number);
  if (first < 1 || last < first || last > 65_535) {
    throw new Error(
      `Cannot use "${text}" as a range of node ports: it needs two port numbers like 30000-32767`,
    );
  }
  return { first, last };
}

export function addressAt({ base }: Ipv4Range, offset: number): string {
  const address = base + offset;
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
}

function holds({ base, size }: Ipv4Range, address: string): boolean {
  const value = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return value > base && value < base + size - 1;
}

export class ServiceAllocator implements WriteCompanion {
  readonly #options: AllocatorOptions;

  constructor(options: AllocatorOptions) {
    this.#options = options;
  }

  async prepare(
    next: KubernetesObject | undefined,
    current: ReadonlyApiObject | undefined,
  ): Promise<TxnParts> {
    const wanted = next as Service | undefined;
    const before = held(current as Service | undefined);
    if (wanted?.spec !== undefined) await this.#allocate(wanted, before);
    const after = held(wanted);
    const owner = `${wanted?.metadata?.namespace}/${wanted?.metadata?.name}`;
    const added = [...after].filter((key) => !before.has(key));
    const released = [...before].filter((key) => !after.has(key));
    return {
      compare: added.map((key) => ({ key, target: 'mod', result: '=', value: 0 })),
      ops: [
        ...added.map((key) => ({ kind: 'put' as const, key, value: Buffer.from(owner) })),
        ...released.map((key) => ({ kind: 'delete' as const, key })),
      ],
    };
  }

  async #allocate(service: Service, before: ReadonlySet<string>): Promise<void> {
    const spec = service.spec as ServiceSpec;
    if (spec.type !== 'ExternalName') await this.#allocateIp(service, spec, before);
    if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') {
      await this.#allocatePorts(service, spec, before);
    }
  }

  async #allocateIp(
    service: Service,
    spec: ServiceSpec,
    before: ReadonlySet<string>,
  ): Promise<void> {
    const { clusterIps } = this.#options;
    const asked = spec.clusterIP ?? spec.clusterIPs?.[0] ?? '';
    if (asked !== '' && asked !== 'None' && !before.has(IPS + asked)) {
      const why = !holds(clusterIps, asked)
        ? `failed to allocate IP ${asked}: the provided IP (${asked}) is not in the valid range. The range of valid IPs is ${clusterIps.text}`
        : (await this.#isTaken(IPS + asked))
          ? `failed to allocate IP ${asked}: provided IP is already allocated`
          : undefined;
      if (why !== undefined) throw refused(service, invalidValue('spec.clusterIPs', [asked], why));
    }
    spec.clusterIP = asked === '' ? await this.#freeIp() : asked;
    spec.clusterIPs = [spec.clusterIP];
    spec.ipFamilies ??= ['IPv4'];
    spec.ipFamilyPolicy ??= 'SingleStack';
  }

  async #freeIp(): Promise<string> {
    const { clusterIps } = this.#options;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      // The lower part of the range is left to those who ask for an address; upstream keeps up to 256 addresses for them.
      const reserved = Math.min(Math.max(16, Math.floor(clusterIps.size / 16)), 256);
      const first = clusterIps.size > reserved * 2 && attempt < ATTEMPTS_MAX / 2 ? reserved : 2;
      const address = addressAt(clusterIps, randomInt(first, clusterIps.size - 1));
      if (!(await this.#isTaken(IPS + address))) return address;
    }
    throw serviceUnavailable('failed to allocate a serviceIP: range is full');
  }

  async #allocatePorts(
    service: Service,
    spec: ServiceSpec,
    before: ReadonlySet<string>,
  ): Promise<void> {
    const { first, last } = this.#options.nodePorts;
    const count = spec.ports?.length ?? 0;
    if (count > NODE_PORTS_MAX) {
      throw refused(service, tooMany('spec.ports', count, NODE_PORTS_MAX));
    }
    const used = new Set((spec.ports ?? []).map((port) => port.nodePort));
    for (const [index, port] of (spec.ports ?? []).entries()) {
      const asked = port.nodePort ?? 0;
      if (asked === 0) {
        port.nodePort = await this.#freePort(used);
        used.add(port.nodePort);
        continue;
      }
      if (before.has(PORTS + asked)) continue;
      const why =
        asked < first || asked > last
          ? `provided port is not in the valid range. The range of valid ports is ${first}-${last}`
          : (await this.#isTaken(PORTS + asked))
            ? 'provided port is already allocated'
            : undefined;
      if (why !== undefined) {
        throw refused(service, invalidValue(`spec.ports[${index}].nodePort`, asked, why));
      }
    }
  }

  async #freePort(used: ReadonlySet<number | undefined>): Promise<number> {
    const { first, last } = this.#options.nodePorts;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const port = randomInt(first, last + 1);
      if (!used.has(port) && !(await this.#isTaken(PORTS + port))) return port;
    }
    throw serviceUnavailable('failed to allocate a nodePort: range is full');
  }

  async #isTaken(key: string): Promise<boolean> {
    return (await this.#options.store.range({ key, countOnly: true })).count > 0;
  }
}

/** The keys of what a service has. */
function held(service: Service | undefined): ReadonlySet<string> {
  const { clusterIP = '', ports = [] } = service?.spec ?? {};
  const ips = clusterIP === '' || clusterIP === 'None' ? [] : [IPS + clusterIP];
  const nodePorts = ports.flatMap(({ nodePort }) => (nodePort ? [PORTS + nodePort] : []));
  return new Set([...ips, ...nodePorts]);
}

function refused(service: Service, error: FieldError): ApiError {
  return invalid(SERVICE, service.metadata?.name ?? '', [error]);
}
