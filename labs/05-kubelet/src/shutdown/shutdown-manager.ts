// ShutdownManager: a node that goes down lets its pods end first, and says so.
//
// From the first moment on the node is not ready and takes no pods. Then its pods end, group by group; a group that is not done in its
// time is left behind. The end of the kubelet's process (SIGTERM) is no shutdown: its containers run on, and the next kubelet
// adopts them. Whoever knows that the machine goes down says so with SIGPWR, or calls shutDown().
//
// Same idea upstream: kubernetes, pkg/kubelet/nodeshutdown (on systemd's inhibitor locks).
// Left out here: a shutdown that is called off; static pods that come again while the node goes down.

import { type Clock, type Logger, messageOf, sleep } from '@kube-labs/apiserver';
import type { Pod } from 'kubernetes-types/core/v1';
import type { AdmitHandler } from '../pod/admission.ts';
import type { Ending } from '../pod/pod-worker.ts';
import { type ShutdownGroup, type ShutdownPeriods, shutdownGroups } from './shutdown-groups.ts';

/** Who knows that the machine goes down. */
export interface ShutdownTrigger {
  /** Gives the way to stop listening. */
  onShutdown(tell: () => void): () => void;
}

export interface ShutdownOptions {
  readonly periods: ShutdownPeriods;
  readonly clock: Clock;
  readonly log: Logger;
  /** Those that run here and are not ending. */
  activePods(): readonly Pod[];
  /** Resolves when nothing of it runs any more. */
  end(pod: Pod, ending: Ending, graceSeconds: number): Promise<void>;
  nodeEvent(reason: string, message: string): void;
  /** When it began, and when it was done, in seconds since 1970. */
  readonly times: { readonly start: TimeGauge; readonly end: TimeGauge };
}

interface TimeGauge {
  set(seconds: number): void;
}

const MESSAGE = 'Pod was terminated in response to imminent node shutdown.';
const ENDING: Ending = {
  why: 'shutdown',
  reason: 'Terminated',
  message: MESSAGE,
  condition: {
    ...{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' },
    message: MESSAGE,
  },
};

export const powerSignal: ShutdownTrigger = {
  onShutdown(tell) {
    process.on('SIGPWR', tell);
    return () => process.off('SIGPWR', tell);
  },
};

export class ShutdownManager implements AdmitHandler {
  readonly #options: ShutdownOptions;
  #tell: () => void = () => {};
  #shutdown: Promise<void> | undefined;

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  shuttingDown(): boolean {
    return this.#shutdown !== undefined;
  }

  /** @param tell called when the node begins to go down */
  onChange(tell: () => void): void {
    this.#tell = tell;
  }

  admit(): ReturnType<AdmitHandler['admit']> {
    if (!this.shuttingDown()) return { admitted: true };
    const message = 'Pod was rejected as the node is shutting down.';
    return { admitted: false, reason: 'NodeShutdown', message };
  }

  /** Resolves when every group has ended, or had its time. Asked again, it is the same shutdown. */
  shutDown(): Promise<void> {
    this.#shutdown ??= this.#run();
    return this.#shutdown;
  }

  async #run(): Promise<void> {
    const { clock, log, periods, activePods, nodeEvent, times } = this.#options;
    log.info('Shutdown manager detected new shutdown event, isNodeShuttingDownNow', { now: true });
    nodeEvent('NodeShutdown', 'Shutdown manager detected shutdown event');
    times.start.set(clock.now() / 1_000);
    // In its own turn, when everybody who asks already hears that the node goes down.
    await Promise.resolve();
    this.#tell();
    for (const group of shutdownGroups(activePods(), periods)) await this.#endGroup(group);
    times.end.set(clock.now() / 1_000);
    log.info('Shutdown manager completed processing shutdown event, node will shutdown shortly');
  }

  async #endGroup({ pods, graceSeconds }: ShutdownGroup): Promise<void> {
    const { clock, log, end } = this.#options;
    const ends = pods.map(({ pod, graceSeconds: seconds }) =>
      end(pod, ENDING, seconds).catch((error: unknown) => {
        const { namespace, name } = pod.metadata ?? {};
        log.error('Shutdown manager failed killing pod', {
          pod: `${namespace}/${name}`,
          err: messageOf(error),
        });
      }),
    );
    const done = new AbortController();
    const timeout = sleep(graceSeconds * 1_000, done.signal, clock).then(() => {
      if (!done.signal.aborted) log.warn('Shutdown manager pod killing time out', { graceSeconds });
    });
    await Promise.race([Promise.all(ends), timeout]);
    done.abort();
  }
}
