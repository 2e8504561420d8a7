// cluster: one real cluster for a run of the whole-cluster tests, started and removed through the launcher as a person would.
//
// KUBE_LABS_STORE=etcd gives the same cluster a real etcd (Debian's etcd-server, on an address of Docker's default bridge, which
// every container can reach) in place of the store in the API server's process.
// KUBE_LABS_CLUSTER=NAME uses a cluster that runs already and leaves it alone: for the one who writes tests.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { eventually } from './eventually.ts';
import { freePort, launcher, run } from './process.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: string;
    kubeconfig: string;
    store: 'in-process' | 'etcd';
  }
}

interface Etcd {
  readonly url: string;
  stop(): Promise<void>;
}

interface Running {
  readonly name: string;
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

const STORE = process.env.KUBE_LABS_STORE === 'etcd' ? 'etcd' : 'in-process';

/** Each project of the run loads this file anew, and all of them share one cluster: so it is kept where they all see it. */
const shared = globalThis as typeof globalThis & {
  kubeLabsCluster?: { users: number; running: Promise<Running> };
};

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  shared.kubeLabsCluster ??= { users: 0, running: start() };
  const cluster = shared.kubeLabsCluster;
  cluster.users += 1;
  const { name, kubeconfig } = await cluster.running;
  project.provide('cluster', name);
  project.provide('kubeconfig', kubeconfig);
  project.provide('store', STORE);
  return async () => {
    cluster.users -= 1;
    if (cluster.users === 0) await (await cluster.running).stop();
  };
}

async function start(): Promise<Running> {
  const existing = process.env.KUBE_LABS_CLUSTER;
  const name = existing ?? `kl-test-${STORE === 'etcd' ? 'e' : 's'}`;
  const etcd = STORE === 'etcd' && existing === undefined ? await startEtcd() : undefined;
  const stop = async () => {
    if (existing === undefined) await launcher(['down', '--name', name], { timeoutMs: 120_000 });
    await etcd?.stop();
  };
  try {
    if (existing === undefined) await up(name, etcd?.url);
    const { stdout } = await launcher(['kubeconfig', '--name', name]);
    return { name, kubeconfig: stdout.trim(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function up(cluster: string, etcdUrl: string | undefined): Promise<void> {
  await launcher(['down', '--name', cluster], { timeoutMs: 120_000 });
  const etcdFlag = etcdUrl === undefined ? [] : ['--etcd', etcdUrl];
  const args = ['up', '--name', cluster, '--clock', 'fast', '--no-demo', ...etcdFlag];
  const { code, stdout, stderr } = await launcher(args, { timeoutMs: 300_000 });
  if (code !== 0) throw new Error(`Cannot start cluster ${cluster} (${code}): ${stdout}${stderr}`);
}

async function startEtcd(): Promise<Etcd> {
  const address = await bridgeAddress();
  const port = await freePort();
  const url = `http://${address}:${port}`;
  const dataDir = mkdtempSync(join(tmpdir(), 'kl-test-etcd-'));
  const peer = `http://127.0.0.1:${await freePort()}`;
  const child = spawn('etcd', [
    ...['--data-dir', dataDir, '--listen-client-urls', url, '--advertise-client-urls', url],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
    ...['--initial-cluster', `default=${peer}`, '--log-level', 'error'],
  ]);
  await eventually(async () => {
    const response = await fetch(`${url}/health`);
    if (!response.ok) throw new Error(`etcd at ${url} is not healthy yet`);
  });
  return {
    url,
    stop: async () => {
      await ended(child);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** The host's own address on Docker's default bridge. */
async function bridgeAddress(): Promise<string> {
  const { stdout } = await run('ip', ['-4', '-o', 'addr', 'show', 'docker0']);
  const address = /inet ([\d.]+)/.exec(stdout)?.[1];
  if (address === undefined)
    throw new Error("Cannot find the host's address on Docker's bridge docker0");
  return address;
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}
