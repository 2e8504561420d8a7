// What the engine is told to create (names, labels, namespaces), and how much of it at once. Pure.

import { describe, expect, test } from 'vitest';
import { parseKubeletFlags } from '#src/options.ts';
import { CallLimit } from '#src/runtime/call-limit.ts';
import { type ContainerLimits, containerCreateOptions } from '#src/runtime/docker/docker-config.ts';
import {
  hasMadeNamespace,
  mayMakeNamespace,
  type NamespaceMaker,
  sandboxCreateOptions,
} from '#src/runtime/docker/docker-sandbox-config.ts';
import type { ContainerConfig, ContainerSecurity, PodSandboxConfig } from '#src/runtime/runtime.ts';
import { IDENTITY } from './objects.ts';

const scope = { cluster: 'lab', node: 'node-1' };
const engine = { hostNetworkMode: 'container:node', oomScoreAdjustMin: 0, sandboxImage: 'pause' };

function sandboxConfig(rest: Partial<PodSandboxConfig> = {}): PodSandboxConfig {
  return {
    pod: IDENTITY,
    attempt: 2,
    hostname: 'web',
    network: 'pod',
    hostIpc: false,
    sysctls: {},
    portMappings: [],
    labels: { app: 'shop' },
    ...rest,
  };
}

describe('containerCreateOptions()', () => {
  const security = { groups: [], capabilitiesAdd: [], capabilitiesDrop: [] };
  const rights = { readOnlyRootFilesystem: false, privileged: false, noNewPrivileges: false };
  const config: ContainerConfig = {
    ...{ pod: IDENTITY, sandboxId: 's0', name: 'c', attempt: 1, image: 'web:v1', hash: 'h' },
    ...{ env: [], mounts: [], stdin: false, stdinOnce: false, tty: false, annotations: {} },
    pidNamespace: 'container',
    resources: { memoryLimitBytes: 0, cpuShares: 2, cpuQuota: 0, oomScoreAdjust: 1000 },
    security: { ...security, ...rights },
  };
  const hostConfig = (rest: Partial<ContainerSecurity> = {}, limits?: ContainerLimits) => {
    const facts = { ...engine, ...(limits === undefined ? {} : { limits }) };
    const all = { ...config, security: { ...config.security, ...rest } };
    return containerCreateOptions(all, scope, facts).HostConfig ?? {};
  };

  test.each([
    [{}, []],
    [{ seccomp: 'unconfined' }, ['seccomp=unconfined']],
    [{ seccomp: { profile: '{"a":1}' } }, ['seccomp={"a":1}']],
    [{ noNewPrivileges: true }, ['no-new-privileges']],
  ] as const)('security %j becomes %j', (rest, want) => {
    expect(hostConfig(rest).SecurityOpt).toEqual(want);
  });

  test('has upstream’s limits on logs and none on processes, unless the node has others', () => {
    const before = hostConfig();
    expect(before.LogConfig).toEqual({
      Type: 'json-file',
      Config: { 'max-size': '10485760', 'max-file': '5' },
    });
    expect(before).not.toHaveProperty('PidsLimit');
    const limited = hostConfig({}, { logBytesMax: 4096, logFilesMax: 2, pidsMax: 20 });
    expect(limited.LogConfig?.Config).toEqual({ 'max-size': '4096', 'max-file': '2' });
    expect(limited.PidsLimit).toBe(20);
  });
});

describe('sandboxCreateOptions()', () => {
  const made = (maker: NamespaceMaker, rest: Partial<PodSandboxConfig> = {}) =>
    sandboxCreateOptions({ ...sandboxConfig(rest), maker }, scope, engine);

  test('carries upstream’s labels and no restart policy', () => {
    const options = made('engine');
    expect(options.name).toBe('k8s_POD_web_default_u1_2');
    expect(options.Labels).toEqual({
      app: 'shop',
      'annotation.io.kubernetes.container.restartCount': '2',
      'kube-labs': 'lab',
      'kube-labs.node': 'node-1',
      'kube-labs.network': 'pod',
      'io.kubernetes.pod.name': 'web',
      'io.kubernetes.pod.namespace': 'default',
      'io.kubernetes.pod.uid': 'u1',
      'io.kubernetes.container.name': 'POD',
      'io.kubernetes.docker.type': 'podsandbox',
    });
    expect(options.HostConfig).toMatchObject({
      NetworkMode: 'none',
      RestartPolicy: { Name: 'no' },
      OomScoreAdj: 0,
    });
  });

  test('has the capability that makes a namespace only for a process that gives up all of them', () => {
    const { Entrypoint = [], HostConfig, Hostname } = made('sandbox');
    expect(HostConfig).toMatchObject({ NetworkMode: 'host', CapAdd: ['SYS_ADMIN'] });
    expect(Hostname).toBe('web');
    expect([...Entrypoint].join(' ')).toMatch(/^unshare -n setpriv --bounding-set=-all .* sh -c/);
    expect(made('engine').HostConfig).not.toHaveProperty('CapAdd');
  });

  test('joins the network of the node, whose host name comes with it', () => {
    const options = made('engine', { network: 'node' });
    expect(options.HostConfig?.NetworkMode).toBe('container:node');
    expect(options).not.toHaveProperty('Hostname');
  });
});

test.each([
  { what: 'a pod with a network of its own', config: {}, want: true },
  { what: 'one in the network of the node', config: { network: 'node' as const }, want: false },
  { what: 'one with a sysctl of the network', config: { 'net.core.somaxconn': '1' }, want: false },
  { what: 'one with another sysctl', config: { 'kernel.shm_rmid_forced': '1' }, want: true },
])('the sandbox of $what makes its own namespace: $want', ({ config, want }) => {
  const rest = 'network' in config ? config : { sysctls: config };
  expect(mayMakeNamespace(sandboxConfig(rest as Partial<PodSandboxConfig>))).toBe(want);
});

test.each([
  ['runc\0init\0', false],
  ['unshare\0-n\0setpriv\0sh\0', false],
  ['', false],
  ['sh\0-c\0sleep infinity & wait\0', true],
])('a process with the arguments %j has made it: %j', (text, want) =>
  expect(hasMadeNamespace(text)).toBe(want),
);

test('calls wait when there are too many, and go in the order in which they came', async () => {
  const limit = new CallLimit(2);
  const order: string[] = [];
  const ends: (() => void)[] = [];
  const call = (name: string) =>
    limit.run(async () => {
      order.push(name);
      await new Promise<void>((resolve) => ends.push(resolve));
    });
  const calls = ['a', 'b', 'c', 'd'].map(call);
  expect(order).toEqual(['a', 'b']);
  ends[1]?.();
  await calls[1];
  const failing = expect(limit.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(order).toEqual(['a', 'b', 'c']);
  for (let next = 0; next < ends.length; next++) {
    ends[next]?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(calls);
  await failing;
  expect(order).toEqual(['a', 'b', 'c', 'd']);
});

test.each([
  [
    ['--container-log-max-size=4Ki', '--container-log-max-files=3'],
    [4096, 3, -1],
  ],
  [['--pod-max-pids=100'], [10 * 1024 ** 2, 5, 100]],
])('flags %j are limits %j', (flags, [logBytesMax, logFilesMax, pidsMax]) => {
  const { containerLimits } = parseKubeletFlags(['--kubeconfig=x', ...flags]);
  expect(containerLimits).toEqual({ logBytesMax, logFilesMax, pidsMax });
});
