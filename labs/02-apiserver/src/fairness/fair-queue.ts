// FairQueue: who of those that wait is served next.
//
//   level A (40 shares)   flow a1: ▪▪▪▪▪▪▪▪     the level that uses least of its share is next,
//                         flow a2: ▪            in it the flow that was served least,
//   level B (10 shares)   flow b1: ▪▪           in it the request that came first
// Seats that a level does not need are used by the others. Service is counted in seats taken; a flow that comes back after
// a pause starts at the level's present count, so that nobody saves up turns.
// Rules of use: acquire() resolves with the function that gives the seats back, which must be called once; it rejects
// with TooManyRequests when the flow's line is full, or it waited too long, and with the signal's reason when that aborts.
// Invariant: seats in use never exceed `seats`, but for a request that is wider than all of them and runs alone.
// Upstream: apiserver, pkg/util/flowcontrol/fairqueuing/queueset (there with shuffle-sharded queues, as it has many more flows).
import type { Clock } from '../client/clock.ts';
import type { Level } from './levels.ts';

export class TooManyRequests extends Error {
  /** Upstream's words for the reason in its metrics. */
  readonly reason: 'queue-full' | 'time-out';

  constructor(reason: 'queue-full' | 'time-out') {
    super('Too many requests, please try again later.');
    this.reason = reason;
  }
}

export interface FairQueueOptions {
  /** That may be taken at once. */
  readonly seats: number;
  /** Requests of one flow that may wait. */
  readonly flowLengthMax: number;
  readonly waitMsMax: number;
  readonly clock: Pick<Clock, 'setTimeout' | 'clearTimeout'>;
}

export interface FairRequest {
  readonly level: Level;
  readonly flow: string;
  readonly width: number;
}

type Release = () => void;

interface Waiter {
  readonly width: number;
  readonly start: (release: Release) => void;
}

interface Flow {
  readonly name: string;
  readonly waiting: Waiter[];
  /** Seats that it has been given so far, in the level's count. */
  served: number;
  inUse: number;
}

interface LevelState {
  readonly level: Level;
  readonly flows: Map<string, Flow>;
  inUse: number;
  /** The count of the flow that was served last. */
  virtualTime: number;
}

export class FairQueue {
  readonly #options: FairQueueOptions;
  readonly #levels = new Map<string, LevelState>();
  #inUse = 0;
  #waitingCount = 0;

  constructor(options: FairQueueOptions) {
    this.#options = options;
  }

  get inUse(): number {
    return this.#inUse;
  }

  get waiting(): number {
    return this.#waitingCount;
  }

  /** The seats, when nobody waits and they are free. */
  take({ level, flow, width }: FairRequest): Release | undefined {
    if (this.#waitingCount > 0 || !this.#fits(width)) return undefined;
    const state = this.#levelOf(level);
    return this.#seat(state, flowOf(state, flow), width);
  }

  acquire(request: FairRequest, signal: AbortSignal): Promise<Release> {
    const taken = this.take(request);
    if (taken !== undefined) return Promise.resolve(taken);
    const state = this.#levelOf(request.level);
    const flow = flowOf(state, request.flow);
    if (flow.waiting.length >= this.#options.flowLengthMax) {
      forgetIfIdle(state, flow);
      return Promise.reject(new TooManyRequests('queue-full'));
    }
    return this.#wait(state, flow, { width: request.width, signal });
  }

  #wait(
    state: LevelState,
    flow: Flow,
    { width, signal }: { width: number; signal: AbortSignal },
  ): Promise<Release> {
    const { clock, waitMsMax } = this.#options;
    if (signal.aborted) {
      forgetIfIdle(state, flow);
      return Promise.reject(signal.reason);
    }
    return new Promise((resolve, reject) => {
      const leave = (reason: unknown) => {
        settle();
        flow.waiting.splice(flow.waiting.indexOf(waiter), 1);
        this.#waitingCount--;
        forgetIfIdle(state, flow);
        reject(reason);
        // What stood behind it may fit.
        this.#dispatch();
      };
      const onAbort = () => leave(signal.reason);
      const timer = clock.setTimeout(() => leave(new TooManyRequests('time-out')), waitMsMax);
      const settle = () => {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      };
      const waiter: Waiter = {
        width,
        start: (release) => {
          settle();
          resolve(release);
        },
      };
      signal.addEventListener('abort', onAbort);
      flow.waiting.push(waiter);
      this.#waitingCount++;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    while (this.#waitingCount > 0) {
      const state = neediest(this.#levels.values());
      const flow = state && leastServed(state);
      const waiter = flow?.waiting[0];
      // The next one is the next one: a wide request is not overtaken for ever by narrow ones.
      if (state === undefined || flow === undefined || waiter === undefined) return;
      if (!this.#fits(waiter.width)) return;
      flow.waiting.shift();
      this.#waitingCount--;
      waiter.start(this.#seat(state, flow, waiter.width));
    }
  }

  #fits(width: number): boolean {
    return this.#inUse === 0 || this.#inUse + width <= this.#options.seats;
  }

  #seat(state: LevelState, flow: Flow, width: number): Release {
    flow.served = Math.max(flow.served, state.virtualTime) + width;
    state.virtualTime = flow.served - width;
    flow.inUse += width;
    state.inUse += width;
    this.#inUse += width;
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      flow.inUse -= width;
      state.inUse -= width;
      this.#inUse -= width;
      forgetIfIdle(state, flow);
      this.#dispatch();
    };
  }

  #levelOf(level: Level): LevelState {
    let state = this.#levels.get(level.name);
    if (state === undefined) {
      state = { level, flows: new Map(), inUse: 0, virtualTime: 0 };
      this.#levels.set(level.name, state);
    }
    return state;
  }
}

function flowOf(state: LevelState, name: string): Flow {
  let flow = state.flows.get(name);
  if (flow === undefined) {
    flow = { name, waiting: [], served: state.virtualTime, inUse: 0 };
    state.flows.set(name, flow);
  }
  return flow;
}

function forgetIfIdle(state: LevelState, flow: Flow): void {
  if (flow.waiting.length === 0 && flow.inUse === 0) state.flows.delete(flow.name);
}

/** Of the levels where somebody waits, the one that uses least of its share. */
function neediest(levels: Iterable<LevelState>): LevelState | undefined {
  let best: LevelState | undefined;
  for (const state of levels) {
    if (!hasWaiting(state)) continue;
    if (best === undefined || use(state) < use(best)) best = state;
  }
  return best;
}

function use({ inUse, level }: LevelState): number {
  return inUse / level.shares;
}

function hasWaiting(state: LevelState): boolean {
  for (const { waiting } of state.flows.values()) if (waiting.length > 0) return true;
  return false;
}

function leastServed(state: LevelState): Flow | undefined {
  let best: Flow | undefined;
  for (const flow of state.flows.values()) {
    if (flow.waiting.length === 0) continue;
    if (best === undefined || flow.served < best.served) best = flow;
  }
  return best;
}
