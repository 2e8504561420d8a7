// UpSteps: the steps of `up`, in order, for a configuration that was checked.
//
// createSteps() make things: image, certificates, network, volumes, manifests, containers. bootSteps() only wait, and
// apply what belongs to every cluster (its roles, the service of its DNS) and the demo; they are also what follows when a
// stopped cluster is started again.
//
// Invariant: when a step has ended, nothing that it began is still under way (parallel parts are awaited even
// when one fails), so that removal after a failure sees everything.

import { Client, loadKubeconfig, resources } from '@kube-labs/apiserver';
import type Docker from 'dockerode';
import type { ContainerCreateOptions } from 'dockerode';
import { stringify } from 'yaml';
import {
  type ClusterConfig,
  checkoutDir,
  clusterDnsAddress,
  isReplicated,
  kubeconfigPath,
  machineDir,
  machinesOf,
  type NodeConfig,
  nodeContainer,
} from './cluster-config.ts';
import { ClusterError } from './cluster-error.ts';
import { writePrivate } from './cluster-state.ts';
import { ensureCompileCache } from './compile-cache.ts';
import { checkComponents, withLog } from './components.ts';
import { containerSpecs, networkSpec, roleLabel, volumeSpec } from './container-spec.ts';
import { applyDemo, clusterDnsService, createIfAbsent } from './demo.ts';
import { engineSocket, execIn } from './docker.ts';
import { shareHostDir } from './host-dir.ts';
import { ensureImages } from './image.ts';
import { markControlPlane } from './mark-control-plane.ts';
import { writeAuthorities, writeControlPlane, writeLoadBalancer, writeMachine } from './pki.ts';
import { podComponentStates } from './pod-components.ts';
import { controlPlanePrograms } from './programs.ts';
import { ensureComponentRoles } from './roles.ts';
import { staticPod } from './static-pods.ts';
import type { Step } from './steps.ts';
import { checkEtcdReachable, checkFreeSpace, storeVolumeOptions } from './store-checks.ts';
import { type WaitOptions, waitFor } from './wait.ts';

export function createSteps(docker: Docker, config: ClusterConfig, signal: AbortSignal): Step[] {
  const steps: Step[] = [
    {
      title: 'Node image',
      run: async (say) => {
        await ensureImages(docker, say);
        await ensureCompileCache(docker, config, say);
      },
    },
    { title: 'Certificates', run: () => writeFiles(config) },
    { title: 'Network and volumes', run: () => makeNetwork(docker, config) },
    {
      title: `Containers: ${sizeOf(config)}`,
      run: () => startContainers(docker, config, signal),
    },
  ];
  return steps.map(({ title, run }) => ({
    title,
    run: async (say) => {
      signal.throwIfAborted();
      await run(say);
      signal.throwIfAborted();
    },
  }));
}

async function writeFiles(config: ClusterConfig): Promise<void> {
  const authorities = await writeAuthorities(config);
  const { ca } = authorities;
  await allOf([
    ...machinesOf(config).map((machine) => writeMachine(config, machine, ca)),
    ...config.controlPlanes.map((machine) => writeControlPlane(config, machine, authorities)),
    ...(isReplicated(config) ? [writeLoadBalancer(config, ca)] : []),
  ]);
}

async function makeNetwork(docker: Docker, config: ClusterConfig): Promise<void> {
  const specs = config.controlPlanes.map((machine) =>
    volumeSpec(config, machine, storeVolumeOptions()),
  );
  const storeVolumes = specs.map(({ Name = '' }) => Name);
  const [, , host] = await allOf([
    docker.createNetwork(networkSpec(config)),
    allOf(specs.map((spec) => docker.createVolume(spec))),
    shareHostDir(docker, config.name, { storeVolumes }),
  ] as const);
  checkFreeSpace(host.freeBytes);
  await checkEtcdReachable(docker, config);
}

/** Nodes only when the control plane's programs run: until then they would take the processors from it. */
async function startContainers(
  docker: Docker,
  config: ClusterConfig,
  signal: AbortSignal,
): Promise<void> {
  const options = { dockerSocket: engineSocket() };
  await allOf(config.controlPlanes.map((machine) => writeManifests(docker, config, machine)));
  const specs = containerSpecs(config, options);
  const isNode = ({ Labels }: ContainerCreateOptions) => Labels?.[roleLabel] === 'node';
  const containers = await allOf(
    specs.map(async (spec) => ({ spec, container: await docker.createContainer(spec) })),
  );
  const start = (turn: typeof containers) => allOf(turn.map(({ container }) => container.start()));
  await start(containers.filter(({ spec }) => !isNode(spec)));
  await controlPlaneRuns(docker, config, signal);
  await start(containers.filter(({ spec }) => isNode(spec)));
}

/** Resolves in any case after a while: what keeps the control plane back is found out by the waits that follow. */
async function controlPlaneRuns(
  docker: Docker,
  config: ClusterConfig,
  signal: AbortSignal,
): Promise<void> {
  const running = async () => {
    const states = await podComponentStates(docker, config);
    const servers = states.filter(
      ({ name, pid }) => name === 'kube-apiserver' && pid !== undefined,
    );
    return servers.length === config.controlPlanes.length;
  };
  const options = { failure: 'No API server was started', timeoutMs: 15_000 };
  await waitFor(running, options, signal).catch(() => signal.throwIfAborted());
}

