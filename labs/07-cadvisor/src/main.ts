// Main: cAdvisor as a process of its own: measures the containers of this machine and answers over HTTP.
import { once } from 'node:events';
import { hostname } from 'node:os';
import { createLogger, runMain } from '@kube-labs/apiserver';
import { Command } from 'commander';
import { createRestApi } from './rest-api.ts';
import { createStatsProvider } from './stats-provider.ts';

interface Flags {
  readonly listenIp: string;
  readonly port: string;
  readonly docker: string;
  readonly housekeepingInterval: string;
  readonly v: string;
}

const command = new Command('cadvisor')
  .description('Measures the containers of this machine: cAdvisor in miniature.')
  .option('--listen-ip <address>', 'address to listen on', '127.0.0.1')
  .option('--port <port>', 'port to listen on', '8080')
  .option('--docker <socket>', "the engine's socket", '/var/run/docker.sock')
  .option('--housekeeping-interval <seconds>', 'seconds between two samples', '10')
  .option('-v, --v <level>', 'log verbosity', '0');

runMain('cadvisor', async (signal) => {
  const flags = command.parse().opts<Flags>();
  const log = createLogger('cadvisor', { verbosity: Number(flags.v) });
  const provider = createStatsProvider(
    {
      nodeName: hostname(),
      dockerSocket: flags.docker,
      housekeepingIntervalMs: Number(flags.housekeepingInterval) * 1000,
      log,
    },
    signal,
  );
  const server = createRestApi(provider);
  server.listen(Number(flags.port), flags.listenIp);
  await once(server, 'listening');
  log.info('Listening', { address: `http://${flags.listenIp}:${flags.port}` });
  if (!signal.aborted) await once(signal, 'abort');
  server.close();
  server.closeAllConnections();
});
