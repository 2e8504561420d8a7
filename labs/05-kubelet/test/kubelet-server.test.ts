// The kubelet's own API: who may ask, logs, exec over a WebSocket, as the API server uses them.

import { request } from 'node:https';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Summary } from '#src/stats-provider.ts';
import { FOREVER, IMAGE, JumpClock, Lab, script } from './lab.ts';
import { statusOf } from './objects.ts';

const SUMMARY: Summary = {
  node: {
    ...{ nodeName: 'node-1', startTime: '2015-11-09T10:00:00Z', network: {} },
    ...{ cpu: { usageNanoCores: 1 }, memory: { workingSetBytes: 2 }, fs: { usedBytes: 3 } },
  },
  pods: [],
};
const clock = new JumpClock();
let lab: Lab;
beforeAll(async () => {
  lab = await Lab.start({
    number: 205,
    deps: {
      clock,
      stats: {
        machine: () => ({ cpus: 3, memoryBytes: 1024 ** 3, diskBytes: 2 * 1024 ** 3 }),
        summary: async () => SUMMARY,
        prometheus: async () => 'container_cpu_usage_seconds_total 1\n',
      },
    },
  });
  await lab.createPod('talk', {
    containers: [
      script('c', `for i in 1 2 3; do echo line $i; done; echo error >&2; ${FOREVER}`, {
        readinessProbe: { exec: { command: ['true'] }, periodSeconds: 1 },
      }),
    ],
  });
  await lab.running('talk');
});
afterAll(() => lab[Symbol.asyncDispose]());

