// Prober: runs the probes of all running containers of this node, and tells when a verdict changes.
//
// One loop for each probe of each container id: a restarted container starts with clean verdicts. Liveness and
// readiness hold back until the startup probe has succeeded; the startup probe stops then. After a liveness or startup
// failure the loop rests until the container is replaced, so that a slow stop is not killed twice. Readiness goes on while
// a pod is stopped: whoever sends it requests wants to know how long it answers. What ran before this kubelet did is probed
// from a random moment of its period on, so that a hundred adopted containers are not probed at once.
//
// Same idea upstream: kubernetes, pkg/kubelet/prober/prober_manager.go.

import { type Clock, type Logger, sleep } from '@kube-labs/apiserver';
import type { Container, Pod, Probe } from 'kubernetes-types/core/v1';
import type { ProbeMetrics } from '../metrics/probe-metrics.ts';
import type { PodEvents } from '../pod/pod-events.ts';
import type { ProbeFailure } from '../pod/pod-view.ts';
import {
  type Runtime,
  type RuntimeContainer,
  type RuntimePod,
  readySandboxOf,
} from '../runtime/runtime.ts';
import { attempt, complaintOf } from './attempt.ts';
import type { AttemptResult, AttemptTarget } from './attempt-target.ts';
import {
  INITIAL_PROBE_STATE,
  isReady,
  nextProbeState,
  type ProbeKind,
  type ProbeState,
} from './probe-state.ts';
import { initialState, probedOf, probesOf } from './probed-containers.ts';

export interface ProberOptions {
  readonly runtime: Runtime;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics?: Pick<ProbeMetrics, 'observe'>;
  onChange(podUid: string): void;
  /** From 0 to 1, for the adopted. */
  random?(): number;
}

interface Probing {
  readonly podUid: string;
  readonly stop: AbortController;
  /** Of the probes whose failure would restart the container. */
  readonly stopRestarting: AbortController;
  readonly states: Map<ProbeKind, ProbeState>;
}

const PERIOD_SECONDS_DEFAULT = 10;
const TIMEOUT_SECONDS_DEFAULT = 1;
const TITLES = { readiness: 'Readiness', liveness: 'Liveness', startup: 'Startup' } as const;

export class Prober {
  readonly #options: ProberOptions;
  readonly #probing = new Map<string, Probing>();
  readonly #listeners = new Set<(podUid: string) => void>();
  readonly #startedAtMs: number;

  constructor(options: ProberOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.now();
  }