/** Only the engine knows where on its host a volume lies. */
async function writeManifests(
  docker: Docker,
  config: ClusterConfig,
  machine: NodeConfig,
): Promise<void> {
  const { Name = '' } = volumeSpec(config, machine);
  const { Mountpoint: storeData } = await docker.getVolume(Name).inspect();
  const etcKubernetes = machineDir(config.name, machine.name);
  const paths = { checkout: checkoutDir, etcKubernetes, storeData, dockerSocket: engineSocket() };
  for (const program of controlPlanePrograms(config, machine)) {
    const manifest = stringify(staticPod(program, paths));
    await writePrivate(`${etcKubernetes}/manifests/${program.name}.yaml`, manifest);
  }
}

export interface BootOptions {
  readonly config: ClusterConfig;
  readonly demo: boolean;
}

export function bootSteps(docker: Docker, options: BootOptions, signal: AbortSignal): Step[] {
  const { config } = options;
  const waits = waitsFor(docker, config, signal);
  const steps: Step[] = [
    { title: 'API server answers', run: () => waits.apiServer() },
    {
      title: `${sizeOf(config)} Ready`,
      run: async (say) => {
        await waits.controlPlanesMarked();
        const names = machinesOf(config).map(({ name }) => name);
        await waits.nodesReady(names, say);
      },
    },
    { title: 'Cluster DNS answers', run: () => waits.dns() },
  ];
  if (!options.demo) return steps;
  return [
    ...steps,
    { title: 'Demo', run: (say) => withClient(config, (client) => applyDemo(client, say, signal)) },
  ];
}

/** A busy machine takes its time, and what cannot come up is noticed before, by its restarts. */
const patienceMs = 180_000;

/** The waits of a start; each names its suspect when it was in vain. */
export function waitsFor(docker: Docker, config: ClusterConfig, signal: AbortSignal) {
  const check = () => checkComponents(docker, config);
  const wait = async <T>(
    question: () => Promise<T | undefined | false>,
    options: WaitOptions & { suspect: () => { name: string; node: string } },
  ): Promise<T> => {
    try {
      return await waitFor(question, { ...options, check }, signal);
    } catch (error) {
      if (!ClusterError.is(error)) throw error;
      throw await withLog(error, docker, config, options.suspect());
    }
  };
  return {
    apiServer: () =>
      withClient(config, async (client) => {
        await wait(async () => (await client.raw('/readyz', signal)).status === 200, {
          failure: 'The API server did not answer',
          timeoutMs: patienceMs,
          suspect: () => ({ name: 'kube-apiserver', node: 'control-plane' }),
        });
        await wait(() => ensureComponentRoles(client, signal), {
          failure: 'The API server did not take the roles of the components',
          timeoutMs: 20_000,
          suspect: () => ({ name: 'kube-apiserver', node: 'control-plane' }),
        });
        await wait(
          () => createIfAbsent(client, clusterDnsService(clusterDnsAddress(config)), signal),
          {
            failure: 'The API server did not take the service of the cluster DNS',
            timeoutMs: 20_000,
            suspect: () => ({ name: 'kube-apiserver', node: 'control-plane' }),
          },
        );
      }),
    controlPlanesMarked: () =>
      withClient(config, async (client) => {
        for (const { name } of config.controlPlanes) {
          await wait(() => markControlPlane(client, name, signal), {
            failure: `The node ${name} did not register`,
            timeoutMs: patienceMs,
            suspect: () => ({ name: 'kubelet', node: name }),
          });
        }
      }),
    nodesReady: (names: readonly string[], say: (line: string) => void) =>
      withClient(config, async (client) => {
        let missing = [...names];
        await wait(
          async () => {
            const ready = await readyNodes(client, signal);
            missing = names.filter((name) => !ready.has(name));
            if (missing.length > 0) say(`Waiting for ${missing.join(', ')}`);
            return missing.length === 0;
          },
          {
            failure: `Not every node (${names.join(', ')}) became Ready`,
            timeoutMs: patienceMs,
            suspect: () => ({ name: 'kubelet', node: missing[0] ?? '' }),
          },
        );
      }),
    dns: async () => {
      const node = config.nodes[0]?.name ?? '';
      await wait(() => lookUp(docker, config, node), {
        failure: 'The cluster DNS did not answer',
        timeoutMs: 30_000,
        suspect: () => ({ name: 'kube-proxy', node }),
      });
    },
  };
}

async function readyNodes(client: Client, signal: AbortSignal): Promise<Set<string>> {
  const { items } = await client.list(resources.nodes, {}, signal);
  const ready = items.filter((node) =>
    node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  );
  return new Set(ready.map(({ metadata }) => metadata?.name ?? ''));
}

/** A real question to the cluster's DNS, asked on a node. */
async function lookUp(docker: Docker, config: ClusterConfig, node: string): Promise<boolean> {
  const server = clusterDnsAddress(config);
  const name = 'kubernetes.default.svc.cluster.local';
  const command = ['dig', '+short', '+time=1', '+tries=1', `@${server}`, name];
  const { exitCode, output } = await execIn(docker, nodeContainer(config.name, node), command);
  return exitCode === 0 && /^\d+\.\d+\.\d+\.\d+$/m.test(output);
}

export async function withClient<T>(
  config: ClusterConfig,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const client = new Client(loadKubeconfig(kubeconfigPath(config.name)));
  try {
    return await use(client);
  } finally {
    await client[Symbol.asyncDispose]();
  }
}

/** Promise.all() that waits for the others, too, before it rejects with the first failure. */
async function allOf<const T extends readonly Promise<unknown>[]>(
  parts: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(parts);
  return Promise.all(parts);
}

function sizeOf({ controlPlanes, nodes }: ClusterConfig): string {
  return `${countOf(controlPlanes.length, 'control plane')}, ${countOf(nodes.length, 'node')}`;
}

function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
