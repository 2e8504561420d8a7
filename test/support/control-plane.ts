// control-plane: hands on the containers of the cluster under test, as an operator or an accident has them.
import { inject } from 'vitest';
import { eventually } from './eventually.ts';
import { getJson } from './kubectl.ts';
import { docker } from './process.ts';

export type Component =
  | 'kube-apiserver'
  | 'kube-scheduler'
  | 'kube-controller-manager'
  | 'machines'
  | 'store'
  | 'etcd';

export const nodeContainer = (node: string): string => `${inject('cluster')}-${node}`;
/** The names of the control planes of the cluster under test. */
export const controlPlanes = (): readonly string[] =>
  inject('store') === 'etcd'
    ? ['control-plane', 'control-plane-2', 'control-plane-3']
    : ['control-plane'];

export const controlPlaneContainer = (): string => nodeContainer('control-plane');

/** The container of a control plane's component, by what the kubelet says on it: it is a static pod. Empty while there is none. */
export function componentContainer(
  component: Component,
  node = 'control-plane',
  cluster = inject('cluster'),
): Promise<string> {
  const labels = [
    `kube-labs=${cluster}`,
    `kube-labs.node=${node}`,
    'io.kubernetes.docker.type=container',
    'io.kubernetes.pod.namespace=kube-system',
    `io.kubernetes.container.name=${component}`,
  ];
  const filters = labels.flatMap((label) => ['--filter', `label=${label}`]);
  return docker('ps', '-q', '--no-trunc', ...filters);
}

/** Kills a component of the control plane, as `docker kill` does, and returns the container that it was. */
export async function killComponent(component: Component, node = 'control-plane'): Promise<string> {
  // One that waits to be restarted cannot be killed yet.
  return eventually(async () => {
    const container = await componentContainer(component, node);
    if (container === '') throw new Error(`${component} does not run on ${node}`);
    await docker('kill', container);
    return container;
  });
}

/** Kills a program of a node's own, which its supervisor restarts, with SIGKILL. */
export async function killProgram(program: 'kubelet' | 'kube-proxy', node: string): Promise<void> {
  const read = ['exec', nodeContainer(node), 'cat', '/run/kube-labs/status.json'];
  const states: { name: string; pid: number }[] = JSON.parse(await docker(...read));
  const pid = states.find(({ name }) => name === program)?.pid;
  await docker('exec', nodeContainer(node), 'kill', '-9', String(pid));
}

/** The containers of pods that the engine runs on a node (every node, when none is named), sandboxes left out. */
export async function runningPodContainers(filter: {
  readonly node?: string;
  readonly namespace?: string;
}): Promise<string[]> {
  const labels = [
    `kube-labs=${inject('cluster')}`,
    'io.kubernetes.docker.type=container',
    ...(filter.node === undefined ? [] : [`kube-labs.node=${filter.node}`]),
    ...(filter.namespace === undefined ? [] : [`io.kubernetes.pod.namespace=${filter.namespace}`]),
  ];
  const filters = labels.flatMap((label) => ['--filter', `label=${label}`]);
  const names = await docker('ps', ...filters, '--format', '{{.Names}}');
  return names.split('\n').filter(Boolean);
}

interface Conditions {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly taints?: readonly { readonly key: string }[] };
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Taken away by the controller manager, some time after the node has said that it is Ready. */
const FAILURES = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/**
 * Waits until of the nodes with that label exactly these are Ready and take pods: all three that are not control planes, when none is
 * named.
 */
export async function nodesReady(
  names: readonly string[] = ['node-1', 'node-2', 'node-3'],
  role = '!node-role.kubernetes.io/control-plane',
): Promise<void> {
  await eventually(
    async () => {
      const { items } = await getJson<{ items: readonly Conditions[] }>(`nodes -l ${role}`);
      const ready = items.filter(
        ({ spec, status }) =>
          status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True') &&
          !spec?.taints?.some(({ key }) => FAILURES.includes(key)),
      );
      const found = ready.map(({ metadata }) => metadata.name).sort();
      if (found.join() !== names.join()) throw new Error(`Ready are ${found}, not ${names}`);
    },
    { timeoutMs: 120_000, intervalMs: 500 },
  );
}
