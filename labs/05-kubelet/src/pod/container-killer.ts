// ContainerKiller: a container's graceful end: preStop hook, stop signal, grace period, SIGKILL.
//
// The hook's time counts against the grace period, and so does a sidecar's wait for those that it serves, but the process
// always gets at least two seconds of it. Aborting the signal ends the hook and the waiting, and sends nothing more;
// whoever aborts comes again with a shorter period.
//
// Same idea upstream: killContainer in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_container.go.

import { type Clock, sleep } from '@kube-labs/apiserver';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import { runHook } from '../probe/hooks.ts';
import type { Prober } from '../probe/prober.ts';
import {
  type Runtime,
  type RuntimeContainer,
  type RuntimePod,
  readySandboxOf,
} from '../runtime/runtime.ts';
import { noteFallback } from './container-starter.ts';
import type { PodEvents } from './pod-events.ts';
import { containersOf } from './pod-view.ts';
import { terminationOrder } from './termination-order.ts';

export interface KillerDeps {
  readonly runtime: Runtime;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly prober: Pick<Prober, 'forgetContainer'>;
}

export interface KillOrder {
  /** Absent for a pod that the API no longer has. */
  readonly pod: Pod | undefined;
  readonly container: Pick<RuntimeContainer, 'id' | 'name'>;
  readonly address: string | undefined;
  readonly graceSeconds: number;
  readonly message: string;
  /** Settles when the signal may be sent. The hook does not wait for it. */
  readonly turn?: Promise<unknown>;
}

const GRACE_MIN_MS = 2_000;
const GRACE_SECONDS_DEFAULT = 30;

export async function killContainer(
  deps: KillerDeps,
  order: KillOrder,
  signal: AbortSignal,
): Promise<void> {
  const { runtime, events, clock } = deps;
  const { pod, container } = order;
  const spec = containersOf(pod).find(({ name }) => name === container.name);
  if (pod !== undefined && spec !== undefined) {
    events.container(pod, spec, { type: 'Normal', reason: 'Killing', message: order.message });
  }
  const startedAtMs = clock.now();
  const graceMs = order.graceSeconds * 1_000;
  if (pod !== undefined && spec !== undefined && graceMs > 0) {
    await runPreStop(deps, { order: { ...order, pod }, spec }, signal);
  }
  const spentMs = () => clock.now() - startedAtMs;
  if (order.turn !== undefined) {
    await untilTurn(order.turn, { clock, timeoutMs: graceMs - spentMs() }, signal);
  }
  signal.throwIfAborted();
  const leftMs = Math.max(graceMs - spentMs(), GRACE_MIN_MS);
  await runtime.stopContainer(container.id, leftMs, signal);
}

/** All of a pod that run, in the order in which they may end; who need not wait for others goes at the same time. */
export async function killContainers(
  deps: KillerDeps,
  order: { readonly pod: Pod | undefined; readonly runtime: RuntimePod; graceSeconds?: number },
  signal: AbortSignal,
): Promise<void> {
  const { pod, runtime, graceSeconds = graceSecondsOf(pod) } = order;
  const address = readySandboxOf(runtime)?.ip;
  const running = runtime.containers.filter(({ status }) => status.state === 'running');
  const names = running.map(({ name }) => name);
  const ended = new Map<string, Promise<void>>();
  const kill = async (container: RuntimeContainer, before: readonly string[]) => {
    const message = `Stopping container ${container.name}`;
    const turn = Promise.allSettled(before.map((name) => ended.get(name)));
    await killContainer(deps, { pod, container, address, graceSeconds, message, turn }, signal);
    deps.prober.forgetContainer(container.id);
  };
  for (const [name, before] of terminationOrder(pod, names)) {
    const own = running.filter((container) => container.name === name);
    ended.set(
      name,
      Promise.all(own.map((one) => kill(one, before))).then(() => undefined),
    );
  }
  await Promise.all(ended.values());
}

/** Resolves when the turn has come, when the time is up, or when the signal is aborted. */
async function untilTurn(
  turn: Promise<unknown>,
  { clock, timeoutMs }: { readonly clock: Clock; readonly timeoutMs: number },
  signal: AbortSignal,
): Promise<void> {
  const over = new AbortController();
  const waiting = sleep(timeoutMs, AbortSignal.any([signal, over.signal]), clock);
  await Promise.race([turn, waiting]);
  over.abort();
}

export function graceSecondsOf(pod: Pod | undefined): number {
  return (
    pod?.metadata?.deletionGracePeriodSeconds ??
    pod?.spec?.terminationGracePeriodSeconds ??
    GRACE_SECONDS_DEFAULT
  );
}

/** A hook that takes longer than the grace period is not waited for, and not complained of. */
async function runPreStop(
  { runtime, events, clock }: KillerDeps,
  { order, spec }: { order: KillOrder & { readonly pod: Pod }; spec: Container },
  signal: AbortSignal,
): Promise<void> {
  const hook = spec.lifecycle?.preStop;
  if (hook === undefined) return;
  const { pod, container, address = '' } = order;
  const overtime = new AbortController();
  const timer = clock.setTimeout(() => overtime.abort(), order.graceSeconds * 1_000);
  try {
    const target = { runtime, clock, containerId: container.id, spec, address };
    const result = await runHook(hook, target, AbortSignal.any([signal, overtime.signal]));
    if (result.kind === 'success') return noteFallback(events, { pod, spec, result });
    const message = 'PreStopHook failed';
    events.container(pod, spec, { type: 'Warning', reason: 'FailedPreStopHook', message });
  } catch (error) {
    if (!overtime.signal.aborted || signal.aborted) throw error;
  } finally {
    clock.clearTimeout(timer);
  }
}
