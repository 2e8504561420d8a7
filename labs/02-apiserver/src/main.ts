// Main: kube-apiserver as a process: flags, certificates, the store, and the server until it is told to stop.
//
// Without TLS files it makes an authority of its own in --cert-dir and, with --write-kubeconfig, a kubeconfig of an administrator:
// enough to try it alone, `kubectl --kubeconfig FILE get namespaces`. Flag names are upstream's; each group is a file in flags/.

import { once } from 'node:events';
import { createLogger, runMain } from '@kube-labs/store';
import { apiServerCommand, optionsOf } from './flags/all.ts';
import { writeKubeconfig } from './flags/certificates.ts';
import { openStoreOf } from './flags/etcd.ts';
import type { Flags } from './flags/flag-group.ts';
import { numberOf } from './flags/values.ts';
import { ApiServer } from './server/api-server.ts';
import { frugalHeap } from './server/frugal-heap.ts';

runMain('kube-apiserver', async (signal) => {
  const flags = apiServerCommand().parse().opts<Flags>();
  const log = createLogger('kube-apiserver', { verbosity: numberOf(flags, '--v') ?? 2 });
  const options = await optionsOf(flags);
  const store = await openStoreOf(flags, log, signal);
  try {
    const server = await ApiServer.start({ ...options, store, log, signal });
    log.info('Serving the Kubernetes API', { url: server.url });
    frugalHeap();
    await writeKubeconfig(flags, server.url);
    if (!signal.aborted) await once(signal, 'abort');
    await server[Symbol.asyncDispose]();
  } finally {
    await store[Symbol.asyncDispose]();
  }
});
