// PodSyncer: the effects around the plan: look, report, obey, report again.
//
// syncPod() brings a pod nearer to its spec, syncTerminating() stops what runs, syncTerminated() takes away what is left.
// Each reads the real state first, so each may be interrupted anywhere and called again, also by another process.
//
// Rule: a pod's object leaves the API only after nothing of the pod is left on this node.
//
// Same idea upstream: SyncPod, SyncTerminatingPod, SyncTerminatedPod in kubernetes, pkg/kubelet/kubelet.go.

import type { Clock } from '@kube-labs/apiserver';
import type { Pod, PodStatus, Service } from 'kubernetes-types/core/v1';
import type { PodSurroundings } from '../container/field-ref.ts';
import type { ReferencedObjects } from '../container/referenced-objects.ts';
import type { ImagePuller } from '../image/image-puller.ts';
import type { NetworkPlugin } from '../network/network-plugin.ts';
import type { Prober } from '../probe/prober.ts';
import type { Runtime, RuntimeContainer, RuntimePod } from '../runtime/runtime.ts';
import type { VolumeLocation, VolumeManager } from '../volume/volume-manager.ts';
import { BackOff } from './back-off.ts';
import { graceSecondsOf, killContainer } from './container-killer.ts';
import type { WaitingReason } from './container-status.ts';
import { disposableContainers } from './dead-containers.ts';
import { obeyActions } from './pod-actions.ts';
import type { PodEvents } from './pod-events.ts';
import type { PodSandboxes } from './pod-sandbox.ts';
import { podStatusOf } from './pod-status.ts';
import { identityOf, type PodSyncer, type WorkedPod } from './pod-worker.ts';
import type { StatusManager } from './status-manager.ts';
import { type PodView, planPod } from './sync-pod.ts';
import { TerminationMessages } from './termination-message.ts';

export interface PodSyncerDeps {
  readonly runtime: Runtime;
  readonly network: NetworkPlugin;
  readonly sandboxes: PodSandboxes;
  readonly volumes: VolumeManager;
  readonly images: ImagePuller;
  readonly objects: ReferencedObjects;
  readonly prober: Prober;
  readonly statuses: StatusManager;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly hostAddress: string;
  readonly memoryCapacityBytes: number;
  readonly allocatable: Readonly<Record<string, string>>;
  services(signal: AbortSignal): Promise<readonly Service[]>;
}

export class KubeletPodSyncer implements PodSyncer {
  readonly deps: PodSyncerDeps;
  readonly restarts: BackOff;
  readonly #messages: TerminationMessages;
  readonly #waiting = new Map<string, Map<string, WaitingReason>>();

  constructor(deps: PodSyncerDeps) {
    this.deps = deps;
    this.restarts = new BackOff({ clock: deps.clock });
    this.#messages = new TerminationMessages(deps.runtime);
  }

