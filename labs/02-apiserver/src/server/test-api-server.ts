// startTestApiServer: a whole API server for tests, with an authority of its own, on 127.0.0.1 and a store in memory.
//
// For the tests of all labs: what they talk to is the real server over real TLS; only the disk is missing.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { type KeyValueStore, openMemoryStore } from '@kube-labs/store';
import { Client } from '../client/client.ts';
import type { ClientOptions } from '../client/transport.ts';
import type { ResourceTable } from '../registry/resource-table.ts';
import { ApiServer } from './api-server.ts';
import type { ApiServerOptions } from './api-server-options.ts';
import { kubeconfigText } from './kubeconfig-text.ts';
import { createCertificateAuthority, issueCertificate } from './pki.ts';

const RESTART_TRIES = 200;
const RESTART_PAUSE_MS = 100;

export interface TestApiServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly store: KeyValueStore;
  /** What is served; another one after a restart. */
  readonly table: ResourceTable;
  /** A cluster administrator. */
  readonly adminOptions: ClientOptions;
  /** A new client, closed with the server. */
  client(): Client;
  /** The path of a kubeconfig, removed with the server. */
  kubeconfig(): Promise<string>;
  /** Stops the server and starts another on the same store and port. */
  restart(): Promise<void>;
}

export async function startTestApiServer(
  options: Partial<ApiServerOptions> = {},
): Promise<TestApiServer> {
  const store = options.store ?? (await openMemoryStore());
  const ca = await createCertificateAuthority('kubernetes');
  const local = { dnsNames: ['localhost'], ipAddresses: ['127.0.0.1'] };
  const tls = await issueCertificate(ca, { commonName: 'kube-apiserver', server: true, ...local });
  const who = { commonName: 'kubernetes-admin', organizations: ['system:masters'], client: true };
  const admin = await issueCertificate(ca, who);
  const all = { tls, clientCa: ca.cert, ...options, store };
  let server = await ApiServer.start(all);
  const { port } = server;
  const adminOptions: ClientOptions = { server: server.url, ca: ca.cert, ...admin };
  const clients: Client[] = [];
  let folder: string | undefined;
  return {
    url: server.url,
    port,
    store,
    get table() {
      return server.table;
    },
    adminOptions,
    client() {
      const client = new Client(adminOptions);
      clients.push(client);
      return client;
    },
    async kubeconfig() {
      folder ??= await mkdtemp(join(tmpdir(), 'kube-labs-kubeconfig-'));
      const path = join(folder, 'config');
      await writeFile(
        path,
        kubeconfigText({ server: adminOptions.server, ca: ca.cert, ...admin }),
        { mode: 0o600 },
      );
      return path;
    },
    async restart() {
      await server[Symbol.asyncDispose]();
      server = await startAgain({ ...all, securePort: port });
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()));
      await server[Symbol.asyncDispose]();
      if (options.store === undefined) await store[Symbol.asyncDispose]();
      if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The kernel may have given the port to somebody's outgoing connection meanwhile; such a one ends soon. */
async function startAgain(options: ApiServerOptions): Promise<ApiServer> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ApiServer.start(options);
    } catch (error) {
      const { cause } = error as { readonly cause?: NodeJS.ErrnoException };
      if (cause?.code !== 'EADDRINUSE' || tries === RESTART_TRIES) throw error;
      await wait(RESTART_PAUSE_MS);
    }
  }
}
