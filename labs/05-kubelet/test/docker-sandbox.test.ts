// Sandboxes on the real engine: namespaces that they make themselves, and what happens where they may not.

import Docker from 'dockerode';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { NetworkPlugin, NetworkSandbox } from '#src/network/network-plugin.ts';
import { CallLimit } from '#src/runtime/call-limit.ts';
import { DockerSandboxes } from '#src/runtime/docker/docker-sandbox.ts';
import { FOREVER, IMAGE, Lab, script, shell } from './lab.ts';
import { statusOf } from './objects.ts';

const CAPABILITIES = /^Cap(Prm|Eff|Bnd|Inh):\t0{16}$/gm;

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({ number: 220 });
});
afterAll(() => lab[Symbol.asyncDispose]());

const processStatus = async (id: string) => shell('docker', ['exec', id, 'cat', '/proc/1/status']);

test.concurrent('a pod has a network and a host name of its own; its sandbox has no rights', async () => {
  await lab.createPod('own', { containers: [script('c', FOREVER)], hostname: 'web-0' });
  const { status } = await lab.running('own');
  expect(await lab.exec('c_own', 'hostname')).toBe('web-0');
  const devices = await lab.exec('c_own', 'ls', '/sys/class/net');
  expect(devices.split('\n').sort()).toEqual(['eth0', 'lo']);
  expect(await lab.exec('c_own', 'hostname', '-i')).toContain(status?.podIP);
  const seen = await processStatus(await lab.idOf('POD_own'));
  expect(seen.match(CAPABILITIES)?.length).toBe(4);
  expect(seen).toMatch(/^NoNewPrivs:\t1$/m);
});

test.concurrent('a pod with a sysctl of the network has it, since the engine makes its namespace', async () => {
  const sysctls = [{ name: 'net.ipv4.ip_unprivileged_port_start', value: '1000' }];
  await lab.createPod('tuned', {
    containers: [script('c', FOREVER)],
    securityContext: { sysctls },
  });
  await lab.running('tuned');
  const path = '/proc/sys/net/ipv4/ip_unprivileged_port_start';
  expect(await lab.exec('c_tuned', 'cat', path)).toBe('1000');
});

test.concurrent('where processes are shared, the sandbox reaps what nobody waits for', async () => {
  // What has just ended may be seen before it is reaped: looked at again, but not for ever.
  const look = 'ps -eo stat,comm > /dev/termination-log; grep -q ^Z /dev/termination-log || break';
  const orphan = `sh -c "sleep 0.1 & exec true"; sleep 0.5; for i in $(seq 50); do ${look}; sleep 0.1; done; false`;
  const containers = [script('c', orphan)];
  await lab.createPod('shared', {
    containers,
    shareProcessNamespace: true,
    restartPolicy: 'Never',
  });
  const pod = await lab.podWhen('shared', ({ status }) => status?.phase === 'Failed');
  const processes = statusOf(pod, 'c')?.state?.terminated?.message ?? '';
  expect(processes).toContain('sleep');
  expect(processes).not.toMatch(/^Z/m);
});

test('an engine that does not let a sandbox make its namespace makes it, and is not asked again', async () => {
  const docker = new Docker();
  const asked: unknown[] = [];
  const create = docker.createContainer.bind(docker);
  docker.createContainer = ((request: { _body: Docker.ContainerCreateOptions }) => {
    const { CapAdd, ...rest } = request._body.HostConfig ?? {};
    asked.push(CapAdd);
    const refused: object = { ...request, _body: { ...request._body, HostConfig: rest } };
    return create(refused);
  }) as unknown as typeof docker.createContainer;
  const plugged: NetworkSandbox[] = [];
  const network = {
    sandboxIds: () => [],
    setUp: async (sandbox: NetworkSandbox) => void plugged.push(sandbox),
    check: () => ({ ip: '10.0.0.2', ips: ['10.0.0.2'] }),
  } as unknown as NetworkPlugin;
  const scope = { cluster: lab.cluster, node: 'node-2', nodeAddress: '127.0.0.1' };
  const engine = { hostNetworkMode: 'host', oomScoreAdjustMin: 0, sandboxImage: IMAGE };
  const sandboxes = new DockerSandboxes(docker, { ...scope, engine, network }, new CallLimit(1));
  const config = {
    hostname: 'h',
    network: 'pod',
    hostIpc: false,
    sysctls: {},
    labels: {},
  } as const;
  for (const uid of ['r1', 'r2']) {
    const pod = { uid, name: 'refused', namespace: 'default' };
    const never = new AbortController().signal;
    const all = { ...config, pod, attempt: 0, portMappings: [] };
    const { id, state } = await sandboxes.run(all, never);
    expect(state).toBe('ready');
    const netns = await shell('docker', ['exec', id, 'ls', '/sys/class/net']);
    expect(netns).toBe('lo');
    await sandboxes.remove(id);
  }
  expect(asked).toEqual([['SYS_ADMIN'], undefined, undefined]);
  expect(plugged.length).toBe(2);
});