  async syncPod(pod: Pod, signal: AbortSignal): Promise<{ final: boolean; againAfterMs?: number }> {
    const { objects } = this.deps;
    objects.register(pod);
    const runtime = await this.#observe(pod);
    if (isFinal(this.#publish(pod, runtime, { terminal: false }))) return { final: true };
    this.#checkNetwork(pod);
    const volumes = await this.#setUpVolumes(pod, this.deps.sandboxes.addressOf(runtime));
    signal.throwIfAborted();
    const actions = planPod(this.#viewOf(pod, runtime));
    const outcome = await obeyActions(this, { pod, runtime, actions, volumes }, signal);
    const after = actions.length === 0 ? runtime : await this.#observe(pod);
    const status = this.#publish(pod, after, { terminal: false });
    await this.#removeDead(after);
    return { final: isFinal(status), ...outcome };
  }

  async syncTerminating(
    work: WorkedPod,
    options: { readonly graceSeconds: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { identity, pod } = work;
    this.deps.prober.stopLivenessAndStartup(identity.uid);
    const runtime = await this.#inspect(identity);
    if (pod !== undefined) this.#publish(pod, runtime, { terminal: true });
    await this.stopContainers(runtime, { pod, ...options }, signal);
    this.deps.prober.forget(identity.uid);
    const after = await this.#inspect(identity);
    if (pod !== undefined) this.#publish(pod, after, { terminal: true });
  }

  async syncTerminated(work: WorkedPod, options: { readonly deleted: boolean }): Promise<void> {
    const { runtime, sandboxes, volumes, objects, images, statuses } = this.deps;
    const { identity, pod } = work;
    const left = await runtime.podStatus(identity);
    await sandboxes.removeAll(left);
    objects.unregister(identity.uid);
    if (!options.deleted) return volumes.tearDownVolumes(identity.uid);
    for (const { id } of left.containers) {
      await runtime.removeContainer(id);
      this.#messages.forget(id);
    }
    await volumes.tearDown(identity.uid);
    images.forget(identity.uid);
    this.restarts.forget(identity.uid);
    this.#waiting.delete(identity.uid);
    if (pod !== undefined) statuses.finish(pod);
  }

  /** Why containers of the pod wait, by name. */
  waitingOf(podUid: string): Map<string, WaitingReason> {
    const known = this.#waiting.get(podUid) ?? new Map<string, WaitingReason>();
    this.#waiting.set(podUid, known);
    return known;
  }

  surroundingsOf(address: string | undefined): PodSurroundings {
    const { hostAddress, allocatable } = this.deps;
    return { podAddress: address, hostAddress, allocatable };
  }

  /** All that run, at the same time. */
  async stopContainers(
    runtime: RuntimePod,
    options: { readonly pod: Pod | undefined; readonly graceSeconds?: number },
    signal: AbortSignal,
  ): Promise<void> {
    const { pod, graceSeconds = graceSecondsOf(pod) } = options;
    const address = this.deps.sandboxes.addressOf(runtime);
    const running = runtime.containers.filter(({ status }) => status.state === 'running');
    const stop = async (container: RuntimeContainer) => {
      const message = `Stopping container ${container.name}`;
      const order = { pod, container, address, graceSeconds, message };
      await killContainer(this.deps, order, signal);
      this.deps.prober.forgetContainer(container.id);
    };
    await Promise.all(running.map(stop));
  }

  async #observe(pod: Pod): Promise<RuntimePod> {
    const runtime = await this.#inspect(identityOf(pod));
    this.deps.prober.sync(pod, runtime, this.deps.sandboxes.addressOf(runtime));
    return runtime;
  }

  async #inspect(identity: WorkedPod['identity']): Promise<RuntimePod> {
    const runtime = await this.deps.runtime.podStatus(identity);
    await this.#messages.load(runtime, this.deps.volumes.podDirectory(identity.uid));
    return runtime;
  }

  #viewOf(pod: Pod, runtime: RuntimePod): PodView {
    const uid = pod.metadata?.uid ?? '';
    return {
      pod,
      runtime,
      address: this.deps.sandboxes.addressOf(runtime),
      failedProbes: this.deps.prober.failures(uid),
      restartDelayMs: (name, finishedAtMs) =>
        this.restarts.remainingMs(`${uid}/${name}`, finishedAtMs),
    };
  }

  #publish(pod: Pod, runtime: RuntimePod, options: { readonly terminal: boolean }): PodStatus {
    const { statuses, prober, hostAddress, clock, sandboxes } = this.deps;
    const uid = pod.metadata?.uid ?? '';
    const status = podStatusOf({
      // What was told last counts, also while it is still on its way to the API.
      pod: { ...pod, status: statuses.get(uid) ?? pod.status ?? {} },
      runtime,
      address: sandboxes.addressOf(runtime),
      hostAddress,
      nowMs: clock.now(),
      waiting: this.waitingOf(uid),
      terminal: options.terminal,
      probe: (container) => prober.verdict(container),
      messageOf: (container) => this.#messages.of(container),
    });
    statuses.set(pod, status);
    return status;
  }

  #checkNetwork(pod: Pod): void {
    const why = this.deps.network.notReady();
    if (why === undefined || pod.spec?.hostNetwork === true) return;
    const message = `network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:${why}`;
    this.deps.events.pod(pod, { type: 'Warning', reason: 'NetworkNotReady', message });
    throw new Error(message);
  }

  async #setUpVolumes(
    pod: Pod,
    address: string | undefined,
  ): Promise<ReadonlyMap<string, VolumeLocation>> {
    const result = await this.deps.volumes.setUp(pod, this.surroundingsOf(address));
    if (result.kind === 'ready') return result.volumes;
    const message = `MountVolume.SetUp failed for volume "${result.volume}" : ${result.message}`;
    this.deps.events.pod(pod, { type: 'Warning', reason: 'FailedMount', message });
    throw new Error(message);
  }

  async #removeDead(runtime: RuntimePod): Promise<void> {
    for (const { id } of disposableContainers(runtime)) {
      await this.deps.runtime.removeContainer(id);
      this.#messages.forget(id);
    }
  }
}

function isFinal(status: PodStatus): boolean {
  return status.phase === 'Succeeded' || status.phase === 'Failed';
}
