// Logs: what a component has said: `logs scheduler`, `logs node-1/kubelet`, `logs kube-proxy --node node-2`.
//
// resolveComponent() is pure and forgiving about names (apiserver, kube-apiserver); what runs on several
// machines needs to be told which. A static pod's lines come from the engine, as `kubectl -n kube-system logs`
// has them, but without an API server; the others' from the component's log file in its container, so they
// outlive the component, and the container's restart.

import type { Writable } from 'node:stream';
import { type ClusterConfig, isReplicated, loadBalancer, machinesOf } from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { loadCluster } from './cluster-state.ts';
import { logPath, type Place, placesOf } from './components.ts';
import { connectDocker } from './docker.ts';
import { copyPodLog, podComponentsOf } from './pod-components.ts';

export interface LogTarget extends Place {
  /** As its log file or its container is called: kube-apiserver. */
  readonly component: string;
  readonly isPod: boolean;
}

const onMachines = ['kubelet', 'kube-proxy'];

/** What a person may mean by the names that upstream and the labs use. */
const aliases: Record<string, string> = {
  controllers: 'kube-controller-manager',
  cadvisor: 'kubelet',
  dns: 'kube-proxy',
  etcd: 'store',
  store: 'etcd',
};

export function resolveComponent(
  config: ClusterConfig,
  text: string,
  nodeOption?: string,
): LogTarget {
  const [first = '', second] = text.split('/');
  const node = second === undefined ? nodeOption : first;
  const asked = second ?? first;
  const pods = podComponentsOf(config);
  const balancers = isReplicated(config) ? [loadBalancer] : [];
  const known = [...pods, ...onMachines, ...balancers];
  const component = known.find((name) => [asked, `kube-${asked}`, aliases[asked]].includes(name));
  if (component === undefined) {
    throw new ClusterError(`There is no component ${asked}: it is one of ${known.join(', ')}`);
  }
  const isPod = pods.includes(component);
  const machines = isPod ? config.controlPlanes : machinesOf(config);
  const names = component === loadBalancer ? balancers : machines.map(({ name }) => name);
  const place = placeOf(config, names, node);
  if (place !== undefined) return { ...place, component, isPod };
  throw new ClusterError(
    node === undefined
      ? `${component} runs on several machines: say which one with --node, of ${names.join(', ')}`
      : `The cluster ${config.name} has no ${component} on ${node}: it has one on ${names.join(', ')}`,
  );
}

function placeOf(
  config: ClusterConfig,
  names: readonly string[],
  node: string | undefined,
): Place | undefined {
  const chosen = node ?? (names.length === 1 ? names[0] : undefined);
  if (chosen === undefined || !names.includes(chosen)) return undefined;
  return placesOf(config).find((place) => place.node === chosen);
}

export interface LogsOptions {
  readonly node?: string;
  readonly follow?: boolean;
}

/** Copies the log to `output`; with `follow` until aborted. */
export async function copyLogs(
  cluster: string,
  component: string,
  { node, follow = false, output }: LogsOptions & { output: Writable },
  signal: AbortSignal,
): Promise<void> {
  const config = await loadCluster(cluster);
  const target = resolveComponent(config, component, node);
  const docker = await connectDocker();
  if (target.isPod) {
    const { component: name, node: machine } = target;
    const wanted = { follow, output };
    if (await copyPodLog(docker, config, { name, node: machine }, wanted, signal)) return;
    throw new ClusterError(
      `${name} has no container on ${machine} yet: see what its kubelet says with \`npx tsx labs/08-full-cluster logs ${machine}/kubelet --name ${cluster}\``,
    );
  }
  const container = docker.getContainer(target.container);
  const { State } = await container.inspect();
  if (!State.Running) {
    throw new ClusterError(
      `${target.container} does not run, so its logs cannot be read: start it with \`npx tsx labs/08-full-cluster up --name ${cluster}\``,
    );
  }
  const exec = await container.exec({
    Cmd: ['tail', '-n', '+1', ...(follow ? ['-F'] : []), logPath(target.component)],
    AttachStdout: true,
    AttachStderr: false,
  });
  const stream = await exec.start({});
  docker.modem.demuxStream(stream, output, output);
  const stop = () => stream.destroy();
  signal.addEventListener('abort', stop);
  await new Promise<void>((resolve) => {
    stream.once('end', resolve);
    stream.once('close', resolve);
    stream.once('error', () => resolve());
  });
  signal.removeEventListener('abort', stop);
}
