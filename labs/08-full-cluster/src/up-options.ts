// UpOptions: what a person may ask of `up`, with its defaults and its limits.
//
// Pure: the same words for the command line and for a program. A wrong value throws a ClusterError that
// names the value, what is allowed and the flag; nothing has been touched by then.
//
// Left out: everything that could be asked of a single component. Its own --help has that.

import { type Cidr, cidrOf, overlaps, parseCidr, sizeOf } from './cidr.ts';
import { type ClockProfile, clockProfiles } from './clock-profile.ts';
import { ClusterError } from './cluster-error.ts';

export interface UpOptions {
  readonly name?: string;
  readonly nodes?: number;
  readonly controlPlanes?: number;
  readonly etcd?: readonly string[];
  readonly clock?: ClockProfile;
  readonly demo?: boolean;
  readonly serviceCidr?: string;
  readonly podCidr?: string;
  readonly nodeSubnet?: string;
  readonly apiPort?: number;
}

/** The same with defaults; a subnet or a port that is absent is chosen where it is free. */
export interface CheckedOptions extends UpOptions {
  readonly name: string;
  readonly nodes: number;
  readonly controlPlanes: number;
  readonly clock: ClockProfile;
  readonly demo: boolean;
  readonly serviceCidr: string;
  readonly podCidr: string;
}

export const defaultClusterName = 'kube-labs';
export const defaultNodeSubnet = '172.30.0.0/24';
export const defaultApiPort = 6443;
const nodesMax = 50;
/** An etcd of two members is no safer than one of one: it stops when either is lost. */
const controlPlanesPossible = [1, 3];
/** A Docker volume, a label and a host name are made of it, and `-control-plane-2` is put behind it. */
const nameLengthMax = 40;

export function checkOptions(options: UpOptions): CheckedOptions {
  const checked: CheckedOptions = {
    ...options,
    name: options.name ?? defaultClusterName,
    nodes: options.nodes ?? 3,
    controlPlanes: options.controlPlanes ?? 1,
    clock: options.clock ?? 'today',
    demo: options.demo ?? true,
    serviceCidr: options.serviceCidr ?? '10.96.0.0/16',
    podCidr: options.podCidr ?? '10.244.0.0/16',
  };
  checkName('cluster', checked.name);
  checkNumber('--nodes', checked.nodes, 1, nodesMax);
  if (!controlPlanesPossible.includes(checked.controlPlanes)) {
    throw new ClusterError(
      `--control-planes ${checked.controlPlanes} is not possible: it is ${controlPlanesPossible.join(' or ')}, as a store of two members is no safer than one`,
    );
  }
  if (checked.apiPort !== undefined) checkNumber('--api-port', checked.apiPort, 1, 65535);
  if (!clockProfiles.includes(checked.clock)) {
    throw new ClusterError(
      `--clock ${checked.clock} is not known: it is one of ${clockProfiles.join(', ')}`,
    );
  }
  for (const url of checked.etcd ?? []) checkEtcdUrl(url);
  checkRanges(checked);
  return checked;
}

export function checkName(what: 'cluster' | 'node', name: string): void {
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name) || name.length > nameLengthMax) {
    throw new ClusterError(
      `"${name}" cannot name a ${what}: a name has at most ${nameLengthMax} lower-case letters, digits and "-", and starts and ends with a letter or a digit`,
    );
  }
  if (what === 'node' && /^(control-plane(-\d+)?|load-balancer)$/.test(name)) {
    throw new ClusterError(`"${name}" cannot name a node: it is a name of the control plane's own`);
  }
}

function checkNumber(flag: string, value: number, least: number, most: number): void {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new ClusterError(`${flag} must be a whole number from ${least} to ${most}`);
  }
}

function checkRanges(options: CheckedOptions): void {
  const ranges = [
    { flag: '--service-cidr', text: options.serviceCidr, prefixMax: 28, why: 'services' },
    // A node gets a /24 of it, and the first /24 is left out.
    {
      flag: '--pod-cidr',
      text: options.podCidr,
      prefixMax: Math.floor(24 - Math.log2(options.nodes + options.controlPlanes + 1)),
      why: `a /24 for each of ${options.nodes} nodes and ${options.controlPlanes} control planes, and one more`,
    },
    {
      flag: '--node-subnet',
      text: options.nodeSubnet ?? defaultNodeSubnet,
      prefixMax: Math.floor(32 - Math.log2(options.nodes + 12)),
      why: `${options.nodes} nodes from its eleventh address on`,
    },
  ];
  const checked: { flag: string; text: string; range: Cidr }[] = [];
  for (const { flag, text, prefixMax, why } of ranges) {
    const range = parseCidr(text);
    if ('problem' in range) throw new ClusterError(`${flag} ${text} ${range.problem}`);
    if (range.prefix > prefixMax || sizeOf(range) > 2 ** 24) {
      throw new ClusterError(
        `${flag} ${text} has the wrong size: it must hold ${why}, so from /8 to /${prefixMax}`,
      );
    }
    const other = checked.find((earlier) => overlaps(earlier.range, range));
    if (other !== undefined) {
      throw new ClusterError(
        `${flag} ${text} overlaps ${other.flag} ${other.text}: give one of them another range`,
      );
    }
    checked.push({ flag, text, range });
  }
}

/** A loopback name in an etcd URL would mean the control-plane container itself. */
function checkEtcdUrl(url: string): void {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new ClusterError(`--etcd ${url} is not a URL such as http://172.17.0.1:2379`);
  }
  if (!['http:', 'https:'].includes(parsed.protocol) || parsed.port === '') {
    throw new ClusterError(
      `--etcd ${url} must start with http:// or https:// and name a port, usually 2379`,
    );
  }
  const host = parsed.hostname;
  const loopback = host === 'localhost' || host === '[::1]' || host.startsWith('127.');
  if (loopback) {
    throw new ClusterError(
      `--etcd ${url} is this machine's loopback, which no container reaches: start etcd with --listen-client-urls on an address that containers reach, usually http://172.17.0.1:${parsed.port}, and name that one`,
    );
  }
}

export function isOverlapping(a: string, b: string): boolean {
  return overlaps(cidrOf(a), cidrOf(b));
}
