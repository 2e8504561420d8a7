// Real containers under a known load: what we say of them is what the engine says of them.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openCgroup } from '../src/cgroup.ts';
import { createRestApi } from '../src/rest-api.ts';
import type { Sample } from '../src/sampler.ts';
import { createStatsProvider } from '../src/stats-provider.ts';

const run = promisify(execFile);
/** The engine's API, for counters that its command does not print. */
const engine = new Docker();
const docker = async (...args: string[]) => (await run('docker', args)).stdout.trim();
const label = `kl07-test=${process.pid}`;
const stop = new AbortController();
const provider = createStatsProvider({ nodeName: 'here', labelFilters: [label] }, stop.signal);
let id = '';

async function until<T>(attempt: () => T | Promise<T>): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await delay(200);
  }
}

/** One that was read after now: younger ones than a second come from memory. */
function freshSample(): Promise<Sample> {
  const nowMs = Date.now();
  return until(() => {
    const [sample] = provider.sampler.sample();
    if (sample === undefined || sample.atMs <= nowMs) throw new Error('no new sample yet');
    return sample;
  });
}

async function engineCounters() {
  const stats = await engine.getContainer(id).stats({ stream: false, 'one-shot': true });
  return stats.cpu_stats;
}

/** A sample, and what the engine counted before and after it: counters grow, so ours lie between. No clock has to agree. */
async function bracketed() {
  const before = await engineCounters();
  const sample = await freshSample();
  return { before, sample, after: await engineCounters() };
}

beforeAll(async () => {
  const pod = ['name=busy', 'namespace=default', 'uid=u-1'].flatMap((text) => [
    '-l',
    `io.kubernetes.pod.${text}`,
  ]);
  const labels = [
    '-l',
    label,
    '-l',
    `kube-labs=kl07-${process.pid}`,
    '-l',
    'kube-labs.node=here',
    ...pod,
    '-l',
    'io.kubernetes.container.name=main',
    '-l',
    'io.kubernetes.docker.type=container',
  ];
  const script = 'console.log(1); const hold = Buffer.alloc(50e6, 1); for (;;) hold[0] += 1;';
  id = await docker(
    'run',
    '-d',
    '--name',
    `kl07-${process.pid}`,
    ...labels,
    '--cpus',
    '0.25',
    '-m',
    '256m',
    'kube-labs/node:v1',
    'node',
    '-e',
    script,
  );
  await until(() => expect(provider.containers.list()).toHaveLength(1));
});

afterAll(async () => {
  stop.abort();
  await docker('rm', '-f', id);
});

describe('a container that holds 50 MB and runs against a limit of a quarter of a processor', () => {
  test('is summed up with both', async () => {
    await until(async () => {
      const { pods } = await provider.summary();
      const container = pods[0]?.containers[0];
      expect(pods[0]?.podRef).toEqual({ name: 'busy', namespace: 'default', uid: 'u-1' });
      expect(container?.name).toBe('main');
      expect(Number(container?.memory.workingSetBytes)).toBeGreaterThan(50e6);
      expect(Number(container?.memory.workingSetBytes)).toBeLessThan(256e6);
      // How much of its quarter it gets is up to whatever else runs here; more it does not get.
      expect(Number(container?.cpu.usageNanoCores)).toBeGreaterThan(0);
      expect(Number(container?.cpu.usageNanoCores)).toBeLessThan(0.35e9);
      expect(Number(pods[0]?.process_stats.process_count)).toBeGreaterThan(0);
    });
  });

  test('has its output on the disk, beside the images, and the node its process ids', async () => {
    const path = (await docker('inspect', '--format', '{{.LogPath}}', id)).trim();
    const { node } = await provider.summary();
    // The engine may still be writing down what the container said.
    await until(async () => {
      const { pods } = await provider.summary();
      expect(pods[0]?.containers[0]?.logs).toMatchObject({ usedBytes: statSync(path).size });
    });
    expect(Number(node.runtime?.imageFs.capacityBytes)).toBeGreaterThan(0);
    const { maxpid, curproc } = node.rlimit;
    expect(Number(curproc)).toBeGreaterThan(0);
    expect(Number(maxpid)).toBeGreaterThan(Number(curproc));
  });

  test('agrees with the statistics of the engine', async () => {
    const [first, second] = [await bracketed(), await bracketed()];
    for (const { before, sample, after } of [first, second]) {
      const { cpuUsageNanoseconds, cpuThrottledPeriods } = sample.stats;
      expect(cpuUsageNanoseconds).toBeGreaterThanOrEqual(before.cpu_usage.total_usage);
      expect(cpuUsageNanoseconds).toBeLessThanOrEqual(after.cpu_usage.total_usage);
      expect(cpuThrottledPeriods).toBeGreaterThanOrEqual(before.throttling_data.throttled_periods);
      expect(cpuThrottledPeriods).toBeLessThanOrEqual(after.throttling_data.throttled_periods);
      expect(sample.stats.memoryLimitBytes).toBe(256 * 2 ** 20);
    }
    const used = second.sample.stats.cpuUsageNanoseconds - first.sample.stats.cpuUsageNanoseconds;
    expect(used).toBeGreaterThan(0);
    await until(async () => {
      const text = await docker('stats', '--no-stream', '--format', '{{json .}}', id);
      const engineBytes = Number.parseFloat(JSON.parse(text).MemUsage) * 2 ** 20;
      const ours = (await freshSample()).stats.memoryWorkingSetBytes;
      expect(Math.abs(ours - engineBytes)).toBeLessThan(engineBytes * 0.2);
    });
  });

  test('has as rate what was used between two samples', async () => {
    // Those of the provider itself, every ten seconds, may come between ours.
    await until(async () => {
      const [before, after] = [await freshSample(), await freshSample()];
      const used = after.stats.cpuUsageNanoseconds - before.stats.cpuUsageNanoseconds;
      const rate = used / ((after.atMs - before.atMs) / 1000);
      expect(after.cpuNanoCores).toBe(Math.round(rate));
    });
  });

  test('is in the Prometheus text under its names', async () => {
    const text = await provider.prometheus();
    expect(text).toMatch(
      /container_cpu_usage_seconds_total\{container="main",[^}]*namespace="default",pod="busy"\} [\d.]+/,
    );
    expect(text).toMatch(/machine_memory_bytes \d+/);
  });
});

