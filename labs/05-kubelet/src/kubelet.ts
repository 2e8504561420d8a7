// Kubelet: puts the parts together, starts them in order, and stops them without touching a container.
//
//   API server ──pods──▶ PodManager ──admission──▶ PodWorkers ──▶ PodSyncer ──▶ Runtime (with its network), volumes
//        ▲                                           ▲    ▲           │
//        └──── StatusManager ◀───────────────────────┼────┼─ statuses ┘
//                    engine events ──▶ PodCache ─────┘    └─ probes, timers
//
// Order of a start: the network is restored from disk, the engine is asked what runs, and only then do pods come from their
// sources, each when it has been read; what belongs to no pod goes when all have. Neither the engine nor the API server needs to be
// there when the kubelet starts: the API server may be one of its static pods.
//
// Same idea upstream: kubernetes, pkg/kubelet/kubelet.go (NewMainKubelet, Run, syncLoop).

import { setMaxListeners } from 'node:events';
import { messageOf, sleep } from '@kube-labs/apiserver';
import type { KubeletOptions } from './options.ts';
import { type KubeletParts, makeParts } from './parts/kubelet-parts.ts';
import type { KubeletDeps } from './parts/outside.ts';
import { startServers } from './server/start-servers.ts';
import { powerSignal, type ShutdownManager } from './shutdown/shutdown-manager.ts';

const RELIST_MS = 60_000;
const STOP_GRACE_MS = 3_000;

/** Runs until the signal aborts. Its containers run on; the next kubelet adopts them. */
export async function runKubelet(
  options: KubeletOptions,
  deps: KubeletDeps,
  signal: AbortSignal,
): Promise<void> {
  const kubelet = await Kubelet.start(options, deps);
  const forget = powerSignal.onShutdown(() => kubelet.shutDown());
  try {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener('abort', () => resolve(), { once: true });
    });
  } finally {
    forget();
    await kubelet[Symbol.asyncDispose]();
  }
}

export class Kubelet implements AsyncDisposable {
  /** Of the server; the one that was asked for, or a free one. */
  readonly port: number;
  readonly #stop: () => Promise<void>;
  readonly #shutdown: ShutdownManager | undefined;

  private constructor(
    port: number,
    { stop, shutdown }: { stop: () => Promise<void>; shutdown: ShutdownManager | undefined },
  ) {
    this.port = port;
    this.#stop = stop;
    this.#shutdown = shutdown;
  }

  static async start(options: KubeletOptions, deps: KubeletDeps = {}): Promise<Kubelet> {
    const parts = await makeParts(options, deps);
    const { server, health } = await startServers(options, parts);
    const running = new AbortController();
    // Every loop listens to it, and they are meant to be many.
    setMaxListeners(0, running.signal);
    const loops = runLoops(options, parts, running.signal);
    const stop = async () => {
      parts.log.info('Stopping kubelet; its containers run on');
      running.abort();
      const stopped = Promise.all([parts.workers.stop(), loops]);
      parts.prober.stop();
      parts.objects.stop();
      await withinGrace(stopped, parts);
      await health[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await parts.recorder.flush();
      if (deps.client === undefined) await parts.client[Symbol.asyncDispose]();
    };
    parts.listening.port = server.port;
    const { address } = options;
    parts.log.info('Starting to listen', { address, port: server.port, healthzPort: health.port });
    return new Kubelet(server.port, { stop, shutdown: parts.shutdown });
  }

  /** The node goes down: its pods end first, in the time that the options give them; none where they give none. */
  async shutDown(): Promise<void> {
    await this.#shutdown?.shutDown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}

/** An engine that does not answer keeps nobody from stopping: what it was told it does, or not, as after a kill. */
async function withinGrace(stopped: Promise<unknown>, { clock, log }: KubeletParts): Promise<void> {
  const grace = new AbortController();
  const timedOut = sleep(STOP_GRACE_MS, grace.signal, clock).then(() => 'timed out');
  const outcome = await Promise.race([stopped, timedOut]);
  grace.abort();
  if (outcome === 'timed out') log.warn('Stopped without waiting for what is still on its way');
}

async function runLoops(
  { podCidr }: KubeletOptions,
  parts: KubeletParts,
  signal: AbortSignal,
): Promise<void> {
  const { apiPods, nodes, services, statuses, agent, nodeNetwork, network, log } = parts;
  try {
    await network.restore();
    if (!network.status().ready && podCidr !== undefined) await network.configure(podCidr);
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
    parts.eviction.run(signal),
    parts.collectGarbage(signal),
    runPods(parts, signal),
  ]);
}

/** Nothing is touched before it is known what runs. */
async function runPods(parts: KubeletParts, signal: AbortSignal): Promise<void> {
  const { pods, sources, handler, cache, agent, workers } = parts;
  await cleanUp(parts);
  if (signal.aborted) return;
  pods.onChange(handler);
  let tick = new AbortController();
  const onResync = () => {
    agent.statusChanged();
    workers.wakeAll();
  };
  /** Events can be lost; this is slow, and finds what they did not tell. */
  const relistLoop = async () => {
    while (!signal.aborted) {
      await sleep(RELIST_MS, AbortSignal.any([signal, tick.signal]), parts.clock);
      tick = new AbortController();
      if (!signal.aborted) await cleanUp(parts);
    }
  };
  // A source that is complete may be the last one: what belongs to nobody is known from then on.
  const onSynced = () => tick.abort();
  await Promise.all([sources.run(onSynced, signal), cache.run(onResync, signal), relistLoop()]);
}

async function cleanUp({ housekeeping, syncLoop, log }: KubeletParts): Promise<void> {
  try {
    await housekeeping.cleanUp();
    syncLoop.beat();
  } catch (error) {
    log.warn('Failed to relist pods', { err: messageOf(error) });
  }
}
