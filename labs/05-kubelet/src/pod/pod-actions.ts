// PodActions: does what the plan says, one action after the other.
//
// Between two actions the signal is looked at: a pod that is being deleted must not get another container. A container
// that cannot be started does not keep the others from it; its reason is noted for the pod's status.
//
// Same idea upstream: SyncPod in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_manager.go.

import type { Container, Pod } from 'kubernetes-types/core/v1';
import { RuntimeError, type RuntimePod } from '../runtime/runtime.ts';
import type { VolumeLocation } from '../volume/volume-manager.ts';
import { durationText } from './back-off.ts';
import { graceSecondsOf, killContainer } from './container-killer.ts';
import { type StartResult, startContainer } from './container-starter.ts';
import type { ReadySandbox } from './pod-sandbox.ts';
import type { KubeletPodSyncer } from './pod-syncer.ts';
import type { PodAction } from './sync-pod.ts';

export interface Order {
  readonly pod: Pod;
  readonly runtime: RuntimePod;
  readonly actions: readonly PodAction[];
  readonly volumes: ReadonlyMap<string, VolumeLocation>;
}

/** A missing secret or a refused configuration is looked at again this soon. */
const RETRY_MS = 5_000;

/** Resolves with the time after which something is due again. */
export async function obeyActions(
  syncer: KubeletPodSyncer,
  order: Order,
  signal: AbortSignal,
): Promise<{ againAfterMs?: number }> {
  const { sandboxes } = syncer.deps;
  const [newest] = order.runtime.sandboxes;
  const address = sandboxes.addressOf(order.runtime);
  let ready: ReadySandbox | undefined =
    newest === undefined || address === undefined ? undefined : { sandbox: newest, address };
  const delaysMs: number[] = [];
  for (const action of order.actions) {
    signal.throwIfAborted();
    switch (action.kind) {
      case 'stop-pod':
        await stopPod(syncer, order, signal);
        break;
      case 'create-sandbox':
        ready = await createSandbox(syncer, order.pod, action.attempt);
        break;
      case 'start-container':
        if (ready === undefined) throw new Error('No sandbox to start a container in');
        delaysMs.push(...(await start(syncer, { ...order, ready, action }, signal)));
        break;
      case 'kill-container':
        await kill(syncer, order, { action, address, signal });
        break;
      case 'back-off':
        backOff(syncer, order.pod, action);
        delaysMs.push(action.delayMs);
        break;
      default:
        action satisfies never;
    }
  }
  return delaysMs.length === 0 ? {} : { againAfterMs: Math.min(...delaysMs) };
}

type Of<Kind extends PodAction['kind']> = Extract<PodAction, { kind: Kind }>;

async function stopPod(syncer: KubeletPodSyncer, order: Order, signal: AbortSignal): Promise<void> {
  const { events, sandboxes, prober } = syncer.deps;
  const { pod, runtime } = order;
  const message = 'Pod sandbox changed, it will be killed and re-created.';
  events.pod(pod, { type: 'Normal', reason: 'SandboxChanged', message });
  prober.forget(runtime.identity.uid);
  await syncer.stopContainers(runtime, { pod }, signal);
  await sandboxes.removeAll(runtime);
}

async function createSandbox(
  syncer: KubeletPodSyncer,
  pod: Pod,
  attempt: number,
): Promise<ReadySandbox> {
  try {
    return await syncer.deps.sandboxes.create(pod, attempt);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const message = `Failed to create pod sandbox: ${text}`;
    if (!RuntimeError.is(error, 'unavailable')) {
      syncer.deps.events.pod(pod, { type: 'Warning', reason: 'FailedCreatePodSandBox', message });
    }
    throw error;
  }
}

async function start(
  syncer: KubeletPodSyncer,
  order: Order & { ready: ReadySandbox; action: Of<'start-container'> },
  signal: AbortSignal,
): Promise<number[]> {
  const { pod, action, ready, volumes } = order;
  const { spec, finishedAtMs } = action;
  const { deps } = syncer;
  const uid = pod.metadata?.uid ?? '';
  const input = {
    ...ready,
    volumes,
    attempt: action.attempt,
    podDirectory: deps.volumes.podDirectory(uid),
    sources: {
      reader: deps.objects,
      services: await deps.services(signal),
      surroundings: syncer.surroundingsOf(ready.address),
    },
  };
  // A restart counts when it is tried, so that one which fails at once waits longer the next time.
  if (finishedAtMs !== undefined) syncer.restarts.next(`${uid}/${spec.name}`, finishedAtMs);
  const result = await startContainer(deps, { pod, spec, input }, signal);
  note(syncer, uid, { spec, result });
  if (result.kind === 'started') return [];
  if (result.kind === 'hook-failed') {
    const { address } = ready;
    const container = { id: result.id, name: spec.name };
    const order = { pod, container, address, graceSeconds: graceSecondsOf(pod) };
    await killContainer(deps, { ...order, message: 'FailedPostStartHook' }, signal);
    return [];
  }
  return [result.reason === 'ImagePullBackOff' ? deps.images.remainingMs(pod, spec) : RETRY_MS];
}

function note(
  syncer: KubeletPodSyncer,
  uid: string,
  { spec, result }: { spec: Container; result: StartResult },
): void {
  const waiting = syncer.waitingOf(uid);
  if (result.kind === 'started') {
    waiting.delete(spec.name);
  } else {
    const { reason, message = '' } = result;
    waiting.set(spec.name, { reason, message });
  }
}

async function kill(
  syncer: KubeletPodSyncer,
  { pod }: Order,
  order: { action: Of<'kill-container'>; address: string | undefined; signal: AbortSignal },
): Promise<void> {
  const { container, message } = order.action;
  const { address } = order;
  const graceSeconds = graceSecondsOf(pod);
  await killContainer(
    syncer.deps,
    { pod, container, address, graceSeconds, message },
    order.signal,
  );
}

function backOff(syncer: KubeletPodSyncer, pod: Pod, { spec }: Of<'back-off'>): void {
  const { name, namespace, uid = '' } = pod.metadata ?? {};
  const podText = `${name}_${namespace}(${uid})`;
  const waitText = durationText(syncer.restarts.delayMs(`${uid}/${spec.name}`));
  syncer.waitingOf(uid).set(spec.name, {
    reason: 'CrashLoopBackOff',
    message: `back-off ${waitText} restarting failed container=${spec.name} pod=${podText}`,
  });
  syncer.deps.events.container(pod, spec, {
    type: 'Warning',
    reason: 'BackOff',
    message: `Back-off restarting failed container ${spec.name} in pod ${podText}`,
  });
}
