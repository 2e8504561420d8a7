// Up: a cluster from nothing, or the one that is there, running again.
//
// First everything is checked (preflight.ts, up-options.ts), then the steps run in order: image, certificates,
// network, containers, and then the waits for what a person needs: the API, Ready nodes, names, the demo.
//
// Invariants: a cluster that does not come up whole leaves nothing behind, whether it failed or was
// interrupted; a cluster that once was whole is never removed here, whatever fails when it is started again.
//
// Upstream: kind's create command; kubeadm init and join.

import type Docker from 'dockerode';
import {
  type ClusterConfig,
  checkoutDir,
  firstControlPlanes,
  firstNodes,
  kubeconfigPath,
} from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { type ClusterState, isLauncherAlive, readState, writeState } from './cluster-state.ts';
import {
  checkoutLabel,
  clusterLabel,
  containerSpecs,
  roleLabel,
  volumeSpec,
} from './container-spec.ts';
import {
  connectDocker,
  engineSocket,
  explainDockerError,
  isMissing,
  listContainers,
} from './docker.ts';
import { removeCluster } from './down.ts';
import { shareHostDir } from './host-dir.ts';
import { chooseApiPort, chooseSubnet, gatherFacts, isPortFree } from './preflight.ts';
import type { RunSteps } from './steps.ts';
import { type CheckedOptions, checkOptions, type UpOptions } from './up-options.ts';
import { bootSteps, createSteps } from './up-steps.ts';

export interface UpResult {
  readonly outcome: 'created' | 'started' | 'already running';
  readonly config: ClusterConfig;
  readonly kubeconfig: string;
}

export interface UpDeps {
  readonly runSteps: RunSteps;
  readonly say: (line: string) => void;
}

export async function up(options: UpOptions, deps: UpDeps, signal: AbortSignal): Promise<UpResult> {
  const checked = checkOptions(options);
  const docker = await connectDocker();
  const state = await existingCluster(docker, checked.name, deps);
  const result = (outcome: UpResult['outcome'], config: ClusterConfig): UpResult => ({
    outcome,
    config,
    kubeconfig: kubeconfigPath(config.name),
  });
  if (state === undefined) return result('created', await create(docker, checked, deps, signal));
  const resting = await restingContainers(docker, state.config);
  if (resting.length === 0) return result('already running', state.config);
  await startAgain(docker, { config: state.config, resting }, deps, signal);
  return result('started', state.config);
}

/** The cluster of that name, if it is ours and was once whole; what is left of a half-made one is removed. */
async function existingCluster(
  docker: Docker,
  name: string,
  deps: UpDeps,
): Promise<ClusterState | undefined> {
  const state = await readState(name);
  if (state !== undefined && isLauncherAlive(state)) {
    throw new ClusterError(
      `Another launcher (process ${state.pid}) is starting the cluster ${name}: wait for it, or choose another --name`,
    );
  }
  const containers = await listContainers(docker, name);
  const hasControlPlane = containers.some(({ Labels }) => Labels[roleLabel] === 'control-plane');
  if (state?.phase === 'ready' && hasControlPlane) return state;
  const elsewhere = containers.find(
    ({ Labels }) => (Labels[checkoutLabel] ?? checkoutDir) !== checkoutDir,
  );
  if (elsewhere !== undefined) {
    throw new ClusterError(
      `The name ${name} is taken by a cluster of the checkout ${elsewhere.Labels[checkoutLabel]}: take that one down, or choose another --name`,
    );
  }
  if (state !== undefined || containers.length > 0) {
    deps.say(`Removing what an interrupted start left of ${name}`);
    await removeCluster(docker, name);
  }
  return undefined;
}

async function create(
  docker: Docker,
  options: CheckedOptions,
  deps: UpDeps,
  signal: AbortSignal,
): Promise<ClusterConfig> {
  const config = await planCluster(docker, options);
  await refuseForeignNames(docker, config);
  try {
    await writeState({ phase: 'starting', pid: process.pid, config });
    const steps = createSteps(docker, config, signal);
    await deps.runSteps([...steps, ...bootSteps(docker, { config, demo: options.demo }, signal)]);
    signal.throwIfAborted();
    await writeState({ phase: 'ready', pid: process.pid, config });
    return config;
  } catch (error) {
    deps.say(`Removing what was made of ${config.name}`);
    await removeCluster(docker, config.name);
    if (signal.aborted) throw new ClusterError('Interrupted: nothing of the cluster is left');
    throw explainDockerError(error) ?? error;
  }
}

