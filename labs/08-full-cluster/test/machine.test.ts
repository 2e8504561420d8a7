// A machine on the real engine: a node's container with programs that only wait, and a container like a pod's beside it.

import { createLogger } from '@kube-labs/apiserver';
import type Docker from 'dockerode';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  type ClusterConfig,
  firstNodes,
  machineDir,
  nodeContainer,
} from '../src/cluster-config.ts';
import { writePrivate } from '../src/cluster-state.ts';
import { componentStates } from '../src/components.ts';
import { networkSpec, nodeSpec } from '../src/container-spec.ts';
import { connectDocker, engineSocket, execIn } from '../src/docker.ts';
import { removeCluster } from '../src/down.ts';
import { shareHostDir } from '../src/host-dir.ts';
import { nodeImage } from '../src/image-names.ts';
import { runMachines } from '../src/machines.ts';
import { chooseSubnet, gatherFacts } from '../src/preflight.ts';
import { checkOptions } from '../src/up-options.ts';

const name = `cluster-machine-${process.pid}`;
const pod = `${name}-pod`;
const abort = new AbortController();
let docker: Docker;
let config: ClusterConfig;
let machines: Promise<void>;

beforeAll(async () => {
  docker = await connectDocker();
  const options = { ...checkOptions({ name }), podCidr: '10.251.0.0/16' };
  const nodeSubnet = chooseSubnet(options, await gatherFacts(docker, name));
  config = {
    ...options,
    ...{ nodeSubnet, apiPort: 1, controlPlanes: [], nodes: firstNodes(nodeSubnet, 1) },
  };
  await docker.createNetwork(networkSpec(config));
  await shareHostDir(docker, name);
  const programs = [{ name: 'kubelet', command: ['sleep', '600'] }];
  await writePrivate(`${machineDir(name, 'node-1')}/programs.json`, JSON.stringify(programs));
  const spec = nodeSpec(config, config.nodes[0]!, { dockerSocket: engineSocket() });
  await (await docker.createContainer(spec)).start();
  const log = createLogger('machines', { destination: { write: () => true } });
  machines = runMachines({ docker, cluster: name, log }, abort.signal);
});

afterAll(async () => {
  abort.abort();
  await machines;
  await removeCluster(docker, name);
});

async function startPod(): Promise<void> {
  const container = docker.getContainer(pod);
  await container.remove({ force: true }).catch(() => undefined);
  const created = await docker.createContainer({
    name: pod,
    Image: nodeImage,
    Cmd: ['sleep', '600'],
    Labels: { 'kube-labs': name, 'kube-labs.node': 'node-1' },
    HostConfig: { NetworkMode: 'none', Init: true },
  });
  await created.start();
}

async function podBecomes(want: 'running' | 'paused' | 'exited'): Promise<void> {
  const status = async () => (await docker.getContainer(pod).inspect()).State.Status;
  await vi.waitFor(async () => expect(await status()).toBe(want), { timeout: 60_000 });
}

const machine = () => docker.getContainer(nodeContainer(name, 'node-1'));

test('a supervisor runs in it, with the node’s address and a directory that is shared', async () => {
  await vi.waitFor(async () => {
    expect(await componentStates(docker, config)).toMatchObject([
      { name: 'kubelet', node: 'node-1', state: 'running', restarts: 0 },
    ]);
  }, 60_000);
  const { Networks } = (await machine().inspect()).NetworkSettings;
  expect(Networks[name]?.IPAddress).toBe(config.nodes[0]?.address);
  const dir = `/var/lib/kube-labs/${name}/node-1/secret`;
  const mount = [
    'sh',
    '-c',
    `mkdir -p ${dir} && mount -t tmpfs tmpfs ${dir} && echo seen > ${dir}/it`,
  ];
  expect((await execIn(docker, nodeContainer(name, 'node-1'), mount)).exitCode).toBe(0);
  const other = await docker.createContainer({
    Image: nodeImage,
    Cmd: ['cat', '/mnt/it'],
    Labels: { 'kube-labs': name },
    HostConfig: { NetworkMode: 'none', Binds: [`${dir}:/mnt:ro`] },
  });
  await other.start();
  expect((await other.wait()).StatusCode).toBe(0);
});

test('pause, unpause, power-off and a power cycle of the machine reach its pod', async () => {
  await startPod();
  await machine().pause();
  await podBecomes('paused');
  await machine().unpause();
  await podBecomes('running');
  await machine().pause();
  await podBecomes('paused');
  await machine().kill();
  await podBecomes('exited');
  await machine().start();
  await startPod();
  await podBecomes('running');
  await machine().restart({ t: 5 });
  await podBecomes('exited');
});
