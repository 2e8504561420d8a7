// Main: the store as a process: etcd's flags, the data directory, and its API on the wire until it is told to stop.
//
// The order: flags → certificates → data (locked, recovered) → who we are → ports. It ends the other way round: no new calls, watches ended,
// writes finished, the log closed. Whoever needs it may restart it at any time; clients come back by themselves.
// Upstream: etcd, etcdmain/etcd.go.
import { readFile } from 'node:fs/promises';
import type { TlsOptions } from 'node:tls';
import { AuthStore } from './auth/auth-store.ts';
import { parseRetention, runCompactor } from './compactor.ts';
import { createLogger, type Logger, messageOf } from './component/logger.ts';
import { runMain } from './component/run-main.ts';
import { realDisk } from './disk.ts';
import { startEtcdServer } from './grpc/etcd-server.ts';
import { type EtcdFlags, etcdCommand } from './grpc/flags.ts';
import { openIdentity } from './grpc/identity.ts';
import { EtcdMetrics } from './grpc/metrics.ts';
import { StoreError } from './kv.ts';
import { openStore } from './open-store.ts';
import { preallocating } from './preallocate.ts';

const DEBUG_VERBOSITY = 4;

async function serve(flags: EtcdFlags, signal: AbortSignal): Promise<void> {
  const log = levelled(flags);
  const tls = await tlsOf(flags);
  const dataDir = flags.dataDir ?? `${flags.name}.etcd`;
  const metrics = new EtcdMetrics();
  await using store = await openStore({
    dataDir,
    disk: metrics.timed(preallocating(realDisk)),
    snapshotCount: flags.snapshotCount,
    progressIntervalMs: flags.experimentalWatchProgressNotifyInterval,
    quotaBackendBytes: flags.quotaBackendBytes,
    maxTxnOps: flags.maxTxnOps,
    maxRequestBytes: flags.maxRequestBytes,
    warn: (message) => log.warn(message),
  });
  const { revision } = await store.status();
  const identity = await openIdentity(store.meta);
  log.info('Opened the store', { dataDir, revision, memberId: hex(identity.memberId) });
  await using server = await startEtcdServer({
    store,
    maintenance: store.maintenance,
    users: new AuthStore(store.meta, { tokenTtlSeconds: flags.authTokenTtl }),
    identity,
    metrics,
    ...(isDebug(flags) && { callLog: log }),
    name: flags.name,
    listenClientUrls: flags.listenClientUrls,
    listenMetricsUrls: flags.listenMetricsUrls ?? [],
    advertisePeerUrls: originsOf(flags.initialAdvertisePeerUrls ?? []),
    ...(flags.advertiseClientUrls && {
      advertiseClientUrls: originsOf(flags.advertiseClientUrls),
    }),
    ...(tls && { tls }),
    requestBytesMax: flags.maxRequestBytes,
    ...(flags.maxConcurrentStreams !== undefined && { streamsMax: flags.maxConcurrentStreams }),
    quotaBytes: flags.quotaBackendBytes,
    keepAliveIntervalMs: flags.grpcKeepaliveInterval,
    keepAliveTimeoutMs: flags.grpcKeepaliveTimeout,
  });
  for (const url of server.clientUrls) log.info('Serving clients', { url });
  for (const url of server.metricsUrls) log.info('Serving metrics', { url });
  const { autoCompactionMode: mode, autoCompactionRetention: text } = flags;
  const retention = parseRetention(mode, text);
  await Promise.all([
    runCompactor(store, { mode, retention, log: (message) => log.info(message) }, signal),
    aborted(signal),
  ]);
  log.info('Stopping: finishing writes and ending watches');
}

/** Also when it was aborted before: who is told to stop while it opens the store does not hear of it again. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve());
  });
}

/** Undefined = no https. Asking for certificates without being able to check them would let everybody in. */
async function tlsOf(flags: EtcdFlags): Promise<TlsOptions | undefined> {
  const { certFile, keyFile, trustedCaFile, clientCertAuth } = flags;
  const urls = [...flags.listenClientUrls, ...(flags.listenMetricsUrls ?? [])];
  const secure = urls.find(({ protocol }) => protocol === 'https:');
  if (secure === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new Error(`cannot listen on ${secure.origin}: give --cert-file and --key-file`);
  }
  const [cert, key, ca] = await Promise.all([
    fileOf('--cert-file', certFile),
    fileOf('--key-file', keyFile),
    trustedCaFile === undefined ? undefined : fileOf('--trusted-ca-file', trustedCaFile),
  ]);
  if (ca === undefined && clientCertAuth) {
    throw new Error('cannot check the certificates of clients: give --trusted-ca-file');
  }
  return ca === undefined
    ? { cert, key }
    : { cert, key, ca, requestCert: true, rejectUnauthorized: true };
}

async function fileOf(flag: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`cannot read the file of ${flag}: ${messageOf(error)}`, { cause: error });
  }
}

function originsOf(urls: readonly URL[]): readonly string[] {
  return urls.map(({ origin }) => origin);
}

/** etcd prints ids like this everywhere. */
function hex(decimal: string): string {
  return BigInt(decimal).toString(16);
}

/** The logger that says as much as --log-level and -v allow. */
function levelled(flags: EtcdFlags): Logger {
  const { logLevel } = flags;
  const log = createLogger('etcd', isDebug(flags) ? { verbosity: DEBUG_VERBOSITY } : {});
  const silent = () => undefined;
  if (logLevel === 'error') return { ...log, info: silent, warn: silent, debug: silent };
  return logLevel === 'warn' ? { ...log, info: silent, debug: silent } : log;
}

function isDebug({ logLevel, v = 0 }: EtcdFlags): boolean {
  return logLevel === 'debug' || v >= DEBUG_VERBOSITY;
}

const command = etcdCommand();
command.action(() => {
  const flags = command.opts<EtcdFlags>();
  try {
    parseRetention(flags.autoCompactionMode, flags.autoCompactionRetention);
  } catch (error) {
    command.error(
      `error: option '--auto-compaction-retention' is invalid: ${(error as Error).message}`,
    );
  }
  runMain('etcd', (signal) =>
    serve(flags, signal).catch((error: unknown) => {
      // Its message is a whole sentence; what was behind it would say the same again.
      throw StoreError.is(error) ? new Error(error.message) : error;
    }),
  );
});
command.parse();
