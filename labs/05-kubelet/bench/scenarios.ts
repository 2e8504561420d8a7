// The scenarios of the benchmark, each of which adds its rows to the table.
//
// Ours and the engine alone take turns, so that both see the same machine.
import { setTimeout as wait } from 'node:timers/promises';
import { resources } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import { CLUSTER, type Node } from './node.ts';
import type { RawDocker } from './raw-docker.ts';
import { percentile } from './statistics.ts';
import type { Row } from './table.ts';

export interface Size {
  /** Turns of pod starts, one at a time; those of eight at a time are fewer. */
  readonly turns: number;
  readonly pods: number;
  readonly idleMs: number;
  readonly deaths: number;
}

export interface Bench {
  readonly node: Node;
  readonly raw: RawDocker;
  readonly size: Size;
  add(row: Row): void;
}

const PARALLEL = 8;
const NETWORKS = { none: 'no network', bridge: 'Docker bridge' } as const;
const START_FACTOR_MAX = 0.6;
/** After which nothing is left to do for what was before. */
const SETTLE_MS = 5_000;

export async function podStarts(bench: Bench, parallel: 1 | typeof PARALLEL): Promise<void> {
  const { node, raw, size } = bench;
  const turns = parallel === 1 ? size.turns : Math.ceil(size.turns / 4);
  const times = { ours: [] as number[], none: [] as number[], bridge: [] as number[] };
  // The first turn warms up what is loaded when it is first used.
  for (let turn = 0; turn <= turns; turn++) {
    const names = Array.from({ length: parallel }, (_, i) => `start-${parallel}-${turn}-${i}`);
    const ours = await Promise.all(names.map((name) => startPod(node, name)));
    await node.deletePods(names);
    const none = await raw.pairs('none', parallel);
    const bridge = await raw.pairs('bridge', parallel);
    if (turn === 0) continue;
    times.ours.push(...ours);
    times.none.push(...none);
    times.bridge.push(...bridge);
  }
  for (const percent of [50, 99]) {
    for (const reference of ['none', 'bridge'] as const) {
      bench.add({
        what: `pod start, ${parallel} at a time, p${percent}, beside a raw pair, ${NETWORKS[reference]}`,
        unit: 'ms',
        ours: percentile(times.ours, percent),
        reference: percentile(times[reference], percent),
        ...(percent === 50 ? { factorMax: START_FACTOR_MAX } : {}),
      });
    }
  }
}

/** From the call that creates it until a watch shows it running. */
async function startPod(node: Node, name: string): Promise<number> {
  const startedMs = performance.now();
  await node.createPod(name);
  await node.when(`${name} runs`, () => node.pod(name)?.status?.phase === 'Running');
  return performance.now() - startedMs;
}

/** With many pods: what it costs when nothing happens, how soon it sees what does, how soon it is back. */
export async function manyPods(bench: Bench): Promise<void> {
  const { node, size } = bench;
  const names = Array.from({ length: size.pods }, (_, i) => `many-${i}`);
  await Promise.all(names.map((name) => node.createPod(name)));
  await node.when('all run', () => names.every((name) => isReady(node.pod(name))));
  await idle(bench);
  await deaths(bench, names.slice(0, size.deaths));
  await adoption(bench, names);
  await node.deletePods(names);
}

async function idle({ node, size, add }: Bench): Promise<void> {
  await wait(SETTLE_MS);
  const before = await node.cpuSeconds();
  await wait(size.idleMs);
  const percent = ((await node.cpuSeconds()) - before) / (size.idleMs / 1_000) / 0.01;
  add({ what: `idle kubelet, ${size.pods} pods, of a core`, unit: '%', ours: percent, max: 2 });
  add({ what: `memory, ${size.pods} pods`, unit: 'MiB', ours: await node.residentMiB() });
}

/** From the end of a process, by the engine's clock, until a watch of pods shows it; the reference is the engine's own event. */
async function deaths({ node, raw, add }: Bench, names: readonly string[]): Promise<void> {
  const events = await raw.docker.getEvents({
    filters: { event: ['die'], label: [`kube-labs=${CLUSTER}`] },
  });
  const told = new Map<string, number>();
  events.on('data', (line: Buffer) => {
    const atMs = Date.now();
    for (const id of line.toString().match(/[0-9a-f]{64}/g) ?? []) told.set(id, atMs);
  });
  const seen: number[] = [];
  const toldAfter: number[] = [];
  for (const name of names) {
    const id = mainContainer(node.pod(name))?.containerID?.replace('docker://', '') ?? '';
    await raw.docker.getContainer(id).kill();
    let atMs = 0;
    await node.when(`the end of ${name} is seen`, () => {
      const { state, lastState } = mainContainer(node.pod(name)) ?? {};
      atMs = Date.now();
      return state?.terminated !== undefined || lastState?.terminated !== undefined;
    });
    const { State } = await raw.docker.getContainer(id).inspect();
    seen.push(atMs - Date.parse(State.FinishedAt));
    toldAfter.push((told.get(id) ?? atMs) - Date.parse(State.FinishedAt));
  }
  (events as NodeJS.ReadableStream & { destroy(): void }).destroy();
  const [ours, reference] = [percentile(seen, 50), percentile(toldAfter, 50)];
  add({ what: 'end of a container seen, p50', unit: 'ms', ours, reference, max: 100 });
}

/**
 * A node that does not answer has its pods marked as not ready by the controller manager; a kubelet that comes back
 * marks them again, each when it has seen what runs of it.
 */
async function adoption({ node, add }: Bench, names: readonly string[]): Promise<void> {
  await node.when('all run again', () => names.every((name) => isReady(node.pod(name))));
  await node.killKubelet();
  const conditions = [{ type: 'Ready', status: 'False' }];
  const patch = { status: { conditions } };
  const options = { type: 'strategic', subresource: 'status' } as const;
  await Promise.all(
    names.map((name) =>
      node.client.patch(resources.pods, { namespace: 'default', name }, patch, options),
    ),
  );
  await node.when('none is ready', () => !names.some((name) => isReady(node.pod(name))));
  const startMs = await node.startKubelet();
  const startedMs = performance.now();
  await node.when('all are adopted', () => names.every((name) => isReady(node.pod(name))));
  const adoptMs = performance.now() - startedMs;
  const what = `${names.length} pods adopted, since the kubelet answers`;
  add({ what, unit: 'ms', ours: adoptMs, max: 2_000 });
  add({ what: 'the kubelet answers, since its start', unit: 'ms', ours: startMs });
}

function mainContainer(pod: Pod | undefined) {
  return pod?.status?.containerStatuses?.[0];
}

function isReady(pod: Pod | undefined): boolean {
  return (pod?.status?.conditions ?? []).some(
    ({ type, status }) => type === 'Ready' && status === 'True',
  );
}
