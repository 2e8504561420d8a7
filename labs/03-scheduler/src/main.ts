// main: the scheduler as a process. Reads flags, wires the real clock and client, runs until it is told to stop.
//
// Same flags upstream: kube-scheduler. Left out: --config, --authentication-kubeconfig, --authorization-kubeconfig, TLS on the
// health port.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  Client,
  createLogger,
  LeaderElector,
  type Logger,
  loadKubeconfig,
  runMain,
  startHealthServer,
} from '@kube-labs/apiserver';
import { Command, InvalidArgumentError } from 'commander';
import { Scheduler } from './scheduler.ts';

interface Flags {
  readonly kubeconfig: string;
  readonly bindAddress: string;
  readonly securePort: number;
  readonly leaderElect: boolean;
  readonly leaderElectResourceNamespace: string;
  readonly v: number;
}

runMain('kube-scheduler', async (signal) => {
  const flags = readFlags();
  const log = createLogger('scheduler', { verbosity: flags.v });
  const options = loadKubeconfig(flags.kubeconfig);
  await using client = new Client({ ...options, userAgent: 'kube-scheduler/kube-labs' });
  const scheduler = new Scheduler(client, { log });
  await using health = await startHealthServer({
    address: flags.bindAddress,
    port: flags.securePort,
    metrics: () => scheduler.metrics.text(),
    readyChecks: {
      'sched-handler-sync': () => {
        if (!scheduler.hasSynced) throw new Error('the first look at the cluster is not complete');
      },
    },
  });
  const { server } = options;
  log.info('Serving health and metrics', { address: flags.bindAddress, port: health.port, server });
  const run = (leading: AbortSignal) => scheduler.run(leading);
  if (flags.leaderElect) await elector(client, flags, log).run(signal, run);
  else await run(signal);
  log.info('Stopped');
});

function elector(client: Client, flags: Flags, log: Logger): LeaderElector {
  const lease = { namespace: flags.leaderElectResourceNamespace, name: 'kube-scheduler' };
  return new LeaderElector(client, { lease, identity: `${hostname()}_${randomUUID()}`, log });
}

function readFlags(): Flags {
  return new Command('kube-scheduler')
    .description('Finds a node for every pod that has none.')
    .requiredOption('--kubeconfig <file>', 'where the API server is, and who we are')
    .option('--bind-address <address>', 'address of /healthz and /metrics', '0.0.0.0')
    .option(
      '--secure-port <port>',
      'port of /healthz and /metrics (plain HTTP here)',
      integer,
      10259,
    )
    .option('--leader-elect [boolean]', 'work only while holding a lease', boolean, false)
    .option('--leader-elect-resource-namespace <name>', 'namespace of the lease', 'kube-system')
    .option(
      '-v, --v <level>',
      'verbosity of the log; 4 shows conflicts and retries too',
      integer,
      2,
    )
    .parse()
    .opts<Flags>();
}

/** Go's flags also come as -v=4. */
function integer(text: string): number {
  const digits = text.replace(/^=/, '');
  if (!/^\d{1,5}$/.test(digits)) throw new InvalidArgumentError('Not a number.');
  return Number(digits);
}

function boolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new InvalidArgumentError('Not true or false.');
  return text === 'true';
}
