// DockerEvents: the engine tells what happens to pods, instead of being asked every second.
//
// One long request; each line of it is an event. Where the connection ends (the engine restarts), it
// is made again with growing pauses, and a resync says that anything may have happened meanwhile.
//
// Same purpose upstream: the evented PLEG, kubernetes, pkg/kubelet/pleg/evented.go.
// Left out here: replaying missed events by time; the resync covers them.

import { setTimeout as delay } from 'node:timers/promises';
import type Docker from 'dockerode';
import type { RuntimeEvent } from '../runtime.ts';
import {
  CLUSTER_LABEL,
  type EngineScope,
  NODE_LABEL,
  POD_UID_LABEL,
  podOfLabels,
} from './docker-labels.ts';

const ACTIONS = ['start', 'die', 'oom', 'destroy', 'pause', 'unpause'];
const RECONNECT_MIN_MS = 100;
const RECONNECT_MAX_MS = 5_000;

interface EngineEvent {
  readonly Action?: string;
  readonly Actor?: { readonly Attributes?: Readonly<Record<string, string>> };
}

export async function* watchEngine(
  docker: Docker,
  scope: EngineScope,
  signal: AbortSignal,
): AsyncIterable<RuntimeEvent> {
  let pauseMs = RECONNECT_MIN_MS;
  while (!signal.aborted) {
    try {
      const stream = await openEvents(docker, scope, signal);
      pauseMs = RECONNECT_MIN_MS;
      yield { type: 'resync' };
      for await (const event of parseLines(stream)) {
        const labels = event.Actor?.Attributes ?? {};
        if (labels[POD_UID_LABEL] === undefined) continue;
        yield { type: 'pod', pod: podOfLabels(labels), action: event.Action ?? '' };
      }
    } catch {
      // The engine is away, or the signal fired; both are looked at below.
    }
    await delay(pauseMs, undefined, { signal }).catch(() => {});
    pauseMs = Math.min(pauseMs * 2, RECONNECT_MAX_MS);
  }
}

async function openEvents(
  docker: Docker,
  scope: EngineScope,
  signal: AbortSignal,
): Promise<NodeJS.ReadableStream> {
  const stream = await docker.getEvents({
    filters: {
      type: ['container'],
      event: ACTIONS,
      label: [`${CLUSTER_LABEL}=${scope.cluster}`, `${NODE_LABEL}=${scope.node}`],
    },
    abortSignal: signal,
  });
  return stream;
}

async function* parseLines(stream: NodeJS.ReadableStream): AsyncIterable<EngineEvent> {
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() !== '') yield JSON.parse(line) as EngineEvent;
    }
  }
}
