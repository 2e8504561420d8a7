// The controller manager as a process: its flags, its health port, its end; and an API server that goes away for a while.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resources, startTestApiServer } from '@kube-labs/apiserver';
import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../../test/free-port.ts';
import { controllers, enabledControllers } from '../src/controllers.ts';
import { parseDuration } from '../src/duration.ts';
import { optionsOf, readFlags } from '../src/flags.ts';
import { eventually, node, startCluster, workload } from './support.ts';

const MAIN = new URL('../src/main.ts', import.meta.url).pathname;

function start(...flags: string[]): ChildProcess {
  const args = ['--import', 'tsx', MAIN, ...flags];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function outcome(child: ChildProcess) {
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk;
    });
  }
  const [code] = await once(child, 'close');
  return { code, output };
}

describe('flags', () => {
  const read = (...flags: string[]) =>
    optionsOf(readFlags(['node', 'main', '--kubeconfig=x', ...flags]));

  test.each([
    ['5s', 5_000],
    ['40s', 40_000],
    ['1m30s', 90_000],
    ['0.5s', 500],
    ['250ms', 250],
    ['5', undefined],
    ['s', undefined],
    ['5s ', undefined],
  ])('the duration %j', (text, want) => {
    expect(parseDuration(text)).toBe(want);
  });

  test('as the cluster gives them', () => {
    const period = ['--node-monitor-period=1s', '--node-monitor-grace-period=4s'];
    const ranges = [
      '--allocate-node-cidrs=true',
      '--cluster-cidr=10.244.0.0/16',
      '--node-cidr-mask-size=24',
    ];
    expect(read(...period, ...ranges, '--controllers=*,-namespace-controller')).toMatchObject({
      nodeMonitorPeriodMs: 1_000,
      nodeMonitorGracePeriodMs: 4_000,
      allocateNodeCidrs: true,
      clusterCidr: '10.244.0.0/16',
      nodeCidrMaskSize: 24,
      controllers: ['*', '-namespace-controller'],
    });
  });

  test.each([
    [['*'], Object.keys(controllers).length],
    [['*', '-namespace-controller'], Object.keys(controllers).length - 1],
    [['namespace-controller'], 1],
    [[], 0],
  ])('--controllers %j', (selection, want) => {
    expect(enabledControllers(selection)).toHaveLength(want);
  });
});

describe('kube-controller-manager', () => {
  test.each([
    ['no kubeconfig', [], "required option '--kubeconfig <file>' not specified"],
    [
      'an unknown controller',
      ['--kubeconfig=x', '--controllers=foo'],
      '"foo" is not in the list of known controllers',
    ],
    [
      'a range that is none',
      ['--kubeconfig=x', '--allocate-node-cidrs'],
      'Cannot use --cluster-cidr ""',
    ],
    ['a duration that is none', ['--kubeconfig=x', '--node-monitor-period=5'], 'Not a duration'],
  ])('bad input is one clear sentence and exit code 1: %s', async (_name, flags, message) => {
    const { code, output } = await outcome(start(...flags));
    expect(code).toBe(1);
    expect(output).toContain(message);
    expect(output.trim().split('\n')).toHaveLength(1);
  });

  test('serves health and metrics, leads, works, and stops on SIGTERM', async () => {
    await using server = await startTestApiServer();
    const port = await freePort();
    const flags = [
      `--kubeconfig=${await server.kubeconfig()}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
    ];
    const child = start(...flags, '--leader-elect');
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = outcome(child);
    const get = (path: string) =>
      fetch(`http://127.0.0.1:${port}${path}`).then(
        (answer) => answer.text(),
        () => undefined,
      );
    await expect.poll(() => get('/readyz'), { timeout: 60_000 }).toBe('ok');
    await expect
      .poll(() => get('/metrics'))
      .toContain('workqueue_depth{name="deployment-controller"} 0');
    const account = { name: 'default', namespace: 'kube-system' };
    await expect
      .poll(() =>
        server
          .client()
          .get(resources.serviceAccounts, account)
          .then(
            () => true,
            () => false,
          ),
      )
      .toBe(true);
    child.kill('SIGTERM');
    const { code, output } = await ended;
    expect(code).toBe(0);
    expect(output).toContain('Successfully acquired lease');
  });
});

test('an API server that restarts costs nothing: no node is lost, and work goes on', async () => {
  await using cluster = await startCluster();
  const { client, server } = cluster;
  cluster.playKubelet();
  await client.create(resources.nodes, node({ name: 'a', ready: 'True' }));
  const ref = { name: 'web', namespace: 'default' };
  await client.create(resources.deployments, {
    metadata: ref,
    spec: { replicas: 3, ...workload() },
  });
  // Nobody beats the heart of this node: it is lost when the test takes as long as that.
  cluster.start({ nodeMonitorPeriodMs: 50, nodeMonitorGracePeriodMs: 120_000 });
  const ready = async () => (await client.get(resources.deployments, ref)).status?.readyReplicas;
  await eventually(ready, 3);
  await server.restart();
  await client.patch(resources.deployments, ref, { spec: { replicas: 5 } }, { type: 'merge' });
  await eventually(ready, 5);
  const { status } = await client.get(resources.nodes, { name: 'a' });
  expect(status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
});
