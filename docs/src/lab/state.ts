// State: what the command remembers about a learner, in work/.lab/state.json. Nothing of it leaves the machine by itself.
//
// Rules of use
//   - update() reads, changes and writes in one go; the file is replaced as a whole, so a crash leaves the old or the new.
//   - A file that cannot be read is moved aside, never deleted, and the learner is told; the code in work/ is not touched.
//   - Times are ISO strings, the keys of maps are ids of labs and steps.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Membership } from '../teach/class-client.ts';

export interface Solution {
  /** A symbol, or a step's id. */
  readonly what: string;
  readonly how: 'shown' | 'applied' | 'caught-up';
  readonly at: string;
  /** Whether the step had not been passed by then. */
  readonly early: boolean;
}

export interface StepState {
  startedAt?: string;
  /** Checks until the pass. */
  attempts: number;
  lastCheckAt?: string;
  /** The first time that all was green. */
  passedAt?: string;
  /** The last code for which it was: a hash of work/<lab>/src. */
  passedCode?: string;
  /** Ids of the tests that did not pass last time. */
  failing: string[];
  /** Their sentences, in the same order. */
  failingIdeas: string[];
  /** Where to look, said the first of them. */
  lookAt: string[];
  /** Symbol, or `step` → how many levels were shown. */
  hints: Record<string, number>;
  solutions: Solution[];
  /** `next --force`, `catch-up`: gone on without a pass. */
  skippedAt?: string;
}

export interface LabState {
  startedAt: string;
  /** The contract number, and a hash of what the skeleton was derived from, at that time. */
  contract: number;
  course: string;
  /** The current step's id. */
  step: string;
  steps: Record<string, StepState>;
}

export interface State {
  version: 1;
  current?: string;
  labs: Record<string, LabState>;
  class?: Membership;
}

export class StateFile {
  readonly #file: string;
  readonly #tell: (line: string) => void;

  constructor(file: string, tell: (line: string) => void) {
    this.#file = file;
    this.#tell = tell;
  }

  read(): State {
    if (!existsSync(this.#file)) return { version: 1, labs: {} };
    try {
      return asState(JSON.parse(readFileSync(this.#file, 'utf8')));
    } catch {
      const aside = `${this.#file}.broken-${Date.now()}`;
      renameSync(this.#file, aside);
      this.#tell(
        `work/.lab/state.json could not be read and was moved to ${aside}; your code is untouched, your progress starts anew`,
      );
      return { version: 1, labs: {} };
    }
  }

  update(change: (state: State) => void): State {
    const state = this.read();
    change(state);
    mkdirSync(dirname(this.#file), { recursive: true });
    const beside = `${this.#file}.${process.pid}`;
    writeFileSync(beside, `${JSON.stringify(state, null, 2)}\n`);
    renameSync(beside, this.#file);
    return state;
  }
}

export const newStep = (): StepState => ({
  attempts: 0,
  failing: [],
  failingIdeas: [],
  lookAt: [],
  hints: {},
  solutions: [],
});

/** Whether catch-up took it from the reference. */
export const isCaughtUp = ({ solutions }: StepState): boolean =>
  solutions.some(({ how }) => how === 'caught-up');

/** The state of a step, made when it is first spoken of. */
export function stepState(lab: LabState, step: string): StepState {
  lab.steps[step] ??= newStep();
  return lab.steps[step];
}

function asState(value: unknown): State {
  const state = value as Partial<State> | null;
  if (state?.version !== 1 || typeof state.labs !== 'object' || state.labs === null) {
    throw new TypeError('not a state of this version');
  }
  for (const lab of Object.values(state.labs)) {
    if (typeof lab.step !== 'string' || typeof lab.steps !== 'object' || lab.steps === null) {
      throw new TypeError('not the state of a lab');
    }
    for (const [id, step] of Object.entries(lab.steps)) lab.steps[id] = { ...newStep(), ...step };
  }
  return state as State;
}
