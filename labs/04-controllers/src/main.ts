// main: the controller manager as a process. Reads flags, wires the real clock and client, runs until it is told to stop.
//
// Same flags upstream: kube-controller-manager. The port is 10257 as there, but plain HTTP. Left out: --use-service-account-credentials,
// certificates of its own, and the flags of controllers that we do not have.

import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  Client,
  createLogger,
  LeaderElector,
  loadKubeconfig,
  runMain,
  startHealthServer,
} from '@kube-labs/apiserver';
import { ControllerManager } from './controller-manager.ts';
import { optionsOf, readFlags } from './flags.ts';

runMain('kube-controller-manager', async (signal) => {
  const flags = readFlags();
  const options = optionsOf(flags);
  const log = createLogger('controller-manager', { verbosity: flags.v });
  const connection = loadKubeconfig(flags.kubeconfig);
  await using client = new Client({
    ...connection,
    userAgent: 'kube-controller-manager/kube-labs',
  });
  const manager = new ControllerManager(client, { options, log });
  await using health = await startHealthServer({
    address: flags.bindAddress,
    port: flags.securePort,
    metrics: () => manager.metrics.text(),
    readyChecks: {
      'informer-sync': () => {
        if (!manager.hasSynced) throw new Error('the first look at the cluster is not complete');
      },
    },
  });
  const { server } = connection;
  log.info('Serving health and metrics', { address: flags.bindAddress, port: health.port, server });
  const lease = { namespace: flags.leaderElectResourceNamespace, name: 'kube-controller-manager' };
  const identity = `${hostname()}_${randomUUID()}`;
  const run = (leading: AbortSignal) => manager.run(leading);
  if (flags.leaderElect) await new LeaderElector(client, { lease, identity, log }).run(signal, run);
  else await run(signal);
  log.info('Stopped');
});
