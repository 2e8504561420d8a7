// The course as data: what lab.yaml says, and where everything of a lab lies.
//
//   labs/01-store/lab.yaml                     this file's types, as YAML
//   labs/01-store/src/…                        the reference: clean, without a mark of the course in it
//   labs/01-store/test/steps/1-revisions.test.ts    the tests of a step, written with lesson() (../lesson/lesson.ts)
//   labs/01-store/steps/1-revisions/           lesson.md, hints.md, teach.md, and lesson.zh.md where there is one
//   labs/01-store/wrong/<name>/                overlay.yaml, src/… (whole files laid over the reference), expected.txt
//   work/01-store/                             the learner's own: the derived skeleton, a git repository of its own
//   work/.lab/                                 progress, saved copies, settings; never in git
// Nothing is kept twice: the skeleton is derived from the reference, the lesson pulls its code from it by `file#Symbol`.

/** `src/mvcc.ts#Mvcc.put`: a path in the lab and a dotted name. Private methods keep their `#`: `src/store.ts#Store.#commit`. Accessors: `Mvcc.get revision`. */
export type SymbolRef = string;

export interface OwnedSymbol {
  readonly symbol: SymbolRef;
  /** The body of the stub where an earlier step must be able to call it, for example `return [];` or ``. Absent = a throw that names symbol and step. */
  readonly stub?: string;
}

export interface Step {
  /** Folder below steps/, and the name of the test file: `1-revisions`. */
  readonly id: string;
  /** 1, 2, … : the order in lab.yaml. */
  readonly number: number;
  readonly title: string;
  readonly titles: Readonly<Record<string, string>>;
  readonly minutes: number;
  readonly owns: readonly OwnedSymbol[];
  /** Relative to the lab's folder. Default: `test/steps/<id>.test.ts`. */
  readonly tests: readonly string[];
}

export interface Lab {
  /** `01-store` */
  readonly id: string;
  /** Absolute path of labs/01-store. */
  readonly folder: string;
  readonly title: string;
  readonly titles: Readonly<Record<string, string>>;
  /** Raised when what a step demands of the learner's code changes; `lab status` says so. */
  readonly contract: number;
  /** One line for each contract number: what changed. */
  readonly changes: Readonly<Record<string, string>>;
  /** What part of the cluster map is lit: an id of the site's map, e.g. `store`. */
  readonly part: string;
  /** Fields and helpers whose text would give an answer away: their declarations are left out of the skeleton until the step that owns them. */
  readonly hide: readonly { readonly symbol: SymbolRef; readonly until: number }[];
  readonly steps: readonly Step[];
}

/** What a lesson's test says about itself; the runner reads it from vitest's task.meta.lesson. */
export interface LessonMeta {
  /** The idea in one sentence; also the test's name. */
  readonly idea: string;
  /** The number of an invariant in the step's lesson.md. */
  readonly invariant: number;
  /** A command that shows it by hand. */
  readonly byHand: string;
  /** What the learner will look at first. */
  readonly symbols: readonly SymbolRef[];
}

/** How one test of a check ended. Four different things, never mixed up. */
export type TestState = 'passed' | 'failed' | 'not-written' | 'not-reached';

export interface TestResult extends LessonMeta {
  /** `1-revisions/3`: step and position, stable as long as the lesson is. What `teach` sends. */
  readonly id: string;
  readonly step: string;
  readonly state: TestState;
  readonly durationMs: number;
  readonly failure?: TestFailure;
  /** Numbers that a green line carries, e.g. { revisions: 500 }. */
  readonly figures: Readonly<Record<string, number>>;
}

export interface TestFailure {
  readonly message: string;
  readonly expected?: string;
  readonly actual?: string;
  /** What the test said it was doing, the newest last; a hanging test ends with the last one. */
  readonly events: readonly string[];
  readonly timedOut: boolean;
  /** The learner's symbols that are still stubs and were reached; or, where none spoke, those that may be why. */
  readonly notWritten: readonly SymbolRef[];
  /** The first place in the learner's own files on the stack. */
  readonly at?: { readonly file: string; readonly line: number };
  /** What the learner's code printed meanwhile. */
  readonly output: readonly string[];
}

/** 0 everything passed, 1 the learner's code, 2 the machine, 3 a fault of the course. */
export type ExitCode = 0 | 1 | 2 | 3;

export interface CheckResult {
  readonly lab: string;
  readonly step: string;
  readonly exitCode: ExitCode;
  readonly tests: readonly TestResult[];
  /** For exit codes 2 and 3: what is wrong and what to do. */
  readonly problem?: string;
}
