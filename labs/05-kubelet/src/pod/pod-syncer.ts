// PodSyncer: the effects around the plan: look, report, obey, report again.
//
// syncPod() brings a pod nearer to its spec, syncTerminating() stops what runs, syncTerminated() takes away what is left.
// Each reads the real state first, so each may be interrupted anywhere and called again, also by another process.
//
// Rule: a pod's object leaves the API only after nothing of the pod is left on this node.
//
// Same idea upstream: SyncPod, SyncTerminatingPod, SyncTerminatedPod in kubernetes, pkg/kubelet/kubelet.go.

import type { Clock, Logger } from '@kube-labs/apiserver';
import type { Pod, PodStatus, Service } from 'kubernetes-types/core/v1';
import type { ReferencedObjects } from '../container/referenced-objects.ts';
import type { NodeSecurity } from '../container/security.ts';
import type { ImagePuller } from '../image/image-puller.ts';
import { networkProblem } from '../node/node-status.ts';
import type { Prober } from '../probe/prober.ts';
import type { PodCache } from '../runtime/pod-cache.ts';
import {
  type Runtime,
  type RuntimeContainer,
  type RuntimePod,
  readySandboxOf,
} from '../runtime/runtime.ts';
import type { VolumeLocation, VolumeManager } from '../volume/volume-manager.ts';
import { activeForMs, DEADLINE_EXCEEDED, soonest } from './active-deadline.ts';
import { BackOff, restartKey } from './back-off.ts';
import { killContainers } from './container-killer.ts';
import { disposableContainers } from './dead-containers.ts';
import { type ActionDeps, obeyActions } from './pod-actions.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodFiles } from './pod-files.ts';
import { removeSandboxes } from './pod-sandbox.ts';
import type { PodAction, PodView } from './pod-view.ts';
import {
  type Ending,
  identityOf,
  type PodSyncer,
  type SyncResult,
  type WorkedPod,
} from './pod-worker.ts';
import type { StatusManager } from './status-manager.ts';
import { StatusTeller } from './status-teller.ts';
import { planPod } from './sync-pod.ts';
import { TerminationMessages } from './termination-message.ts';
import { WaitingReasons } from './waiting-reasons.ts';

export interface PodSyncerDeps {
  readonly runtime: Runtime;
  readonly cache: PodCache;
  readonly volumes: VolumeManager;
  readonly files: PodFiles;
  readonly images: ImagePuller;
  readonly objects: ReferencedObjects;
  readonly prober: Prober;
  readonly statuses: StatusManager;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hostAddress: string;
  readonly memoryCapacityBytes: number;
  readonly security?: NodeSecurity;
  /** Of each container of a pod; negative is without limit. */
  readonly deadContainersMax?: number;
  readonly allocatable: Readonly<Record<string, string>>;
  services(pod: Pod, signal: AbortSignal): Promise<readonly Service[]>;
}

export class KubeletPodSyncer implements PodSyncer {
  readonly #deps: PodSyncerDeps & ActionDeps;
  readonly #messages: TerminationMessages;
  readonly #teller: StatusTeller;

