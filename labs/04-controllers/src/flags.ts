// flags: the command line of the controller manager, and the options that it means.
//
// Bad values end the process with one sentence before anything is connected.

import { Command, InvalidArgumentError } from 'commander';
import { controllers, enabledControllers } from './controllers.ts';
import { parseDuration } from './duration.ts';
import { parseClusterCidr } from './node-ipam.ts';
import { type ControllerOptions, defaultOptions as defaults } from './options.ts';

export interface Flags {
  readonly kubeconfig: string;
  readonly bindAddress: string;
  readonly securePort: number;
  readonly controllers: readonly string[];
  readonly allocateNodeCidrs: boolean;
  readonly clusterCidr: string;
  readonly nodeCidrMaskSize: number;
  readonly nodeMonitorPeriod: number;
  readonly nodeMonitorGracePeriod: number;
  readonly nodeStartupGracePeriod: number;
  readonly nodeEvictionRate: number;
  readonly terminatedPodGcThreshold: number;
  readonly leaderElect: boolean;
  readonly leaderElectResourceNamespace: string;
  readonly v: number;
}

export function readFlags(argv?: readonly string[]): Flags {
  return new Command('kube-controller-manager')
    .description('Makes the cluster what its objects say: one loop for each kind of thing.')
    .requiredOption('--kubeconfig <file>', 'where the API server is, and who we are')
    .option('--bind-address <address>', 'address of /healthz and /metrics', '0.0.0.0')
    .option(
      '--secure-port <port>',
      'port of /healthz and /metrics (plain HTTP here)',
      integer,
      10257,
    )
    .option(
      '--controllers <list>',
      `'*', names, or -names, of: ${Object.keys(controllers).join(', ')}`,
      list,
      ['*'],
    )
    .option(
      '--allocate-node-cidrs [boolean]',
      'give every node a range for its pods',
      boolean,
      false,
    )
    .option('--cluster-cidr <range>', 'the range of all pods, as 10.244.0.0/16', '')
    .option(
      '--node-cidr-mask-size <bits>',
      'size of the range of one node',
      integer,
      defaults.nodeCidrMaskSize,
    )
    .option(
      '--node-monitor-period <duration>',
      'time between two looks at a node',
      duration,
      defaults.nodeMonitorPeriodMs,
    )
    .option(
      '--node-monitor-grace-period <duration>',
      'silence after which a node is Unknown',
      duration,
      defaults.nodeMonitorGracePeriodMs,
    )
    .option(
      '--node-startup-grace-period <duration>',
      'the same for a node that has never spoken',
      duration,
      defaults.nodeStartupGracePeriodMs,
    )
    .option(
      '--node-eviction-rate <number>',
      'nodes a second that may lose their pods',
      decimal,
      defaults.nodeEvictionRate,
    )
    .option(
      '--terminated-pod-gc-threshold <count>',
      'finished pods to keep',
      integer,
      defaults.terminatedPodGcThreshold,
    )
    .option('--leader-elect [boolean]', 'work only while holding a lease', boolean, false)
    .option('--leader-elect-resource-namespace <name>', 'namespace of the lease', 'kube-system')
    .option('-v, --v <level>', 'verbosity of the log; 4 shows every attempt', integer, 2)
    .parse(argv)
    .opts<Flags>();
}

/** Throws when values contradict each other. */
export function optionsOf(flags: Flags): Partial<ControllerOptions> {
  enabledControllers(flags.controllers);
  if (flags.allocateNodeCidrs) parseClusterCidr(flags.clusterCidr, flags.nodeCidrMaskSize);
  return {
    controllers: flags.controllers,
    allocateNodeCidrs: flags.allocateNodeCidrs,
    clusterCidr: flags.clusterCidr,
    nodeCidrMaskSize: flags.nodeCidrMaskSize,
    nodeMonitorPeriodMs: flags.nodeMonitorPeriod,
    nodeMonitorGracePeriodMs: flags.nodeMonitorGracePeriod,
    nodeStartupGracePeriodMs: flags.nodeStartupGracePeriod,
    nodeEvictionRate: flags.nodeEvictionRate,
    terminatedPodGcThreshold: flags.terminatedPodGcThreshold,
  };
}

function list(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** Go's flags also come as -v=4. */
function integer(text: string): number {
  const digits = text.replace(/^=/, '');
  if (!/^\d{1,7}$/.test(digits)) throw new InvalidArgumentError('Not a number.');
  return Number(digits);
}

function decimal(text: string): number {
  if (!/^\d+(?:\.\d+)?$/.test(text)) throw new InvalidArgumentError('Not a number.');
  return Number(text);
}

function duration(text: string): number {
  const ms = parseDuration(text);
  if (ms === undefined || ms === 0)
    throw new InvalidArgumentError('Not a duration as 5s or 1m30s.');
  return ms;
}

function boolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('Not true or false.');
  return text === 'true';
}
