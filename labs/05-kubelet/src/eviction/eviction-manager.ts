// EvictionManager: keeps a node from running out of memory, disk or process ids, at the cost of as few pods as it takes.
//
// Every ten seconds it looks. A pod over a limit of its own goes in any case. Else, while a threshold is met, it first has the node
// cleaned of what nobody needs, and then ends one pod, the one that rank() puts first, and waits until it is gone before it looks
// again: what that brought must be seen before another one goes. Critical pods are never ended.
//
// Same idea upstream: kubernetes, pkg/kubelet/eviction/eviction_manager.go.
// Left out here: being woken by the kernel when memory gets short.

import { type Clock, type Logger, messageOf, sleep } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import type { Ending } from '../pod/pod-worker.ts';
import { isCritical } from './critical-pod.ts';
import { evictionMessage } from './eviction-message.ts';
import { excessOf, hasDiskLimit } from './local-storage.ts';
import { NO_PRESSURE, nextPressure, type PressureType } from './pressure.ts';
import { type Measured, rank, resourceOf } from './rank.ts';
import { type Observations, type Threshold, thresholdsMet } from './thresholds.ts';

export interface EvictionOptions {
  readonly thresholds: readonly Threshold[];
  readonly transitionPeriodMs: number;
  /** The longest that a pod may take to end when a soft threshold is met. */
  readonly maxPodGracePeriodSeconds: number;
  readonly clock: Clock;
  readonly log: Logger;
  observe(): Promise<Observations>;
  /** Those that run here and are not ending. */
  activePods(): readonly Pod[];
  /** Costs: only those are measured that could have to go. */
  measure(pods: readonly Pod[]): Promise<readonly Measured[]>;
  /** Frees disk that nobody needs: dead containers, unused images. */
  reclaimDisk(): Promise<void>;
  /** Resolves when nothing of it runs any more. */
  end(pod: Pod, ending: Ending, graceSeconds: number): Promise<void>;
  podEvent(pod: Pod, reason: string, message: string): void;
  nodeEvent(reason: string, message: string): void;
  counted(signal: string): void;
}

type Evicted = Extract<Ending, { readonly reason: string }>;

const PERIOD_MS = 10_000;
const POD_END_TIMEOUT_MS = 30_000;
const GRACE_SECONDS_AT_ONCE = 1;

export class EvictionManager {
  readonly #options: EvictionOptions;
  #pressure = NO_PRESSURE;
  #conditions: readonly PressureType[] = [];
  #tell: () => void = () => {};

  constructor(options: EvictionOptions) {
    this.#options = options;
  }

  /** Of the node, at the last look. */
  conditions(): readonly PressureType[] {
    return this.#conditions;
  }

  /** @param tell called when the conditions are not what they were */
  onChange(tell: () => void): void {
    this.#tell = tell;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    while (!signal.aborted) {
      const ends = await this.synchronize().catch((error: unknown) => {
        log.error('Eviction manager: failed to look at the node', { err: messageOf(error) });
        return [];
      });
      if (ends.length === 0) await sleep(PERIOD_MS, signal, clock);
      // It looks again as soon as what was ended is gone.
      else await Promise.race([Promise.all(ends), sleep(POD_END_TIMEOUT_MS, signal, clock)]);
    }
  }

  /** One look. Gives the ends of what it ended, which may take a while. */
  async synchronize(): Promise<readonly Promise<void>[]> {
    const { thresholds, transitionPeriodMs, clock } = this.#options;
    const observations = await this.#options.observe();
    const now = { observations, atMs: clock.now(), transitionPeriodMs };
    const { state, conditions, due } = nextPressure(this.#pressure, thresholds, now);
    this.#pressure = state;
    const changed = conditions.join() !== this.#conditions.join();
    this.#conditions = conditions;
    if (changed) this.#tell();
    const pods = this.#options.activePods();
    const limited = pods.filter((pod) => hasDiskLimit(pod) && !isCritical(pod));
    const greedy = limited.length === 0 ? [] : await this.#endGreedy(limited);
    const [first] = due;
    if (greedy.length > 0 || first === undefined) return greedy;
    return this.#relieve(first, observations, pods);
  }

  /** Those over a limit of their own, all at once. */
  async #endGreedy(pods: readonly Pod[]): Promise<readonly Promise<void>[]> {
    return (await this.#options.measure(pods)).flatMap(({ pod, usage }) => {
      const excess = usage === undefined ? undefined : excessOf(pod, usage);
      if (excess === undefined) return [];
      this.#options.counted(excess.signal);
      return [this.#end(pod, { why: 'evicted', reason: 'Evicted', message: excess.message })];
    });
  }

  async #relieve(
    threshold: Threshold,
    observations: Observations,
    pods: readonly Pod[],
  ): Promise<readonly Promise<void>[]> {
    const { log, nodeEvent, counted, maxPodGracePeriodSeconds } = this.#options;
    const { signal, gracePeriodMs } = threshold;
    const resource = resourceOf(signal);
    nodeEvent('EvictionThresholdMet', `Attempting to reclaim ${resource}`);
    if (await this.#cleanedUp(resource)) return [];
    const measured = await this.#options.measure(pods.filter((pod) => !isCritical(pod)));
    const [found] = rank(signal, measured);
    if (found === undefined) {
      log.error(
        'Eviction manager: eviction thresholds have been met, but no pods are active to evict',
      );
      return [];
    }
    const message = evictionMessage(threshold, observations, found);
    const condition = {
      ...{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' },
      message,
    } as const;
    counted(signal);
    const ending: Evicted = { why: 'evicted', reason: 'Evicted', message, condition };
    const own = found.pod.spec?.terminationGracePeriodSeconds ?? maxPodGracePeriodSeconds;
    const graceSeconds =
      gracePeriodMs === 0 ? GRACE_SECONDS_AT_ONCE : Math.min(own, maxPodGracePeriodSeconds);
    return [this.#end(found.pod, ending, graceSeconds)];
  }

  /** Whether that was enough. */
  async #cleanedUp(resource: ReturnType<typeof resourceOf>): Promise<boolean> {
    const { thresholds, log } = this.#options;
    if (resource !== 'ephemeral-storage' && resource !== 'inodes') return false;
    await this.#options.reclaimDisk().catch((error: unknown) => {
      log.warn('Eviction manager: failed to reclaim disk', { err: messageOf(error) });
    });
    return thresholdsMet(thresholds, await this.#options.observe(), false).length === 0;
  }

  #end(pod: Pod, ending: Evicted, graceSeconds = GRACE_SECONDS_AT_ONCE) {
    const { log, podEvent, end } = this.#options;
    const { namespace, name } = pod.metadata ?? {};
    log.info('Eviction manager: evicting pod', {
      pod: `${namespace}/${name}`,
      why: ending.message,
    });
    podEvent(pod, 'Evicted', ending.message);
    return end(pod, ending, graceSeconds);
  }
}
