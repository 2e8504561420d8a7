// A store in this process, served on a free port of the loopback as etcd serves its own.
import type { TlsOptions } from 'node:tls';
import { AuthStore } from '#src/auth/auth-store.ts';
import { type EtcdServerOptions, startEtcdServer } from '#src/grpc/etcd-server.ts';
import { newIdentity } from '#src/grpc/identity.ts';
import { EtcdMetrics } from '#src/grpc/metrics.ts';
import { type MemoryStoreOptions, openMemoryStore } from '#src/open-store.ts';
import type { Store } from '#src/store.ts';

export interface Served extends AsyncDisposable {
  readonly store: Store;
  readonly users: AuthStore;
  readonly url: string;
  /** Ends the server, and leaves the store. */
  stop(): PromiseLike<void>;
}

export interface ServeOptions extends MemoryStoreOptions {
  readonly tls?: TlsOptions;
  readonly server?: Partial<EtcdServerOptions>;
}

export async function serve({ tls, server, ...options }: ServeOptions = {}): Promise<Served> {
  const store = await openMemoryStore(options);
  const users = new AuthStore(store.meta);
  const scheme = tls === undefined ? 'http' : 'https';
  const running = await startEtcdServer({
    store,
    maintenance: store.maintenance,
    users,
    identity: newIdentity(),
    metrics: new EtcdMetrics(),
    listenClientUrls: [new URL(`${scheme}://127.0.0.1:0`)],
    ...(tls && { tls }),
    ...server,
  });
  const [url = ''] = running.clientUrls;
  const stop = () => running[Symbol.asyncDispose]();
  return {
    store,
    users,
    url,
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await store[Symbol.asyncDispose]();
    },
  };
}
