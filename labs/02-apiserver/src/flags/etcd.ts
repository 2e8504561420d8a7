// Etcd flags: where the objects lie.
//
// Without --etcd-servers the store runs in this process, in --data-dir: one program is a whole control plane's memory.
//
// Same names upstream: apiserver, server/options/etcd.go.

import { type KeyValueStore, type Logger, openEtcd3Store, openStore } from '@kube-labs/store';
import { sleep } from '../client/clock.ts';
import type { FlagGroup, Flags } from './flag-group.ts';
import { checkTogether, defined, durationOf, fileOf, listOf, textOf } from './values.ts';

const RETRY_DELAY_MS = 1000;

export const etcdFlags: FlagGroup = {
  title: 'Etcd flags:',
  add(command) {
    command
      .option(
        '--data-dir <dir>',
        'where the store in this process keeps its log; not used with --etcd-servers',
        './kube-labs-data',
      )
      .option('--etcd-servers <urls>', 'use a real etcd instead: URL[,URL…]')
      .option('--etcd-cafile <file>', 'authority whose certificates prove etcd')
      .option('--etcd-certfile <file>', 'certificate that proves this server to etcd')
      .option('--etcd-keyfile <file>', 'its key')
      .option('--event-ttl <duration>', 'how long events are kept', '1h0m0s');
  },
  options(flags) {
    const ttlMs = durationOf(flags, '--event-ttl');
    return defined({ eventTtlSeconds: ttlMs === undefined ? undefined : Math.ceil(ttlMs / 1000) });
  },
};

/** Waits for an etcd that does not answer yet, until the signal aborts. */
export async function openStoreOf(
  flags: Flags,
  log: Logger,
  signal: AbortSignal,
): Promise<KeyValueStore> {
  const endpoints = listOf(flags, '--etcd-servers');
  if (endpoints === undefined) {
    const dataDir = textOf(flags, '--data-dir') ?? './kube-labs-data';
    return openStore({ dataDir, warn: (message) => log.warn(message) });
  }
  const tls = await etcdTls(flags);
  for (;;) {
    try {
      return await openEtcd3Store({ endpoints, ...(tls === undefined ? {} : { tls }) });
    } catch (error) {
      if (signal.aborted) throw error;
      log.warn('Waiting for etcd', { endpoints: endpoints.join(','), error });
    }
    await sleep(RETRY_DELAY_MS, signal);
  }
}

async function etcdTls(flags: Flags) {
  checkTogether(flags, ['--etcd-certfile', '--etcd-keyfile']);
  const [ca, cert, key] = await Promise.all(
    ['--etcd-cafile', '--etcd-certfile', '--etcd-keyfile'].map((flag) => fileOf(flags, flag)),
  );
  if (ca === undefined) {
    if (cert === undefined) return undefined;
    throw new Error('Cannot use --etcd-certfile without --etcd-cafile: give both');
  }
  const own = cert === undefined || key === undefined ? undefined : { cert, key };
  return {
    ca: Buffer.from(ca),
    ...(own && { cert: Buffer.from(own.cert), key: Buffer.from(own.key) }),
  };
}
