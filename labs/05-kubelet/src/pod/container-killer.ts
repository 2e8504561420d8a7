// ContainerKiller: a container's graceful end: preStop hook, stop signal, grace period, SIGKILL.
//
// The hook's time counts against the grace period, but the process always gets at least two seconds of it. Aborting the
// signal stops the waiting only; whoever aborts comes again with a shorter period.
//
// Same idea upstream: killContainer in kubernetes, pkg/kubelet/kuberuntime/kuberuntime_container.go.

import type { Clock } from '@kube-labs/apiserver';
import type { Container, Pod } from 'kubernetes-types/core/v1';
import { attempt } from '../probe/handlers.ts';
import type { Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import type { PodEvents } from './pod-events.ts';

export interface KillerDeps {
  readonly runtime: Runtime;
  readonly events: PodEvents;
  readonly clock: Clock;
}

export interface KillOrder {
  /** Absent for a pod that the API no longer has. */
  readonly pod: Pod | undefined;
  readonly container: RuntimeContainer;
  readonly address: string | undefined;
  readonly graceSeconds: number;
  readonly message: string;
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
  const spec = specOf(pod, container.name);
  if (pod !== undefined && spec !== undefined) {
    events.container(pod, spec, { type: 'Normal', reason: 'Killing', message: order.message });
  }
  const startedAtMs = clock.now();
  const graceMs = order.graceSeconds * 1_000;
  if (pod !== undefined && spec !== undefined && graceMs > 0) {
    await Promise.race([runPreStop(deps, { ...order, pod }, spec), aborted(signal)]);
    signal.throwIfAborted();
  }
  const spentMs = clock.now() - startedAtMs;
  const leftMs = Math.max(graceMs - spentMs, Math.min(graceMs, GRACE_MIN_MS));
  await runtime.stopContainer(container.id, leftMs, signal);
}

export function graceSecondsOf(pod: Pod | undefined): number {
  return (
    pod?.metadata?.deletionGracePeriodSeconds ??
    pod?.spec?.terminationGracePeriodSeconds ??
    GRACE_SECONDS_DEFAULT
  );
}

async function runPreStop(
  deps: KillerDeps,
  order: KillOrder & { readonly pod: Pod },
  spec: Container,
): Promise<void> {
  const hook = spec.lifecycle?.preStop;
  if (hook === undefined) return;
  const result = await attempt(hook, {
    runtime: deps.runtime,
    containerId: order.container.id,
    spec,
    address: order.address ?? '',
    timeoutMs: order.graceSeconds * 1_000,
  });
  if (result.kind === 'success') return;
  const message = `PreStopHook failed: ${result.output}`;
  deps.events.container(order.pod, spec, { type: 'Warning', reason: 'FailedPreStopHook', message });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function specOf(pod: Pod | undefined, name: string): Container | undefined {
  const { containers = [], initContainers = [] } = pod?.spec ?? {};
  return [...containers, ...initContainers].find((spec) => spec.name === name);
}
