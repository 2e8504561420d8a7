// The launcher: what it starts it removes, what it cannot start it says, in one sentence, and leaves nothing behind.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, describe, expect, inject, test } from 'vitest';
import { nodesReady } from '../support/control-plane.ts';
import { startEtcd } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';
import { kubectlPath } from '../support/kubectl.ts';
import { machineBecomes, machineState } from '../support/machine.ts';
import { docker, launcher, repositoryRoot, run, upFlags } from '../support/process.ts';

const NAME = 'kl-second';
const small = ['--name', NAME, '--nodes', '1', '--clock', 'fast', ...upFlags];

let stopEtcd = async () => {};

afterAll(async () => {
  await launcher(['down', '--name', NAME], { timeoutMs: 120_000 });
  await stopEtcd();
});

test('a second cluster lives beside the first, on an etcd of ours, with a demo that answers, and down leaves nothing of it', async () => {
  const before = await machineState();
  const etcd = await startEtcd();
  stopEtcd = etcd.stop;
  const started = await launcher(['up', ...small, '--etcd', etcd.url], { timeoutMs: 400_000 });
  expect(started.code, started.stdout + started.stderr).toBe(0);
  const { stdout: kubeconfig } = await launcher(['kubeconfig', '--name', NAME]);
  const second = (...args: string[]) =>
    run(kubectlPath(), ['--kubeconfig', kubeconfig.trim(), ...args]);
  expect((await second('get', 'nodes', '-o', 'name')).stdout).toBe(
    'node/control-plane\nnode/node-1\n',
  );
  await eventually(async () => {
    expect((await second('get', 'deployments,rc', '-A')).stdout).toMatch(/hello/);
  });
  await second('create', 'configmap', 'private');
  await eventually(async () => {
    const pods = (await second('-n', 'kube-system', 'get', 'pods', '-o', 'name')).stdout;
    expect(pods).toContain('pod/kube-apiserver-control-plane');
    expect(pods).not.toMatch(/store|etcd/);
  });
  await nodesReady();
  const down = await launcher(['down', '--name', NAME], { timeoutMs: 240_000 });
  expect(down.code, down.stdout + down.stderr).toBe(0);
  await machineBecomes(before);
  await nodesReady();
}, 700_000);

test('Ctrl-C during up removes what was made', async () => {
  const before = await machineState();
  const child = spawn(
    join(repositoryRoot, 'node_modules/.bin/tsx'),
    ['labs/08-full-cluster', 'up', ...small],
    {
      cwd: repositoryRoot,
      stdio: 'ignore',
    },
  );
  const exited = new Promise<number | null>((resolve) =>
    child.once('exit', (code) => resolve(code)),
  );
  await eventually(
    async () => {
      const names = await docker(
        'ps',
        '--filter',
        `label=kube-labs=${NAME}`,
        '--format',
        '{{.Names}}',
      );
      expect(names).toContain('control-plane');
    },
    { timeoutMs: 120_000 },
  );
  child.kill('SIGINT');
  expect(await exited).not.toBe(0);
  await machineBecomes(before);
}, 300_000);

describe('up says in one sentence what is in the way, and leaves nothing', () => {
  const refuses = async (args: string[], want: RegExp, env: Record<string, string> = {}) => {
    const before = await machineState();
    const { code, stdout, stderr } = await launcher(['up', ...args], { env, timeoutMs: 120_000 });
    expect(code).toBeGreaterThan(0);
    expect(stderr + stdout).toMatch(want);
    expect(stderr + stdout).not.toMatch(/^\s+at .*\(/m);
    await machineBecomes(before);
  };

  test('no Docker', () =>
    refuses(small, /Docker/, { DOCKER_HOST: 'unix:///var/run/no-such-docker.sock' }));

  test('a store volume that is full', () =>
    refuses(small, /(space|full|small)/i, {
      KUBE_LABS_STORE_VOLUME_OPTIONS: 'type=tmpfs,device=tmpfs,o=size=64k',
    }));

  test('a port in use', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : 0;
    try {
      await refuses([...small, '--api-port', `${port}`], new RegExp(`${port}`));
    } finally {
      server.close();
    }
  });

  test('an address range in use', async () => {
    const format = '{{(index .IPAM.Config 0).Subnet}}';
    const subnet = await docker('network', 'inspect', 'bridge', '--format', format);
    await refuses([...small, '--node-subnet', subnet], /(overlap|in use|clash)/);
  });

  test('ranges that overlap each other', () =>
    refuses([...small, '--pod-cidr', '10.96.0.0/16', '--service-cidr', '10.96.0.0/16'], /overlap/));

  test('a name that is no name', () => refuses(['--name', 'Not_A_Name'], /Not_A_Name/));

  test('a flag that is none', () => refuses([...small, '--clock', 'slow'], /slow/));

  test('a network of the same name that is somebody else’s', async () => {
    await docker('network', 'create', `kube-labs-${NAME}`).catch(() => undefined);
    await docker(
      'run',
      '-d',
      '--name',
      `${NAME}-control-plane`,
      '--network',
      'none',
      'kube-labs/node:v1',
      'sleep',
      '300',
    );
    try {
      await refuses(small, new RegExp(NAME));
    } finally {
      await docker('rm', '-f', `${NAME}-control-plane`);
      await docker('network', 'rm', `kube-labs-${NAME}`);
    }
  });
});

test('a Node that is too old is told so', async () => {
  const fake = `data:text/javascript,Object.defineProperty(process,'version',{value:'v18.0.0'});Object.defineProperty(process,'versions',{value:{...process.versions,node:'18.0.0'}})`;
  const { code, stderr } = await run('node', ['--import', fake, 'setup.mjs']);
  expect(code).toBeGreaterThan(0);
  expect(stderr).toMatch(/20\.19/);
});

test('down of a cluster that does not exist says so and does no harm', async () => {
  const before = await machineState();
  const { stdout, stderr } = await launcher(['down', '--name', 'kl-never-was']);
  expect(stdout + stderr).toContain('kl-never-was');
  await machineBecomes(before);
  expect(inject('cluster')).toBeTruthy();
});
