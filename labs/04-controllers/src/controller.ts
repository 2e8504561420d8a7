// Controller: the loop that all controllers share.
//
// A controller is built once, from a context: it asks for its informers, adds handlers that turn every change into
// a key on its queue, and says how to reconcile one key. run() waits until the caches are full, then works
// on keys until it is aborted. The rules for reconcile(): the key says where to look, never what happened; an object that is
// missing needs nothing; a throw comes back later, rate limited; running twice does no harm.
//
// Upstream: the Run/worker/processNextWorkItem triple in each package of kubernetes, pkg/controller.

import {
  ApiError,
  type Client,
  type Clock,
  type EventRecorder,
  type Informer,
  type KubernetesObject,
  type Logger,
  WorkQueue,
  type WorkQueueOptions,
} from '@kube-labs/apiserver';
import type { Metrics } from './metrics.ts';
import type { ControllerOptions } from './options.ts';
import type { SharedInformers } from './shared-informers.ts';

/** How long a key rests after a write that the cache was too old for: it is about to show why. */
const CONFLICT_PAUSE_MS = 50;
const NOT_FOUND_PAUSE_MS = 1_000;

export interface ControllerContext {
  readonly client: Client;
  readonly informers: SharedInformers;
  readonly clock: Clock;
  readonly log: Logger;
  readonly options: ControllerOptions;
  readonly metrics: Metrics;
  recorder(component: string): EventRecorder;
}

export interface Controller {
  /** Works until aborted; never rejects for a fault of one object. */
  run(signal: AbortSignal): Promise<void>;
}

export type ControllerFactory = (context: ControllerContext) => Controller;

/** A queue whose depth appears in the metrics under `name`. */
export function newQueue(
  context: ControllerContext,
  name: string,
  delays: Pick<WorkQueueOptions, 'maxDelayMs'> = {},
): WorkQueue {
  const queue = new WorkQueue({ name, clock: context.clock, ...delays });
  context.metrics.addQueue(name, queue);
  return queue;
}

export interface QueueControllerOptions {
  readonly name: string;
  readonly queue: WorkQueue;
  /** All that reconcile() reads: it never runs before they have synced. */
  readonly informers: readonly { synced(signal?: AbortSignal): Promise<void> }[];
  readonly workers?: number;
  reconcile(key: string, signal: AbortSignal): Promise<void>;
}

export function queueController(
  context: ControllerContext,
  options: QueueControllerOptions,
): Controller {
  const { name, queue, informers, workers = 1 } = options;
  const log = context.log.child({ controller: name });
  const reconcile = async (key: string, signal: AbortSignal): Promise<void> => {
    try {
      await options.reconcile(key, signal);
      context.metrics.countReconcile(name, 'success');
    } catch (error) {
      if (signal.aborted) return;
      context.metrics.countReconcile(name, 'error');
      const pauseMs = pauseAfter(error);
      if (pauseMs === undefined) throw error;
      log.debug('The cache was behind, trying again', { key, err: error });
      queue.addAfter(key, pauseMs);
    }
  };
  return {
    async run(signal) {
      if (!(await allSynced(informers, signal))) return;
      log.info('Started');
      await queue.run({ workers, log }, reconcile, signal);
    },
  };
}

/** What only says that the cache was behind is no failure, and needs no growing back-off. */
function pauseAfter(error: unknown): number | undefined {
  if (ApiError.is(error, 'Conflict') || ApiError.is(error, 'AlreadyExists'))
    return CONFLICT_PAUSE_MS;
  return ApiError.is(error, 'NotFound') ? NOT_FOUND_PAUSE_MS : undefined;
}

/** False when aborted before. */
export async function allSynced(
  informers: readonly { synced(signal?: AbortSignal): Promise<void> }[],
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await Promise.all(informers.map((informer) => informer.synced(signal)));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  return !signal.aborted;
}

/** Calls `changed` with every object that came, went or changed; of a change with both its sides. */
export function onAnyChange<T extends KubernetesObject>(
  informer: Informer<T>,
  changed: (object: T) => void,
): void {
  informer.addHandler({
    onAdd: changed,
    onUpdate(previous, object) {
      changed(previous);
      changed(object);
    },
    onDelete: changed,
  });
}

/** Runs `tick` now and then every `periodMs`, one at a time, until aborted. A throw is logged. */
export async function every(
  context: Pick<ControllerContext, 'clock' | 'log'>,
  periodMs: number,
  tick: (signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await tick(signal);
    } catch (error) {
      if (!signal.aborted) context.log.error('A periodic check failed', { error: String(error) });
    }
    await pause(context.clock, periodMs, signal);
  }
}

export function pause(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = () => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = clock.setTimeout(finish, delayMs);
    signal.addEventListener('abort', finish);
  });
}
