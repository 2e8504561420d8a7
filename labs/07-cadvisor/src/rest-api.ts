// RestApi: cAdvisor's REST API, the part that tools ask: machine, containers, component processes.
//
// Paths and field names are cAdvisor's v1.3 (cadvisor, docs/api.md), times in RFC 3339, bytes and nanoseconds as numbers.
// Left out: a history in `stats` (one sample instead of sixty), the pages for people, events.
import { createServer, type Server } from 'node:http';
import { messageOf } from '@kube-labs/apiserver';
import { readProcesses } from './process-stats.ts';
import type { Sample } from './sampler.ts';
import type { createStatsProvider } from './stats-provider.ts';

type Provider = ReturnType<typeof createStatsProvider>;

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

export function createRestApi(provider: Provider): Server {
  return createServer((request, response) => {
    const answered =
      request.method === 'GET' || request.method === 'HEAD'
        ? answer(provider, request.url ?? '/')
        : Promise.resolve({ status: 405, type: 'text/plain', body: 'Method Not Allowed\n' });
    answered
      // A file that cannot be read costs one answer, not the process.
      .catch((error: unknown) => ({
        status: 500,
        type: 'text/plain',
        body: `${messageOf(error)}\n`,
      }))
      .then(({ status, type, body }) => {
        response.writeHead(status, { 'content-type': type }).end(body);
      })
      .catch(() => response.destroy());
  });
}

async function answer(provider: Provider, path: string): Promise<Answer> {
  const [route = '', id = ''] = /^\/(?:api\/v1\.3\/)?([a-z]+)\/?([^?]*)/.exec(path)?.slice(1) ?? [];
  switch (route) {
    case 'healthz':
      return { status: 200, type: 'text/plain', body: 'ok' };
    case 'metrics':
      return { status: 200, type: 'text/plain; version=0.0.4', body: await provider.prometheus() };
    case 'machine':
      return json(machineInfo(provider));
    case 'containers':
      return containersAnswer(provider, id);
    case 'docker':
      return dockerAnswer(provider.sampler.sample(), id);
    case 'ps':
      return json(await readProcesses(id.split(',').map(Number).filter(Boolean)));
    default:
      return notFound(`unknown path ${path}; try /api/v1.3/machine, /api/v1.3/docker/, /metrics`);
  }
}

/** The root, which names its subcontainers, or one of them by its path. */
function containersAnswer(provider: Provider, wanted: string): Answer {
  const samples = provider.sampler.sample();
  if (wanted !== '') {
    const found = samples.find(({ container }) => `docker/${container.id}` === wanted);
    return found === undefined
      ? notFound(`unknown container "/${wanted}"`)
      : json(containerInfo(found));
  }
  const { atMs, stats } = provider.sampler.sampleMachine();
  return json({
    name: '/',
    subcontainers: samples.map(({ container }) => ({ name: `/docker/${container.id}` })),
    stats: [
      {
        timestamp: new Date(atMs).toISOString(),
        cpu: { usage: { total: stats?.cpuUsageNanoseconds ?? 0 } },
        memory: {
          usage: stats?.memoryUsageBytes ?? 0,
          working_set: stats?.memoryWorkingSetBytes ?? 0,
        },
      },
    ],
  });
}

function dockerAnswer(samples: readonly Sample[], wanted: string): Answer {
  const found = samples.filter(
    ({ container }) => container.id.startsWith(wanted) || container.name === wanted,
  );
  if (wanted !== '' && found.length === 0) return notFound(`unknown container "${wanted}"`);
  return json(
    Object.fromEntries(
      found.map((sample) => [`/docker/${sample.container.id}`, containerInfo(sample)]),
    ),
  );
}

function machineInfo(provider: Provider): object {
  const machine = provider.machine();
  return {
    num_cores: machine.cpus,
    memory_capacity: machine.memoryBytes,
    machine_id: machine.machineId,
    boot_id: machine.bootId,
    filesystems: [{ device: '/', capacity: machine.diskBytes }],
  };
}

function containerInfo({ container, stats, network, atMs, writableBytes }: Sample): object {
  return {
    id: container.id,
    name: `/docker/${container.id}`,
    aliases: [container.name, container.id],
    namespace: 'docker',
    labels: container.labels,
    spec: {
      creation_time: new Date(container.startedAtMs).toISOString(),
      image: container.image,
      memory: { limit: stats.memoryLimitBytes ?? 0 },
    },
    stats: [
      {
        timestamp: new Date(atMs).toISOString(),
        cpu: {
          usage: {
            total: stats.cpuUsageNanoseconds,
            user: stats.cpuUserNanoseconds,
            system: stats.cpuSystemNanoseconds,
          },
          cfs: {
            periods: stats.cpuPeriods,
            throttled_periods: stats.cpuThrottledPeriods,
            throttled_time: stats.cpuThrottledNanoseconds,
          },
        },
        memory: {
          usage: stats.memoryUsageBytes,
          working_set: stats.memoryWorkingSetBytes,
          rss: stats.memoryRssBytes,
          cache: stats.memoryCacheBytes,
        },
        network: {
          interfaces: network.map((device) => ({
            name: device.name,
            rx_bytes: device.rxBytes,
            rx_packets: device.rxPackets,
            rx_errors: device.rxErrors,
            rx_dropped: device.rxDropped,
            tx_bytes: device.txBytes,
            tx_packets: device.txPackets,
            tx_errors: device.txErrors,
            tx_dropped: device.txDropped,
          })),
        },
        filesystem: writableBytes === undefined ? [] : [{ device: '/', usage: writableBytes }],
        processes: { process_count: stats.processes },
      },
    ],
  };
}

const json = (value: unknown): Answer => ({
  status: 200,
  type: 'application/json',
  body: JSON.stringify(value),
});

const notFound = (message: string): Answer => ({
  status: 404,
  type: 'text/plain',
  body: `${message}\n`,
});
