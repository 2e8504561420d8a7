// LoadBalancer's main: the process before several API servers, with a health page; see load-balancer.ts.

import { readFileSync } from 'node:fs';
import { createLogger, runMain, startHealthServer } from '@kube-labs/apiserver';
import { Command } from 'commander';
import { LoadBalancer, lookAt } from './load-balancer.ts';

interface Flags {
  readonly backend: string[];
  readonly certificateAuthority: string;
  readonly port: string;
  readonly healthzPort: string;
}

const flags = new Command('load-balancer')
  .description('Passes TCP connections to API servers that are ready.')
  .requiredOption(
    '--backend <host:port>',
    'an API server; give it again for each',
    (text, previous: string[] = []) => [...previous, text],
  )
  .requiredOption('--certificate-authority <file>', 'proves the API servers')
  .option('--port <port>', 'where to listen', '6443')
  .option('--healthz-port <port>', 'port of /healthz on 127.0.0.1', '8080')
  .parse()
  .opts<Flags>();

runMain('load-balancer', async (signal) => {
  const log = createLogger('load-balancer', { verbosity: 2 });
  const ca = readFileSync(flags.certificateAuthority, 'utf8');
  const backends = flags.backend.map((text) => {
    const [host = '', port = ''] = text.split(':');
    return { host, port: Number(port) };
  });
  await using balancer = new LoadBalancer({
    backends,
    look: (backend, patience) => lookAt(backend, ca, patience),
    log,
  });
  const port = await balancer.listen(Number(flags.port), '0.0.0.0');
  await using health = await startHealthServer({
    address: '127.0.0.1',
    port: Number(flags.healthzPort),
  });
  log.info('Serving', { port, health: health.port, backends: flags.backend.join(',') });
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
});