  constructor(deps: PodSyncerDeps) {
    const { hostAddress, allocatable } = deps;
    this.#deps = {
      ...deps,
      restarts: new BackOff({ clock: deps.clock }),
      waiting: new WaitingReasons(),
      surroundingsOf: (podAddress) => ({ podAddress, hostAddress, allocatable }),
    };
    this.#messages = new TerminationMessages(deps.runtime);
    this.#teller = new StatusTeller({
      ...this.#deps,
      messageOf: (container) => this.#messages.of(container),
    });
  }

  /** Look, report, obey, report again. */
  async syncPod(pod: Pod, signal: AbortSignal): Promise<SyncResult> {
    this.#deps.objects.register(pod);
    const runtime = await this.#observe(pod);
    const before = this.#teller.tell(pod, runtime, { terminal: false });
    if (isFinal(before)) return { final: true };
    const activeMs = activeForMs(pod, before, this.#deps.clock.now());
    if (activeMs === 0) {
      const { why: _, ...event } = DEADLINE_EXCEEDED;
      this.#deps.events.pod(pod, { type: 'Normal', ...event });
      return { final: false, ending: DEADLINE_EXCEEDED };
    }
    const actions = planPod(this.#viewOf(pod, runtime));
    await this.#checkNetwork(pod, actions);
    const volumes = await this.#setUpVolumes(pod, runtime);
    signal.throwIfAborted();
    const { uid } = runtime.identity;
    const isIdle = actions.length === 0;
    const order = { pod, runtime, actions, volumes };
    const obey = () => obeyActions(this.#deps, order, signal);
    const outcome: { againAfterMs?: number } = isIdle ? {} : await this.#change(uid, obey);
    const after = isIdle ? runtime : await this.#observe(pod);
    const status = this.#teller.tell(pod, after, { terminal: false });
    const { deadContainersMax } = this.#deps;
    await this.#removeContainers(uid, disposableContainers(after, deadContainersMax));
    return { final: isFinal(status), ...soonest(outcome.againAfterMs, activeMs) };
  }

  /** What runs is stopped; what is said of the pod meanwhile is true all the time. */
  async syncTerminating(
    work: WorkedPod,
    options: { readonly graceSeconds: number; readonly ending: Ending },
    signal: AbortSignal,
  ): Promise<void> {
    const { identity, pod } = work;
    const { prober } = this.#deps;
    const { graceSeconds, ending } = options;
    // A kubelet that has just started knows nothing of their readiness yet.
    const runtime = await (pod === undefined ? this.#inspect(identity) : this.#observe(pod));
    prober.stopLivenessAndStartup(identity.uid);
    if (pod !== undefined) this.#teller.tellEnd(pod, runtime, ending);
    const look = () => this.#inspect(identity);
    const stopTelling = pod && this.#teller.tellChanges(pod, ending, look);
    try {
      await this.#change(identity.uid, () =>
        killContainers(this.#deps, { pod, runtime, graceSeconds }, signal),
      );
    } finally {
      stopTelling?.();
    }
    prober.forget(identity.uid);
    const after = await this.#inspect(identity);
    if (pod !== undefined) this.#teller.tellEnd(pod, after, ending);
  }

  /** What is left goes: of a finished pod what costs something, of a deleted one all. Its object goes last. */
  async syncTerminated(work: WorkedPod, options: { readonly deleted: boolean }): Promise<void> {
    const { cache, volumes, objects, images, statuses, restarts, waiting } = this.#deps;
    const { identity, pod } = work;
    // Whoever gives a pod's object away makes sure, and asks the engine itself.
    const left = await (options.deleted ? cache.refresh(identity) : cache.current(identity));
    if (left.sandboxes.length > 0) {
      await this.#change(identity.uid, () => removeSandboxes(this.#deps, left.sandboxes));
    }
    objects.unregister(identity.uid);
    if (!options.deleted) return volumes.tearDownVolumes(identity.uid);
    await this.#removeContainers(identity.uid, left.containers);
    await volumes.tearDown(identity.uid);
    images.forget(identity.uid);
    restarts.forget(identity.uid);
    waiting.forget(identity.uid);
    if (pod !== undefined) statuses.finish(pod);
  }

  /** However far it comes, what was known before no longer counts. */
  #change<T>(podUid: string, work: () => Promise<T>): Promise<T> {
    return this.#deps.cache.change(podUid, work);
  }

  async #removeContainers(podUid: string, containers: readonly RuntimeContainer[]): Promise<void> {
    if (containers.length === 0) return;
    await this.#change(podUid, async () => {
      for (const { id } of containers) {
        await this.#deps.runtime.removeContainer(id);
        this.#messages.forget(id);
      }
    });
  }

  /** What runs, once the probes know of it, too. */
  async #observe(pod: Pod): Promise<RuntimePod> {
    const runtime = await this.#inspect(identityOf(pod));
    this.#deps.prober.sync(pod, runtime);
    return runtime;
  }

  /** What runs, with the last words of what has ended. */
  async #inspect(identity: WorkedPod['identity']): Promise<RuntimePod> {
    const runtime = await this.#deps.cache.current(identity);
    await this.#messages.load(runtime, this.#deps.volumes.podDirectory(identity.uid));
    return runtime;
  }

  #viewOf(pod: Pod, runtime: RuntimePod): PodView {
    const { prober, restarts } = this.#deps;
    const uid = pod.metadata?.uid ?? '';
    return {
      pod: this.#teller.asTold(pod),
      runtime,
      failedProbes: prober.failures(uid),
      hasStarted: (container) => prober.verdict(container).started,
      restartDelayMs: (spec, finishedAtMs) =>
        restarts.remainingMs(restartKey(uid, spec), finishedAtMs),
    };
  }

  /** Without a network nothing is taken down or made: what runs may have its own back in a moment. */
  async #checkNetwork(pod: Pod, actions: readonly PodAction[]): Promise<void> {
    const needsSandbox = actions.some(
      ({ kind }) => kind === 'stop-pod' || kind === 'create-sandbox',
    );
    if (!needsSandbox || pod.spec?.hostNetwork === true) return;
    const { network } = await this.#deps.runtime.status();
    if (network.ready) return;
    const message = `network is not ready: ${networkProblem(network)}`;
    this.#deps.events.pod(pod, { type: 'Warning', reason: 'NetworkNotReady', message });
    throw new Error(message);
  }

  async #setUpVolumes(pod: Pod, runtime: RuntimePod): Promise<ReadonlyMap<string, VolumeLocation>> {
    const { volumes, events, surroundingsOf } = this.#deps;
    const result = await volumes.setUp(pod, surroundingsOf(readySandboxOf(runtime)?.ip));
    const warn = (message: string) =>
      events.pod(pod, { type: 'Warning', reason: 'FailedMount', message });
    if (result.kind === 'ready') {
      result.warnings.forEach(warn);
      return result.volumes;
    }
    warn(result.message);
    throw new Error(result.message);
  }
}

function isFinal(status: PodStatus): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed';
}
