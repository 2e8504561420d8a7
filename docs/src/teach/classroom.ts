// Classroom: who is where, who is stuck how long, whose hand is up. The state of a class, and what its board shows.
//
// Rules of use
//   - Pure: the time comes in as a number of milliseconds, randomness as a string. The server (class-server.ts) is the effect.
//   - Only what a learner agreed to travels and is kept: a name of their choice, step ids, times, ids of failing tests, a raised
//     hand. No code, no output, no machine names. Who leaves is forgotten.
//   - Times are the server's own, so that a learner's wrong clock shifts nothing.
// Left out: grades, ranks, and anything that compares one learner with another.

/** A place in the course: `01-store/3-transactions`. */
export type StepKey = string;

export interface PlannedStep {
  readonly key: StepKey;
  readonly title: string;
  readonly minutes: number;
}

export interface Learner {
  readonly id: string;
  readonly name: string;
  /** SHA-256 of the token that proves this learner; the token itself is only on their machine. */
  readonly tokenHash: string;
  readonly joinedAtMs: number;
  readonly seenAtMs: number;
  readonly step: StepKey | undefined;
  /** The last moment at which something became better or worse on this step. */
  readonly progressAtMs: number;
  readonly failing: readonly string[];
  readonly times: Readonly<
    Record<StepKey, { readonly startedAtMs: number; readonly passedAtMs?: number }>
  >;
  readonly handUpAtMs: number | undefined;
}

export interface Classroom {
  readonly code: string;
  readonly boardKey: string;
  readonly learners: readonly Learner[];
}

export interface Progress {
  readonly step: StepKey;
  readonly passed: boolean;
  /** Ids of the tests that fail now, e.g. `3-transactions/2`. */
  readonly failing: readonly string[];
}

export const LEARNERS_MAX = 200;
export const NAME_LENGTH_MAX = 40;
const FAILING_MAX = 100;
const STUCK_AFTER_MS = 15 * 60_000;
const AWAY_AFTER_MS = 60 * 60_000;
const STEP_KEY = /^[\w.-]{1,64}\/[\w.-]{1,64}$/;

