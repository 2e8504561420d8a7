// startServers: the kubelet's two ports: its API over TLS for those who may, and its health on 127.0.0.1 for everybody.
//
// Same idea upstream: ListenAndServe and startHealthz in kubernetes, cmd/kubelet/app/server.go.

import { healthListener, startHealthServer } from '@kube-labs/apiserver';
import type { KubeletOptions } from '../options.ts';
import type { KubeletParts } from '../parts/kubelet-parts.ts';
import { authentication } from './authentication.ts';
import { authorization } from './authorization.ts';
import { configz } from './configz.ts';
import { startKubeletServer } from './kubelet-server.ts';
import { readTlsFiles } from './tls-files.ts';

export async function startServers(options: KubeletOptions, parts: KubeletParts) {
  const { runtime, stats, log, pods, statuses, cache, client, clock, metrics } = parts;
  metrics.showPods(() => cache.list());
  const tls = await readTlsFiles(options);
  // A logger that cannot write throws; the line itself is for those who look for it.
  const checks = {
    log: () => log.debug('Health is asked for'),
    syncloop: () => parts.syncLoop.check(),
  };
  const server = await startKubeletServer({
    ...{ address: options.address, port: options.port, tls, runtime, stats, log, pods },
    statusOf: (uid) => statuses.get(uid),
    health: healthListener({ checks }),
    metrics: () => metrics.text(),
    probeMetrics: () => metrics.probes.text(),
    configz: () => configz(options),
    volumeUsage: (pod) => parts.volumes.usage(pod),
    authenticate: authentication({
      ...{ client, clock, certificates: tls.clientCa !== undefined },
      anonymous: options.anonymousAuth,
      tokenWebhook: options.authenticationTokenWebhook,
      tokenCacheTtlMs: options.authenticationTokenWebhookCacheTtlMs,
    }),
    authorize: authorization({
      ...{ client, clock, nodeName: options.nodeName, mode: options.authorizationMode },
      authorizedTtlMs: options.authorizationWebhookCacheAuthorizedTtlMs,
      unauthorizedTtlMs: options.authorizationWebhookCacheUnauthorizedTtlMs,
    }),
    counted: (method, path) => metrics.httpRequests.inc({ method, path }),
  });
  const health = await startHealthServer({
    ...{ address: '127.0.0.1', port: options.healthzPort, checks },
    metrics: () => metrics.text(),
  });
  return { server, health };
}