async function get(
  path: string,
  { certificate = true, onData = () => {} } = {},
): Promise<{ status: number; body: string }> {
  const { ca, cert, key } = lab.tls;
  return new Promise((resolve, reject) => {
    const options = {
      port: lab.kubelet.port,
      path,
      ca,
      agent: false,
      ...(certificate ? { cert, key } : {}),
    };
    request({ host: '127.0.0.1', ...options }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
        onData();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

test('nobody is answered without a certificate of the cluster', async () => {
  expect(await get('/pods', { certificate: false })).toEqual({ status: 401, body: 'Unauthorized' });
  expect(await get('/healthz')).toEqual({ status: 200, body: 'ok' });
  expect((await get('/nothing')).status).toBe(404);
});

test('pods, metrics and statistics', async () => {
  const { items } = JSON.parse((await get('/pods')).body);
  expect(items[0]).toMatchObject({ metadata: { name: 'talk' }, status: { phase: 'Running' } });
  const running = JSON.parse((await get('/runningpods/')).body);
  expect(running).toMatchObject({ kind: 'PodList', items: [{ metadata: { name: 'talk' } }] });
  expect(running.items[0].spec).toEqual({ containers: [{ name: 'c', image: IMAGE }] });
  expect((await get('/metrics/cadvisor')).body).toContain('container_cpu_usage_seconds_total');
  expect(JSON.parse((await get('/stats/summary')).body)).toEqual(SUMMARY);
  const { node, pods } = JSON.parse((await get('/stats/summary?only_cpu_and_memory=true')).body);
  expect([Object.keys(node), pods]).toEqual([['nodeName', 'startTime', 'cpu', 'memory'], []]);
});

test("metrics have upstream's names", async () => {
  // A start is over when the API has told of it.
  const started = 'kubelet_pod_start_duration_seconds_count 1\n';
  await lab.until('it is counted', async () => (await get('/metrics')).body.includes(started));
  const { body } = await get('/metrics');
  for (const line of [
    'kubelet_node_name{node="node-1"} 1',
    'kubelet_running_pods 1',
    'kubelet_running_containers{container_state="running"} 1',
    'kubelet_pod_start_duration_seconds_count 1',
    'kubelet_pod_start_total_duration_seconds_count 1',
    'kubelet_runtime_operations_total{operation_type="create_container"} 1',
    'kubelet_runtime_operations_duration_seconds_count{operation_type="run_podsandbox"} 1',
  ]) {
    expect(body).toContain(`${line}\n`);
  }
  for (const name of [
    ...['pod_worker_duration_seconds', 'pleg_relist_duration_seconds', 'evictions'],
    ...['pleg_relist_interval_seconds', 'image_pull_duration_seconds', 'http_requests_total'],
    ...['runtime_operations_errors_total', 'graceful_shutdown_start_time_seconds'],
  ]) {
    expect(body).toContain(`# TYPE kubelet_${name} `);
  }
  const probed = 'probe_type="Readiness",container="c",pod="talk",namespace="default"';
  expect((await get('/metrics/probes')).body).toContain(
    `prober_probe_total{${probed},result="successful"`,
  );
  expect((await get('/metrics/resource')).body).toContain('node_memory_working_set_bytes 2\n');
  expect((await get('/metrics/other')).status).toBe(404);
});

test('health says what was looked at; the configuration is that of the flags', async () => {
  const lines = ['[+]ping ok', '[+]log ok', '[+]syncloop ok', 'healthz check passed', ''];
  expect((await get('/healthz?verbose')).body.split('\n')).toEqual(lines);
  expect(await get('/healthz/syncloop')).toEqual({ status: 200, body: 'ok' });
  expect((await get('/healthz/none')).status).toBe(404);
  expect(JSON.parse((await get('/configz')).body).kubeletconfig).toMatchObject({
    kind: 'KubeletConfiguration',
    readOnlyPort: 0,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true, cacheTTL: '2m0s' } },
    authorization: { mode: 'Webhook', webhook: { cacheUnauthorizedTTL: '30s' } },
    nodeStatusReportFrequency: '5m0s',
    maxPods: 110,
  });
});

test('logs: all, the end, with times, cut, of the run before', async () => {
  const logs = (query = '') => get(`/containerLogs/default/talk/c${query}`);
  // Two streams: their order towards each other is the engine's.
  await lab.until('all is written', async () => (await logs()).body.split('\n').length === 5);
  expect((await logs()).body.split('\n').sort()).toEqual([
    '',
    'error',
    'line 1',
    'line 2',
    'line 3',
  ]);
  expect((await logs('?tailLines=1')).body.split('\n').length).toBe(2);
  expect((await logs('?timestamps=true&tailLines=1')).body).toMatch(/^\d{4}-\d\d-\d\dT\S+Z \w/);
  expect((await logs('?limitBytes=4')).body.length).toBe(4);
  expect((await logs('?sinceTime=2099-01-01T00:00:00Z')).body).toBe('');
  expect(await logs('?previous=true')).toEqual({
    status: 400,
    body: 'previous terminated container "c" in pod "talk" not found',
  });
  expect((await get('/containerLogs/default/none/c')).status).toBe(404);
  expect((await get('/containerLogs/default/talk/d')).body).toBe(
    'container "d" not found in pod "talk"',
  );
});

test('following a log ends with its container; -p shows the run before', async () => {
  await lab.createPod('brief', {
    volumes: [{ name: 'go', emptyDir: {} }],
    containers: [
      script('c', 'echo run; until [ -e /go/on ]; do sleep 0.1; done; echo end; exit 1', {
        volumeMounts: [{ name: 'go', mountPath: '/go' }],
      }),
    ],
  });
  await lab.running('brief');
  let began = () => {};
  const hasBegun = new Promise<void>((resolve) => {
    began = resolve;
  });
  const path = '/containerLogs/default/brief/c?follow=true';
  const following = get(path, { onData: () => began() });
  await hasBegun;
  await lab.exec('c_brief', 'touch', '/go/on');
  expect((await following).body).toBe('run\nend\n');
  await lab.podWhen(
    'brief',
    (pod) => statusOf(pod, 'c')?.state?.waiting?.reason === 'CrashLoopBackOff',
  );
  expect((await get('/containerLogs/default/brief/c?previous=true')).body).toBe('run\nend\n');
  await lab.deletePod('brief');
});

interface Session {
  readonly socket: WebSocket;
  readonly output: Record<number, string>;
  readonly closed: Promise<number>;
}

async function exec(
  command: readonly string[],
  { protocol = 'v5.channel.k8s.io', query = '', container = 'c' } = {},
): Promise<Session> {
  const { ca, cert, key } = lab.tls;
  const route = command.length === 0 ? 'attach' : 'exec';
  const parameters = command.map((part) => `command=${encodeURIComponent(part)}`).join('&');
  const url = `wss://127.0.0.1:${lab.kubelet.port}/${route}/default/talk/${container}?${parameters}&output=1&error=1${query}`;
  const socket = new WebSocket(url, protocol, { ca, cert, key });
  const output: Record<number, string> = {};
  socket.on('message', (data: Buffer) => {
    const channel = data[0] ?? -1;
    output[channel] = (output[channel] ?? '') + data.subarray(1).toString();
  });
  const closed = new Promise<number>((resolve) => socket.on('close', resolve));
  await new Promise((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('error', reject);
  });
  return { socket, output, closed };
}

const frame = (channel: number, text: string) =>
  Buffer.concat([Buffer.from([channel]), Buffer.from(text)]);

test('exec keeps the streams apart and tells the exit code', async () => {
  const { output, closed } = await exec(['sh', '-c', 'echo out; echo err >&2; exit 3']);
  expect(await closed).toBe(1000);
  expect(output).toMatchObject({ 1: 'out\n', 2: 'err\n' });
  expect(JSON.parse(output[3] ?? '')).toMatchObject({
    status: 'Failure',
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: '3' }] },
  });
});