/** What is wrong with a request, said so that the learner can mend it. */
export class ClassError extends Error {
  override readonly name = 'ClassError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The class with one more learner. Throws ClassError 400, 409 or 503. */
export function join(
  room: Classroom,
  who: { id: string; name: unknown; tokenHash: string },
  nowMs: number,
): Classroom {
  const name = cleanName(who.name);
  if (room.learners.length >= LEARNERS_MAX) {
    throw new ClassError(503, `The class is full: it has ${LEARNERS_MAX} learners`);
  }
  if (room.learners.some((learner) => learner.name.toLowerCase() === name.toLowerCase())) {
    throw new ClassError(409, `The name ${JSON.stringify(name)} is taken: choose another`);
  }
  const learner: Learner = {
    id: who.id,
    name,
    tokenHash: who.tokenHash,
    joinedAtMs: nowMs,
    seenAtMs: nowMs,
    step: undefined,
    progressAtMs: nowMs,
    failing: [],
    times: {},
    handUpAtMs: undefined,
  };
  return { ...room, learners: [...room.learners, learner] };
}

/** Forgets a learner, with everything. */
export function leave(room: Classroom, id: string): Classroom {
  return { ...room, learners: room.learners.filter((learner) => learner.id !== id) };
}

export function setHand(room: Classroom, id: string, up: boolean, nowMs: number): Classroom {
  return change(room, id, (learner) => ({
    ...learner,
    seenAtMs: nowMs,
    handUpAtMs: up ? (learner.handUpAtMs ?? nowMs) : undefined,
  }));
}

/** Takes in what a learner's check found. The first word of a step starts its time; passing it lowers the hand. */
export function record(room: Classroom, id: string, said: Progress, nowMs: number): Classroom {
  return change(room, id, (learner) => {
    const before = learner.times[said.step];
    const startedAtMs = before?.startedAtMs ?? nowMs;
    const passedAtMs = before?.passedAtMs ?? (said.passed ? nowMs : undefined);
    const time = passedAtMs === undefined ? { startedAtMs } : { startedAtMs, passedAtMs };
    const same = learner.step === said.step && learner.failing.join() === said.failing.join();
    return {
      ...learner,
      seenAtMs: nowMs,
      step: said.step,
      failing: said.failing,
      progressAtMs: same && !said.passed ? learner.progressAtMs : nowMs,
      times: { ...learner.times, [said.step]: time },
      handUpAtMs: said.passed ? undefined : learner.handUpAtMs,
    };
  });
}

/** Reads a message from the network. Throws ClassError 400 for anything that is not exactly a progress. */
export function parseProgress(body: unknown): Progress {
  const { step, passed, failing } = (body ?? {}) as Record<string, unknown>;
  if (typeof step !== 'string' || !STEP_KEY.test(step)) {
    throw new ClassError(400, 'step must be a lab and a step, like 01-store/1-revisions');
  }
  if (typeof passed !== 'boolean') throw new ClassError(400, 'passed must be true or false');
  const isList = Array.isArray(failing) && failing.length <= FAILING_MAX;
  if (!isList || !failing.every((id) => typeof id === 'string' && STEP_KEY.test(id))) {
    throw new ClassError(400, `failing must be a list of at most ${FAILING_MAX} test ids`);
  }
  return { step, passed, failing };
}

export type LearnerState = 'new' | 'working' | 'stuck' | 'passed' | 'away';

export interface BoardRow {
  readonly id: string;
  readonly name: string;
  readonly state: LearnerState;
  readonly step: StepKey | undefined;
  /** Minutes on this step, and since something last changed there. */
  readonly onStepMinutes: number;
  readonly withoutProgressMinutes: number;
  readonly passedSteps: number;
  readonly failing: readonly string[];
  readonly handUpMinutes: number | undefined;
}

export interface BoardStep extends PlannedStep {
  readonly here: number;
  readonly passed: number;
  /** Of those who passed it; undefined as long as nobody has. */
  readonly medianMinutes: number | undefined;
  /** The tests that most learners fail at this moment, the worst first. */
  readonly hardest: readonly { readonly id: string; readonly learners: number }[];
}

export interface Board {
  readonly code: string;
  readonly rows: readonly BoardRow[];
  readonly steps: readonly BoardStep[];
}

/** What the teacher sees: raised hands first (who waits longest), then who is stuck longest, then the others by name. */
export function boardOf(room: Classroom, plan: readonly PlannedStep[], nowMs: number): Board {
  const planned = new Map(plan.map(({ key, minutes }) => [key, minutes]));
  const rows = room.learners.map((learner) => rowOf(learner, planned, nowMs));
  return {
    code: room.code,
    rows: rows.toSorted(byNeed),
    steps: plan.map((step) => stepOf(step, room.learners)),
  };
}

/** Minutes from the first word on a step until it passed, of everybody who passed it. */
export function measuredMinutes(learners: readonly Learner[], key: StepKey): readonly number[] {
  return learners.flatMap(({ times }) => {
    const time = times[key];
    return time?.passedAtMs === undefined ? [] : [(time.passedAtMs - time.startedAtMs) / 60_000];
  });
}

export function median(values: readonly number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const high = sorted[middle];
  if (high === undefined) return undefined;
  return sorted.length % 2 === 1 ? high : ((sorted[middle - 1] ?? high) + high) / 2;
}

function rowOf(learner: Learner, planned: ReadonlyMap<StepKey, number>, nowMs: number): BoardRow {
  const time = learner.step === undefined ? undefined : learner.times[learner.step];
  const minutesSince = (ms: number) => Math.max(0, (nowMs - ms) / 60_000);
  return {
    id: learner.id,
    name: learner.name,
    state: stateOf(learner, planned, nowMs),
    step: learner.step,
    onStepMinutes: time === undefined ? 0 : minutesSince(time.startedAtMs),
    withoutProgressMinutes: minutesSince(learner.progressAtMs),
    passedSteps: Object.values(learner.times).filter((t) => t.passedAtMs !== undefined).length,
    failing: learner.failing,
    handUpMinutes: learner.handUpAtMs === undefined ? undefined : minutesSince(learner.handUpAtMs),
  };
}

/** Stuck: nothing changed for a quarter of an hour, or for half of the time that the step was planned for if that is more. */
function stateOf(
  { step, times, seenAtMs, progressAtMs }: Learner,
  planned: ReadonlyMap<StepKey, number>,
  nowMs: number,
): LearnerState {
  if (step === undefined) return 'new';
  if (times[step]?.passedAtMs !== undefined) return 'passed';
  if (nowMs - seenAtMs > AWAY_AFTER_MS) return 'away';
  const patienceMs = Math.max(STUCK_AFTER_MS, ((planned.get(step) ?? 0) * 60_000) / 2);
  return nowMs - progressAtMs > patienceMs ? 'stuck' : 'working';
}

function stepOf(step: PlannedStep, learners: readonly Learner[]): BoardStep {
  const here = learners.filter(
    (learner) => learner.step === step.key && learner.times[step.key]?.passedAtMs === undefined,
  );
  const counts = new Map<string, number>();
  for (const id of here.flatMap(({ failing }) => failing)) {
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  const minutes = measuredMinutes(learners, step.key);
  return {
    ...step,
    here: here.length,
    passed: minutes.length,
    medianMinutes: median(minutes),
    hardest: [...counts]
      .map(([id, count]) => ({ id, learners: count }))
      .sort((a, b) => b.learners - a.learners || a.id.localeCompare(b.id))
      .slice(0, 3),
  };
}

function byNeed(a: BoardRow, b: BoardRow): number {
  const hand = (b.handUpMinutes ?? -1) - (a.handUpMinutes ?? -1);
  if (hand !== 0) return hand;
  const stuck = Number(b.state === 'stuck') - Number(a.state === 'stuck');
  if (stuck !== 0) return stuck;
  if (a.state === 'stuck') return b.withoutProgressMinutes - a.withoutProgressMinutes;
  return a.name.localeCompare(b.name);
}

function change(room: Classroom, id: string, next: (learner: Learner) => Learner): Classroom {
  return {
    ...room,
    learners: room.learners.map((learner) => (learner.id === id ? next(learner) : learner)),
  };
}

function cleanName(name: unknown): string {
  if (typeof name !== 'string') throw new ClassError(400, 'name must be a text');
  const clean = name.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
  const length = [...clean].length;
  if (length === 0 || length > NAME_LENGTH_MAX) {
    throw new ClassError(400, `A name has 1 to ${NAME_LENGTH_MAX} characters, not ${length}`);
  }
  return clean;
}
