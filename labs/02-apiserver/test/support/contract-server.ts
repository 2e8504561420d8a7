// A server as stock clients meet it, on our store or on a real etcd, and a home in which their configuration and caches live.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type KeyValueStore, openEtcd3Store, openMemoryStore } from '@kube-labs/store';
import type { ApiServerOptions } from '#src/server/api-server-options.ts';
import { startTestApiServer, type TestApiServer } from '#src/server/test-api-server.ts';
import { startEtcd } from '../../../01-store/test/support/etcd.ts';
import {
  type Layer,
  type Ran,
  type RunOptions,
  runTool,
  type ToolName,
  toolLines,
  toolPath,
} from './tools.ts';

export type StoreKind = 'our store' | 'etcd';

export interface ContractServer extends AsyncDisposable {
  readonly api: TestApiServer;
  readonly kubeconfig: string;
  /** A folder for files of the test; removed with the server. */
  readonly folder: string;
  /** Runs a tool as the administrator of the cluster. */
  run(tool: ToolName, layer: Layer, args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** What it prints, until the reader has enough. */
  lines(tool: ToolName, layer: Layer, args: readonly string[]): AsyncIterable<string>;
}

export async function startContractServer(
  kind: StoreKind,
  options: Partial<ApiServerOptions> = {},
): Promise<ContractServer> {
  const folder = await mkdtemp(join(tmpdir(), 'kube-labs-contract-'));
  const opened: AsyncDisposable[] = [];
  const dispose = async (): Promise<void> => {
    for (const part of opened.reverse()) await part[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const store = await openStoreOf(kind, opened);
    const api = await startTestApiServer({ ...options, store });
    opened.push(api);
    const kubeconfig = await api.kubeconfig();
    // Helm 4 and kubectl keep what discovery told them here; it is theirs alone.
    const home = Object.fromEntries(
      ['HOME', 'HELM_CACHE_HOME', 'HELM_CONFIG_HOME', 'HELM_DATA_HOME'].map((key) => [key, folder]),
    );
    const base = { ...home, KUBECONFIG: kubeconfig };
    return {
      api,
      kubeconfig,
      folder,
      async run(tool, layer, args, { env, ...rest } = {}) {
        const all = { ...base, ...env };
        return runTool(await toolPath(tool, layer), args, { cwd: folder, ...rest, env: all });
      },
      async *lines(tool, layer, args) {
        yield* toolLines(await toolPath(tool, layer), args, { cwd: folder, env: base });
      },
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

/** What was opened is added to `opened`, in the order of opening. */
async function openStoreOf(kind: StoreKind, opened: AsyncDisposable[]): Promise<KeyValueStore> {
  if (kind === 'etcd') {
    const etcd = await startEtcd();
    opened.push(etcd);
    const { endpoint } = etcd;
    // The disk under it may be busy for longer than a server should wait.
    const store = await openEtcd3Store({ endpoints: [endpoint], requestTimeoutMs: 60_000 });
    opened.push(store);
    return store;
  }
  const store = await openMemoryStore();
  opened.push(store);
  return store;
}
