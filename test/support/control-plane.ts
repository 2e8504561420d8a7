// control-plane: hands on the containers of the cluster under test, as an operator or an accident has them.
import { inject } from 'vitest';
import { eventually } from './eventually.ts';
import { getJson } from './kubectl.ts';
import { docker } from './process.ts';

type Component = 'apiserver' | 'scheduler' | 'controllers' | 'machines';

const SOURCES: Readonly<Record<Component, string>> = {
  apiserver: 'labs/02-apiserver/src/main.ts',
  scheduler: 'labs/03-scheduler/src/main.ts',
  controllers: 'labs/04-controllers/src/main.ts',
  machines: 'labs/08-full-cluster/src/machines-main.ts',
};

export const nodeContainer = (node: string): string => `${inject('cluster')}-${node}`;
export const controlPlaneContainer = (): string => `${inject('cluster')}-control-plane`;

/** Kills a process of the control plane with SIGKILL and returns its process id. */
export async function killComponent(component: Component): Promise<string> {
  const command = `pgrep -o -f '^[^ ]*node .*${SOURCES[component]}'`;
  const pid = await docker('exec', controlPlaneContainer(), 'sh', '-c', command);
  await docker('exec', controlPlaneContainer(), 'kill', '-9', pid);
  return pid;
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
  readonly status: {
    readonly conditions: readonly { readonly type: string; readonly status: string }[];
  };
}

/** Waits until exactly these nodes (all three, when none is named) are Ready. */
export async function nodesReady(names = ['node-1', 'node-2', 'node-3']): Promise<void> {
  await eventually(
    async () => {
      const { items } = await getJson<{ items: readonly Conditions[] }>('nodes');
      const ready = items.filter(({ status }) =>
        status.conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
      );
      const found = ready.map(({ metadata }) => metadata.name).sort();
      if (found.join() !== names.join()) throw new Error(`Ready are ${found}, not ${names}`);
    },
    { timeoutMs: 120_000, intervalMs: 500 },
  );
}