test('exec passes stdin on, and its end', async () => {
  const { socket, output, closed } = await exec(['cat'], { query: '&input=1' });
  socket.send(frame(0, 'hello '));
  socket.send(frame(0, 'world'));
  socket.send(Buffer.from([255, 0]));
  expect(await closed).toBe(1000);
  expect(output[1]).toBe('hello world');
  expect(JSON.parse(output[3] ?? '')).toEqual({ metadata: {}, status: 'Success' });
});

test('exec carries a megabyte each way', async () => {
  const { socket, output, closed } = await exec(['cat'], { query: '&input=1' });
  const chunk = 'x'.repeat(65_536);
  for (let count = 0; count < 16; count++) socket.send(frame(0, chunk));
  socket.send(Buffer.from([255, 0]));
  await closed;
  expect(output[1]?.length).toBe(16 * 65_536);
});

test('exec with a terminal has one stream and a size', async () => {
  const { socket, output, closed } = await exec(['sh', '-c', 'read x; stty size; echo err >&2'], {
    query: '&input=1&tty=1',
  });
  socket.send(frame(4, '{"Width":100,"Height":40}\n'));
  await lab.until('the size is set', async () => {
    const look = 'for p in /dev/pts/[0-9]*; do stty size < $p; done';
    const size = await lab.exec('c_talk', 'sh', '-c', look).catch(() => '');
    return size.includes('40 100');
  });
  socket.send(frame(0, 'go\n'));
  await closed;
  expect(output[1]).toContain('40 100');
  expect(output[1]).toContain('err');
  expect(output[2]).toBeUndefined();
});

test('exec speaks v4 too, and refuses what it does not know', async () => {
  const { output, closed } = await exec(['true'], { protocol: 'v4.channel.k8s.io' });
  await closed;
  expect(JSON.parse(output[3] ?? '')).toEqual({ metadata: {}, status: 'Success' });
  await expect(exec(['true'], { protocol: 'v9.channel.k8s.io' })).rejects.toThrow('400');
  await expect(exec(['true'], { container: 'd' })).rejects.toThrow('404');
});

test('attach shows what the container writes from now on', async () => {
  const { socket, output, closed } = await exec([]);
  await lab.exec('c', 'sh', '-c', 'echo seen > /proc/1/fd/1');
  await lab.until('it is seen', async () => output[1]?.includes('seen\n') || undefined);
  socket.close();
  await closed;
  expect(statusOf(await lab.pod('talk'), 'c')?.restartCount).toBe(0);
});
