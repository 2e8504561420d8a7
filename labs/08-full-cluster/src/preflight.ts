// Preflight: everything that can be known to fail before anything is made.
//
// gatherFacts() looks at Docker and at the machine; the rest is pure and decides: which subnet and which port
// the cluster gets, or which sentence the person gets. A range or a port of another kube-labs cluster is
// nobody's mistake, so the next free one is taken; anything else in the way is an error with the way out.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type Docker from 'dockerode';
import { cidrOf, formatAddress, overlaps, parseCidr } from './cidr.ts';
import { ClusterError } from './cluster-error.ts';
import { clusterLabel, roleLabel } from './container-spec.ts';
import { type CheckedOptions, defaultApiPort, defaultNodeSubnet } from './up-options.ts';

export interface NetworkFact {
  readonly name: string;
  /** Set when it belongs to a kube-labs cluster. */
  readonly cluster?: string;
  readonly subnet: string;
}

export interface Facts {
  readonly networks: readonly NetworkFact[];
  /** Ranges that this machine has a route to, other than those of Docker's networks. */
  readonly routes: readonly string[];
  /** API ports of other kube-labs clusters, running or stopped. */
  readonly apiPorts: ReadonlyMap<number, string>;
}

export async function gatherFacts(docker: Docker, cluster: string): Promise<Facts> {
  const [networks, machines] = await Promise.all([
    docker.listNetworks(),
    docker.listContainers({ all: true, filters: { label: [roleLabel] } }),
  ]);
  const facts = networks.flatMap((network) =>
    (network.IPAM?.Config ?? []).flatMap(({ Subnet: subnet }) =>
      subnet === undefined || subnet.includes(':')
        ? []
        : [{ name: network.Name, subnet, ...clusterOf(network.Labels) }],
    ),
  );
  const apiPorts = new Map<number, string>();
  for (const info of machines) {
    const owner = info.Labels[clusterLabel];
    const isPublished = info.Labels[roleLabel] !== 'node';
    if (owner === undefined || owner === cluster || !isPublished) continue;
    const { HostConfig } = await docker.getContainer(info.Id).inspect();
    const bindings: { HostPort?: string }[] = HostConfig.PortBindings?.['6443/tcp'] ?? [];
    for (const { HostPort } of bindings) apiPorts.set(Number(HostPort), owner);
  }
  const subnets = new Set(facts.map(({ subnet }) => subnet));
  return { networks: facts, routes: hostRoutes().filter((route) => !subnets.has(route)), apiPorts };
}

function clusterOf(labels: Record<string, string> | undefined): { cluster?: string } {
  const cluster = labels?.[clusterLabel];
  return cluster === undefined ? {} : { cluster };
}

function hostRoutes(): string[] {
  if (process.platform !== 'linux') return [];
  return parseRoutes(readFileSync('/proc/net/route', 'utf8'));
}

/** The destinations in the kernel's table, the default route left out. */
export function parseRoutes(text: string): string[] {
  return text
    .trim()
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, destination = '', , , , , , mask = ''] = line.split(/\s+/);
      const prefix = [...littleEndian(mask).toString(2)].filter((bit) => bit === '1').length;
      return prefix === 0 ? [] : [`${formatAddress(littleEndian(destination))}/${prefix}`];
    });
}

function littleEndian(hex: string): number {
  return Buffer.from(hex, 'hex').readUInt32LE();
}

/** The subnet for the nodes; checks the other two ranges by the way. */
export function chooseSubnet(options: CheckedOptions, facts: Facts): string {
  for (const [flag, range] of [
    ['--pod-cidr', options.podCidr],
    ['--service-cidr', options.serviceCidr],
  ] as const) {
    refuse(flag, range, obstacle(range, facts));
  }
  if (options.nodeSubnet !== undefined) {
    refuse('--node-subnet', options.nodeSubnet, obstacle(options.nodeSubnet, facts));
    return options.nodeSubnet;
  }
  for (const candidate of candidateSubnets()) {
    const inTheWay = obstacle(candidate, facts);
    if (inTheWay === undefined) return candidate;
    if (inTheWay.cluster === undefined) refuse('--node-subnet', candidate, inTheWay);
  }
  throw new ClusterError(
    'No subnet 172.30.N.0/24 is free for the nodes: take a cluster down, or choose one with --node-subnet',
  );
}

function* candidateSubnets(): Generator<string> {
  const { first } = cidrOf(defaultNodeSubnet);
  for (let n = 0; n < 256; n += 1) yield `${formatAddress(first + n * 256)}/24`;
}

interface Obstacle {
  readonly what: string;
  readonly cluster?: string;
}

function obstacle(range: string, facts: Facts): Obstacle | undefined {
  const isInTheWay = (other: string) => {
    const parsed = parseCidr(other);
    return !('problem' in parsed) && overlaps(cidrOf(range), parsed);
  };
  const networks = facts.networks.filter(({ subnet }) => isInTheWay(subnet));
  // A foreign network counts first: the next subnet would not get round it for another cluster's sake.
  const network = networks.find(({ cluster }) => cluster === undefined) ?? networks[0];
  if (network !== undefined) {
    const { name, subnet, cluster } = network;
    const what = `the Docker network ${name} (${subnet})`;
    return { what, ...(cluster === undefined ? {} : { cluster }) };
  }
  const route = facts.routes.find(isInTheWay);
  return route === undefined ? undefined : { what: `this machine's route to ${route}` };
}

function refuse(flag: string, range: string, inTheWay: Obstacle | undefined): void {
  if (inTheWay === undefined) return;
  throw new ClusterError(
    `The address range ${range} is in use by ${inTheWay.what}: choose another one with ${flag}`,
  );
}

/** The port for the API server on 127.0.0.1. */
export async function chooseApiPort(
  wanted: number | undefined,
  taken: ReadonlyMap<number, string>,
  isFree: (port: number) => Promise<boolean>,
): Promise<number> {
  let port = wanted ?? defaultApiPort;
  while (wanted === undefined && taken.has(port)) port += 1;
  const owner = taken.get(port);
  if (owner === undefined && (await isFree(port))) return port;
  throw new ClusterError(
    `Port ${port} on 127.0.0.1 is in use by ${owner === undefined ? 'another program' : `the cluster ${owner}`}: stop that one, or choose another port with --api-port`,
  );
}

export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1' }, () => server.close(() => resolve(true)));
  });
}
