// PodActions: does what the plan says, one action after the other.
//
// Between two actions the signal is looked at: a pod that is being deleted must not get another container. A container
// that cannot be started does not keep the others from it; its reason is noted for the pod's status.
//
// Same idea upstream: SyncPod in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_manager.go.

import type { Container, Pod, Service } from 'kubernetes-types/core/v1';
import type { ConfigReader } from '../container/environment.ts';
import type { PodSurroundings } from '../container/field-ref.ts';
import type { Prober } from '../probe/prober.ts';
import { type PodSandbox, type RuntimePod, readySandboxOf } from '../runtime/runtime.ts';
import type { VolumeLocation } from '../volume/volume-manager.ts';
import { type BackOff, durationText, restartKey } from './back-off.ts';
import {
  graceSecondsOf,
  type KillerDeps,
  killContainer,
  killContainers,
} from './container-killer.ts';
import {
  type StarterDeps,
  type StartInput,
  type StartResult,
  startContainer,
} from './container-starter.ts';
import { targetOf } from './ephemeral-containers.ts';
import { createSandbox, removeSandboxes, type SandboxDeps } from './pod-sandbox.ts';
import type { PodAction } from './pod-view.ts';
import type { WaitingReasons } from './waiting-reasons.ts';

export interface ActionDeps extends StarterDeps, KillerDeps, SandboxDeps {
  readonly prober: Prober;
  readonly objects: ConfigReader;
  readonly restarts: BackOff;
  readonly waiting: WaitingReasons;
  services(pod: Pod, signal: AbortSignal): Promise<readonly Service[]>;
  surroundingsOf(address: string | undefined): PodSurroundings;
}

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
  deps: ActionDeps,
  order: Order,
  signal: AbortSignal,
): Promise<{ againAfterMs?: number }> {
  let sandbox = readySandboxOf(order.runtime);
  const address = sandbox?.ip;
  const delaysMs: number[] = [];
  for (const action of order.actions) {
    signal.throwIfAborted();
    switch (action.kind) {
      case 'stop-pod':
        await stopPod(deps, order, signal);
        break;
      case 'create-sandbox':
        sandbox = await createSandbox(deps, { pod: order.pod, attempt: action.attempt }, signal);
        break;
      case 'start-container':
        if (sandbox === undefined) throw new Error('No sandbox to start a container in');
        delaysMs.push(...(await start(deps, { ...order, sandbox, action }, signal)));
        break;
      case 'stop-containers':
        await killContainers(deps, order, signal);
        break;
      case 'kill-container': {
        const { container, message, graceSeconds = graceSecondsOf(order.pod) } = action;
        const { pod } = order;
        await killContainer(deps, { pod, container, address, graceSeconds, message }, signal);
        break;
      }
      case 'back-off':
        backOff(deps, order.pod, action);
        delaysMs.push(action.delayMs);
        break;
      default:
        action satisfies never;
    }
  }
  return delaysMs.length === 0 ? {} : { againAfterMs: Math.min(...delaysMs) };
}

type Of<Kind extends PodAction['kind']> = Extract<PodAction, { kind: Kind }>;

/** The sandbox is no good: the pod begins anew, so everything of it goes. */
async function stopPod(deps: ActionDeps, order: Order, signal: AbortSignal): Promise<void> {
  const { pod, runtime } = order;
  const message = 'Pod sandbox changed, it will be killed and re-created.';
  deps.events.pod(pod, { type: 'Normal', reason: 'SandboxChanged', message });
  deps.prober.forget(runtime.identity.uid);
  await killContainers(deps, { pod, runtime }, signal);
  await removeSandboxes(deps, runtime.sandboxes);
}

type StartOrder = Order & { sandbox: PodSandbox; action: Of<'start-container'> };

/** Resolves with the time after which it should be tried again, if it did not start: one number or none. */
async function start(deps: ActionDeps, order: StartOrder, signal: AbortSignal): Promise<number[]> {
  const { pod, action, sandbox } = order;
  const { spec, finishedAtMs } = action;
  const uid = pod.metadata?.uid ?? '';
  const input = await inputOf(deps, order, signal);
  // A restart counts when it is tried, so that one which fails at once waits longer the next time.
  if (finishedAtMs !== undefined) deps.restarts.next(restartKey(uid, spec), finishedAtMs);
  const result = await startContainer(deps, { pod, spec, input }, signal);
  note(deps.waiting, uid, { spec, result });
  if (result.kind === 'started') return [];
  if (result.kind === 'hook-failed') {
    const container = { id: result.id, name: spec.name };
    const order = { pod, container, address: sandbox.ip, graceSeconds: graceSecondsOf(pod) };
    await killContainer(deps, { ...order, message: 'FailedPostStartHook' }, signal);
    return [];
  }
  return [result.reason === 'ImagePullBackOff' ? deps.images.remainingMs(pod, spec) : RETRY_MS];
}

/** What a container has of its pod. */
async function inputOf(
  deps: ActionDeps,
  { pod, runtime, volumes, sandbox, action }: StartOrder,
  signal: AbortSignal,
): Promise<StartInput> {
  return {
    sandbox,
    volumes,
    attempt: action.attempt,
    podDirectory: deps.files.podDirectory(pod.metadata?.uid ?? ''),
    target: targetOf(pod, action.spec, runtime),
    sources: {
      reader: deps.objects,
      services: await deps.services(pod, signal),
      surroundings: deps.surroundingsOf(sandbox.ip),
    },
  };
}

function note(
  waiting: WaitingReasons,
  uid: string,
  { spec, result }: { spec: Container; result: StartResult },
): void {
  if (result.kind === 'started') {
    waiting.clear(uid, spec.name);
  } else {
    const { reason, message = '' } = result;
    waiting.set(uid, spec.name, { reason, message });
  }
}

function backOff(deps: ActionDeps, pod: Pod, { spec }: Of<'back-off'>): void {
  const { name, namespace, uid = '' } = pod.metadata ?? {};
  const podText = `${name}_${namespace}(${uid})`;
  const waitText = durationText(deps.restarts.delayMs(restartKey(uid, spec)));
  deps.waiting.set(uid, spec.name, {
    reason: 'CrashLoopBackOff',
    message: `back-off ${waitText} restarting failed container=${spec.name} pod=${podText}`,
  });
  deps.events.container(pod, spec, {
    type: 'Warning',
    reason: 'BackOff',
    message: `Back-off restarting failed container ${spec.name} in pod ${podText}`,
  });
}