  /** Starts probing what runs, and stops probing what no longer does. */
  sync(pod: Pod, runtime: RuntimePod): void {
    const running = runtime.containers.filter(({ status }) => status.state === 'running');
    const ids = new Set(running.map(({ id }) => id));
    for (const [id, { podUid }] of this.#probing) {
      if (podUid === runtime.identity.uid && !ids.has(id)) this.forgetContainer(id);
    }
    const address = readySandboxOf(runtime)?.ip;
    if (address === undefined) return;
    for (const container of running) {
      const spec = probedOf(pod).find(({ name }) => name === container.name);
      if (spec === undefined || this.#probing.has(container.id)) continue;
      this.#start(pod, spec, { container, address });
    }
  }

  /** For a pod that is being stopped: nothing of it is to be restarted any more. */
  stopLivenessAndStartup(podUid: string): void {
    for (const probing of this.#probing.values()) {
      if (probing.podUid === podUid) probing.stopRestarting.abort();
    }
  }

  /** The container has ended. */
  forgetContainer(id: string): void {
    this.#probing.get(id)?.stop.abort();
    this.#probing.delete(id);
  }

  forget(podUid: string): void {
    for (const [id, probing] of this.#probing)
      if (probing.podUid === podUid) this.forgetContainer(id);
  }

  stop(): void {
    for (const id of [...this.#probing.keys()]) this.forgetContainer(id);
  }

  /** What the API says of a running container. */
  verdict(container: RuntimeContainer): { readonly ready: boolean; readonly started: boolean } {
    const states = this.#probing.get(container.id)?.states;
    if (states === undefined) return { ready: false, started: false };
    const started = isReady(states.get('startup'));
    return { ready: started && isReady(states.get('readiness')), started };
  }

  /** Calls back when a verdict about one of the pod's containers changes. */
  watch(podUid: string, tell: () => void): () => void {
    const listener = (changed: string) => {
      if (changed === podUid) tell();
    };
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  failures(podUid: string): ReadonlyMap<string, ProbeFailure> {
    const failures = new Map<string, ProbeFailure>();
    for (const [id, probing] of this.#probing) {
      if (probing.podUid !== podUid) continue;
      for (const kind of ['startup', 'liveness'] as const) {
        if (probing.states.get(kind)?.verdict === 'failure') failures.set(id, kind);
      }
    }
    return failures;
  }

  #start(pod: Pod, spec: Container, target: ProbeTarget): void {
    const podUid = pod.metadata?.uid ?? '';
    const [stop, stopRestarting] = [new AbortController(), new AbortController()];
    const probing: Probing = { podUid, stop, stopRestarting, states: new Map() };
    const probes = probesOf(pod, spec, target.container.id);
    for (const kind of probes.keys()) {
      probing.states.set(kind, initialState(kind, pod, target.container.id));
    }
    this.#probing.set(target.container.id, probing);
    for (const [kind, probe] of probes) {
      this.#run({ pod, spec, kind, probe, target }, probing).catch((error: unknown) =>
        this.#options.log.error('Probing failed', {
          pod: podUid,
          container: spec.name,
          err: error,
        }),
      );
    }
  }

  async #run(work: ProbeWork, probing: Probing): Promise<void> {
    const { clock } = this.#options;
    const { kind, probe, target } = work;
    const stops = [probing.stop.signal, probing.stopRestarting.signal];
    const signal = AbortSignal.any(kind === 'readiness' ? stops.slice(0, 1) : stops);
    const periodMs = (probe.periodSeconds ?? PERIOD_SECONDS_DEFAULT) * 1_000;
    const { status } = target.container;
    const startedAtMs = status.state === 'running' ? status.startedAtMs : clock.now();
    const firstAtMs = startedAtMs + (probe.initialDelaySeconds ?? 0) * 1_000;
    const phaseMs = startedAtMs < this.#startedAtMs ? this.#random() * periodMs : 0;
    await sleep(Math.max(0, firstAtMs - clock.now()) + phaseMs, signal, clock);
    while (!signal.aborted) {
      const waitsForStartup = kind !== 'startup' && !isReady(probing.states.get('startup'));
      if (!waitsForStartup && (await this.#probe(work, probing, signal)) === 'finished') return;
      await sleep(periodMs, signal, clock);
    }
  }

  #random(): number {
    return (this.#options.random ?? Math.random)();
  }

  async #probe(
    work: ProbeWork,
    probing: Probing,
    signal: AbortSignal,
  ): Promise<'finished' | 'goes on'> {
    const { kind, probe } = work;
    const startMs = this.#options.clock.now();
    const result = await attempt(probe, this.#targetOf(work), signal);
    if (signal.aborted) return 'finished';
    const seconds = (this.#options.clock.now() - startMs) / 1_000;
    const measured = { kind, result: result.kind, seconds };
    this.#options.metrics?.observe({ pod: work.pod, container: work.spec.name }, measured);
    this.#tell(work, result);
    // It says nothing about the container: thrown away, so that an engine that is away kills nobody.
    if (result.kind === 'unknown') return 'goes on';
    const before = probing.states.get(kind) ?? INITIAL_PROBE_STATE;
    const after = nextProbeState(before, result.kind, probe);
    probing.states.set(kind, after);
    if (after.verdict !== before.verdict) this.#changed(probing.podUid);
    if (kind === 'readiness' || after.verdict === 'unknown') return 'goes on';
    return after.verdict === 'failure' || kind === 'startup' ? 'finished' : 'goes on';
  }

  #changed(podUid: string): void {
    this.#options.onChange(podUid);
    for (const listener of this.#listeners) listener(podUid);
  }

  #targetOf({ spec, probe, target }: ProbeWork): AttemptTarget {
    const { runtime, clock } = this.#options;
    const timeoutMs = (probe.timeoutSeconds ?? TIMEOUT_SECONDS_DEFAULT) * 1_000;
    const containerId = target.container.id;
    return { runtime, clock, containerId, spec, address: target.address, timeoutMs };
  }

  #tell({ pod, spec, kind }: ProbeWork, result: AttemptResult): void {
    const complaint = complaintOf(result);
    if (complaint === undefined) return;
    const { reason, text } = complaint;
    const message = `${TITLES[kind]} probe ${text}`;
    this.#options.events.container(pod, spec, { type: 'Warning', reason, message });
  }
}

interface ProbeTarget {
  readonly container: RuntimeContainer;
  readonly address: string;
}

interface ProbeWork {
  readonly pod: Pod;
  readonly spec: Container;
  readonly kind: ProbeKind;
  readonly probe: Probe;
  readonly target: ProbeTarget;
}
