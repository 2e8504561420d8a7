// Kubelet: puts the parts together, starts them in order, and stops them without touching a container.
//
//   API server ──pods──▶ PodManager ──admission──▶ PodWorkers ──▶ PodSyncer ──▶ Runtime (with its network), volumes
//        ▲                                           ▲    ▲           │
//        └──── StatusManager ◀───────────────────────┼────┼─ statuses ┘
//                    engine events ──▶ PodCache ─────┘    └─ probes, timers
//
// Order of a start: the network is restored from disk, the API's pods are listed, what runs is adopted, and only then is
// anything changed. Neither the engine nor the API server needs to be there when the kubelet starts.
//
// Same idea upstream: kubernetes, pkg/kubelet/kubelet.go (NewMainKubelet, Run, syncLoop).

import { messageOf, sleep } from '@kube-labs/apiserver';
import type { KubeletOptions } from './options.ts';
import { type KubeletParts, makeParts } from './parts/kubelet-parts.ts';
import type { KubeletDeps } from './parts/outside.ts';
import { startServers } from './server/start-servers.ts';

const RELIST_MS = 60_000;

/** Runs until the signal aborts. Its containers run on; the next kubelet adopts them. */
export async function runKubelet(
  options: KubeletOptions,
  deps: KubeletDeps,
  signal: AbortSignal,
): Promise<void> {
  const kubelet = await Kubelet.start(options, deps);
  try {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    await kubelet[Symbol.asyncDispose]();
  }
}

export class Kubelet implements AsyncDisposable {
  /** Of the server; the one that was asked for, or a free one. */
  readonly port: number;
  readonly #stop: () => Promise<void>;

  private constructor(port: number, stop: () => Promise<void>) {
    this.port = port;
    this.#stop = stop;
  }

  static async start(options: KubeletOptions, deps: KubeletDeps = {}): Promise<Kubelet> {
    const parts = await makeParts(options, deps);
    const { server, health } = await startServers(options, parts);
    const running = new AbortController();
    const loops = runLoops(parts, running.signal);
    const stop = async () => {
      running.abort();
      const stopped = parts.workers.stop();
      parts.prober.stop();
      parts.objects.stop();
      await stopped;
      await health[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await loops;
      await parts.recorder.flush();
      if (deps.client === undefined) await parts.client[Symbol.asyncDispose]();
    };
    parts.listening.port = server.port;
    return new Kubelet(server.port, stop);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}

async function runLoops(parts: KubeletParts, signal: AbortSignal): Promise<void> {
  const { apiPods, nodes, services, statuses, agent, nodeNetwork, network, log } = parts;
  try {
    await network.restore();
  } catch (error) {
    log.error('Cannot restore the pod network, waiting for the API', { err: messageOf(error) });
  }
  await Promise.all([
    apiPods.run(signal),
    nodes.run(signal),
    services.run(signal),
    statuses.run(signal),
    agent.run(signal),
    nodeNetwork.run(signal),
    runPods(parts, signal),
  ]);
}

/** Nothing is touched before it is known what runs, and what should. */
async function runPods(parts: KubeletParts, signal: AbortSignal): Promise<void> {
  const { apiPods, pods, handler, cache, agent, workers } = parts;
  await apiPods.synced(signal).catch(() => {});
  if (signal.aborted) return;
  await cleanUp(parts);
  pods.onChange(handler);
  const onResync = () => {
    agent.statusChanged();
    workers.wakeAll();
  };
  await Promise.all([cache.run(onResync, signal), relistLoop(parts, signal)]);
}

/** Events can be lost; this is slow, and finds what they did not tell. */
async function relistLoop(parts: KubeletParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(RELIST_MS, signal, parts.clock);
    if (!signal.aborted) await cleanUp(parts);
  }
}

async function cleanUp({ housekeeping, syncLoop, log }: KubeletParts): Promise<void> {
  try {
    await housekeeping.cleanUp();
    syncLoop.beat();
  } catch (error) {
    log.warn('Failed to relist pods', { err: messageOf(error) });
  }
}
