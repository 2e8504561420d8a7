// cluster: one real cluster for a run of the whole-cluster tests, started and removed through the launcher as a person would.
//
// KUBE_LABS_STORE=etcd gives it three control planes, and with them a real etcd of three members (Debian's etcd-server) in place of
// the store of lab 01.
// KUBE_LABS_UP gives further flags for its start, where a machine's own networks are in the way: --pod-cidr=10.200.0.0/16
// KUBE_LABS_CLUSTER=NAME uses a cluster that runs already and leaves it alone: for the one who writes tests.
import type { TestProject } from 'vitest/node';
import { launcher, upFlags } from './process.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    cluster: string;
    kubeconfig: string;
    store: 'store' | 'etcd';
  }
}

interface Running {
  readonly name: string;
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

const STORE = process.env.KUBE_LABS_STORE === 'etcd' ? 'etcd' : 'store';

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
  const stop = async () => {
    if (existing === undefined) await launcher(['down', '--name', name], { timeoutMs: 240_000 });
  };
  try {
    if (existing === undefined) await up(name);
    const { stdout } = await launcher(['kubeconfig', '--name', name]);
    return { name, kubeconfig: stdout.trim(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function up(cluster: string): Promise<void> {
  await launcher(['down', '--name', cluster], { timeoutMs: 240_000 });
  const planes = STORE === 'etcd' ? ['--control-planes', '3'] : [];
  const args = ['up', '--name', cluster, '--clock', 'fast', '--no-demo', ...planes, ...upFlags];
  const { code, stdout, stderr } = await launcher(args, { timeoutMs: 600_000 });
  if (code !== 0) throw new Error(`Cannot start cluster ${cluster} (${code}): ${stdout}${stderr}`);
}