async function planCluster(docker: Docker, options: CheckedOptions): Promise<ClusterConfig> {
  const facts = await gatherFacts(docker, options.name);
  const nodeSubnet = chooseSubnet(options, facts);
  const apiPort = await chooseApiPort(options.apiPort, facts.apiPorts, isPortFree);
  return {
    name: options.name,
    controlPlanes: firstControlPlanes(nodeSubnet, options.controlPlanes),
    nodes: firstNodes(nodeSubnet, options.nodes),
    nodeSubnet,
    podCidr: options.podCidr,
    serviceCidr: options.serviceCidr,
    apiPort,
    clock: options.clock,
    ...(options.etcd === undefined ? {} : { etcd: options.etcd }),
  };
}

/** Docker's names are one space for everybody: somebody else's things must not be taken for ours. */
async function refuseForeignNames(docker: Docker, config: ClusterConfig): Promise<void> {
  const specs = containerSpecs(config, { dockerSocket: engineSocket() });
  for (const { name = '' } of specs) {
    const found = await orAbsent(docker.getContainer(name).inspect());
    refuseForeign(config.name, `container ${name}`, found && (found.Config.Labels ?? {}));
  }
  const network = await orAbsent(docker.getNetwork(config.name).inspect());
  refuseForeign(config.name, `network ${config.name}`, network && (network.Labels ?? {}));
  for (const machine of config.controlPlanes) {
    const { Name: name = '' } = volumeSpec(config, machine);
    const volume = await orAbsent(docker.getVolume(name).inspect());
    refuseForeign(config.name, `volume ${name}`, volume && (volume.Labels ?? {}));
  }
}

function refuseForeign(
  cluster: string,
  what: string,
  labels: Record<string, string> | undefined,
): void {
  if (labels === undefined) return;
  const owner = labels[clusterLabel];
  const whose = owner === undefined ? 'does not belong to kube-labs' : `belongs to ${owner}`;
  throw new ClusterError(
    `The name ${cluster} is taken: Docker has a ${what} that ${whose}; remove it, or choose another --name`,
  );
}

async function orAbsent<T>(inspection: Promise<T>): Promise<T | undefined> {
  try {
    return await inspection;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

interface Resting {
  readonly container: string;
  readonly state: 'stopped' | 'paused';
}

/** The cluster's own containers that do not run, nodes last. */
async function restingContainers(docker: Docker, config: ClusterConfig): Promise<Resting[]> {
  const containers = (await listContainers(docker, config.name)).filter(
    ({ Labels }) => Labels[roleLabel] !== undefined,
  );
  return containers
    .filter(({ State }) => State !== 'running')
    .map(({ Names: [name = ''], State, Labels }) => ({
      container: name.slice(1),
      state: State === 'paused' ? ('paused' as const) : ('stopped' as const),
      first: Labels[roleLabel] === 'node' ? 1 : 0,
    }))
    .toSorted((a, b) => a.first - b.first);
}

async function startAgain(
  docker: Docker,
  { config, resting }: { config: ClusterConfig; resting: readonly Resting[] },
  deps: UpDeps,
  signal: AbortSignal,
): Promise<void> {
  const start = {
    title: `Starting ${resting.map(({ container }) => container).join(', ')} again`,
    run: async () => {
      await shareHostDir(docker, config.name);
      for (const { container, state } of resting) {
        const found = docker.getContainer(container);
        await (state === 'paused' ? found.unpause() : found.start());
      }
    },
  };
  try {
    await deps.runSteps([start, ...bootSteps(docker, { config, demo: false }, signal)]);
  } catch (error) {
    if (signal.aborted) throw new ClusterError('Interrupted: the cluster is left as it is now');
    throw explainDockerError(error) ?? error;
  }
}
