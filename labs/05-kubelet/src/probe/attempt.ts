// Attempt: one attempt of a probe, and what an event says of it.
//
// HTTP, TCP and gRPC go from the node's own network to the pod's address, as a client of the pod would.
//
// Same idea upstream: kubernetes, pkg/kubelet/prober/prober.go.

import { type AttemptResult, type AttemptTarget, type Handler, textOf } from './attempt-target.ts';
import { probeByCommand } from './exec-attempt.ts';
import { probeOverGrpc } from './grpc-attempt.ts';
import { probeOverHttp } from './http-attempt.ts';
import { connectOverTcp } from './tcp-attempt.ts';

/** An attempt that cannot be made is tried again at once this often. */
const TRIES_MAX = 3;

/** One attempt of a probe. What it finds after the signal was aborted means nothing. */
export async function attempt(
  handler: Handler,
  target: AttemptTarget,
  signal: AbortSignal,
): Promise<AttemptResult> {
  for (let tries = 1; ; tries++) {
    try {
      // The engine ends a command that takes too long, and its processes.
      if (handler.exec !== undefined) return await probeByCommand(handler.exec, target, signal);
      return await inTime(target, signal, (limited) => overNetwork(handler, target, limited));
    } catch (error) {
      if (tries === TRIES_MAX || signal.aborted) return { kind: 'unknown', output: textOf(error) };
    }
  }
}

async function overNetwork(
  { httpGet, tcpSocket, grpc }: Handler,
  target: AttemptTarget,
  signal: AbortSignal,
): Promise<AttemptResult> {
  if (httpGet !== undefined) return probeOverHttp(httpGet, target, signal);
  if (tcpSocket !== undefined) return connectOverTcp(tcpSocket, target, signal);
  if (grpc !== undefined) return probeOverGrpc(grpc, target, signal);
  return { kind: 'unknown', output: `missing probe handler for ${target.spec.name}` };
}

/** The work's signal is aborted when the time of the attempt is up, too. */
async function inTime<T>(
  { clock, timeoutMs }: AttemptTarget,
  signal: AbortSignal,
  work: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const timer = clock.setTimeout(() => over.abort(), timeoutMs);
  try {
    return await work(AbortSignal.any([signal, over.signal]));
  } finally {
    clock.clearTimeout(timer);
  }
}

/** What an event says of an attempt, if it deserves one. */
export function complaintOf(result: AttemptResult): { reason: string; text: string } | undefined {
  if (result.kind === 'success') {
    const { warning } = result;
    return warning === undefined
      ? undefined
      : { reason: 'ProbeWarning', text: `warning: ${warning}` };
  }
  const how = result.kind === 'failure' ? 'failed' : 'errored and resulted in unknown state';
  return { reason: 'Unhealthy', text: `${how}: ${result.output}` };
}