test('the REST API answers as cAdvisor does, and 404 for what it does not know', async () => {
  const server = createRestApi(provider);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const base = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  try {
    const machine = (await (await fetch(`${base}/api/v1.3/machine`)).json()) as {
      num_cores: number;
    };
    expect(machine.num_cores).toBeGreaterThan(0);
    const found = (await (
      await fetch(`${base}/api/v1.3/docker/${id.slice(0, 12)}`)
    ).json()) as Record<string, { stats: unknown[] }>;
    expect(found[`/docker/${id}`]?.stats).toHaveLength(1);
    const root = await (await fetch(`${base}/api/v1.3/containers/`)).json();
    expect(root).toMatchObject({ name: '/', subcontainers: [{ name: `/docker/${id}` }] });
    const one = await (await fetch(`${base}/api/v1.3/containers/docker/${id}`)).json();
    expect(one).toMatchObject({ id });
    expect((await fetch(`${base}/api/v1.3/containers/none`)).status).toBe(404);
    expect((await fetch(`${base}/metrics`, { method: 'POST' })).status).toBe(405);
    expect((await fetch(`${base}/api/v1.3/docker/none`)).status).toBe(404);
    expect((await fetch(`${base}/%00..%2f`)).status).toBe(404);
    const processes = await (await fetch(`${base}/ps/${process.pid},999999999`)).json();
    expect(processes).toMatchObject([{ pid: process.pid }]);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test.each([
  { name: 'its own node', cluster: `kl07-${process.pid}`, node: 'here', want: 1 },
  { name: 'another node', cluster: `kl07-${process.pid}`, node: 'there', want: 0 },
  { name: 'another cluster', cluster: 'kl07-other', node: 'here', want: 0 },
])('a provider of $name measures $want containers', async ({ cluster, node, want }) => {
  const own = createStatsProvider({ nodeName: node, clusterName: cluster });
  try {
    await own.containers.refresh();
    expect((await own.summary()).pods).toHaveLength(want);
  } finally {
    own.close();
  }
});

test('a container that ends drops out', async () => {
  const short = await docker(
    'run',
    '-d',
    '--name',
    `kl07-short-${process.pid}`,
    '-l',
    label,
    'kube-labs/node:v1',
    'sleep',
    '300',
  );
  onTestFinished(async () => void (await docker('rm', '-f', short)));
  await until(() => expect(provider.containers.list()).toHaveLength(2));
  await docker('rm', '-f', short);
  await until(() => expect(provider.sampler.sample()).toHaveLength(1));
});

test('cgroup v2 files are read into the same shape', () => {
  const root = mkdtempSync(join(tmpdir(), 'kl07-'));
  const folder = join(root, 'system.slice/docker-abc.scope');
  mkdirSync(folder, { recursive: true });
  const files = {
    'cpu.stat':
      'usage_usec 2000\nuser_usec 1500\nsystem_usec 500\nnr_periods 4\nnr_throttled 1\nthrottled_usec 10\n',
    'memory.current': '1000\n',
    'memory.max': 'max\n',
    'memory.stat': 'anon 300\nfile 600\ninactive_file 400\npgfault 7\npgmajfault 1\n',
    'pids.current': '3\n',
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  using reader = openCgroup(root, 'abc');
  expect(reader?.read()).toEqual({
    cpuUsageNanoseconds: 2_000_000,
    cpuUserNanoseconds: 1_500_000,
    cpuSystemNanoseconds: 500_000,
    cpuPeriods: 4,
    cpuThrottledPeriods: 1,
    cpuThrottledNanoseconds: 10_000,
    memoryUsageBytes: 1000,
    memoryWorkingSetBytes: 600,
    memoryRssBytes: 300,
    memoryCacheBytes: 600,
    pageFaults: 7,
    majorPageFaults: 1,
    processes: 3,
  });
  rmSync(root, { recursive: true });
});
