// Machines' main: the process in the control plane that gives nodes the fate of machines (see machines.ts).

import { createLogger, runMain } from '@kube-labs/apiserver';
import { Command } from 'commander';
import Docker from 'dockerode';
import { runMachines } from './machines.ts';

const command = new Command('machines')
  .description(
    "Mirrors the death, pause and restart of node containers onto their pods' containers.",
  )
  .requiredOption('--cluster-name <name>', 'the cluster, as its containers are labelled')
  .option('-v, --v <level>', 'how much to log', '0')
  .parse();

runMain('machines', async (signal) => {
  const { clusterName, v } = command.opts<{ clusterName: string; v: string }>();
  const log = createLogger('machines', { verbosity: Number(v) });
  log.info('Watching the nodes of a cluster', { cluster: clusterName });
  await runMachines({ docker: new Docker(), cluster: clusterName, log }, signal);
});
