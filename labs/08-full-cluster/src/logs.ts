// Logs: what a component has said: `logs scheduler`, `logs node-1/kubelet`, `logs kube-proxy --node node-2`.
//
// resolveComponent() is pure and forgiving about names (apiserver, kube-apiserver); what runs on every node
// needs to be told which. The lines come from the component's log file in its container, so they outlive the
// component, and the container's restart.

import type { Writable } from 'node:stream';
import type { ClusterConfig } from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { loadCluster } from './cluster-state.ts';
import { logPath, type Place, placesOf } from './components.ts';
import { connectDocker } from './docker.ts';

export interface LogTarget extends Place {
  /** As its log file is called: kube-apiserver. */
  readonly component: string;
}

const onControlPlane = ['kube-apiserver', 'kube-scheduler', 'kube-controller-manager', 'machines'];
const onNodes = ['kubelet', 'kube-proxy'];

/** What a person may mean by the names that upstream and the labs use. */
const aliases: Record<string, string> = {
  controllers: 'kube-controller-manager',
  cadvisor: 'kubelet',
  dns: 'kube-proxy',
};

export function resolveComponent(
  config: ClusterConfig,
  text: string,
  nodeOption?: string,
): LogTarget {
  const [first = '', second] = text.split('/');
  const node = second === undefined ? nodeOption : first;
  const asked = second ?? first;
  const known = [...onControlPlane, ...onNodes];
  const component = known.find((name) => [asked, `kube-${asked}`, aliases[asked]].includes(name));
  if (component === undefined) {
    throw new ClusterError(`There is no component ${asked}: it is one of ${known.join(', ')}`);
  }
  const isOnNodes = onNodes.includes(component);
  const place = placeOf(config, isOnNodes ? node : 'control-plane');
  if (place !== undefined) return { ...place, component };
  const names = config.nodes.map(({ name }) => name).join(', ');
  throw new ClusterError(
    node === undefined
      ? `${component} runs on every node: say which one with --node, of ${names}`
      : `The cluster ${config.name} has no node ${node}: it has ${names}`,
  );
}

function placeOf(config: ClusterConfig, node: string | undefined): Place | undefined {
  const only = config.nodes.length === 1 ? config.nodes[0]?.name : undefined;
  return placesOf(config).find((place) => place.node === (node ?? only));
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
