// TestRunner: one vitest that runs many test files, each against a folder of sources of its own.
//
// Every file of every job is a project of that vitest (project.ts). A project costs milliseconds; a vitest of its own would
// cost a second.
// Rules of use
//   - run() may be called again (`lab check --watch`); what has changed on the disk is then read anew. One run at a time.
//   - close() it, or it stays. Tests run in forked processes, which a watchdog can end.
//   - vitest sets process.exitCode; whoever uses a runner says at the end what its own is.
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { createVitest, type TestCase, type TestModule, type Vitest } from 'vitest/node';
import type { SeenError } from './failure.ts';
import { KnownFiles } from './known-files.ts';
import type { SeenTest } from './outcome.ts';
import { projectOf, type TestFile } from './project.ts';
import { TraceFile } from './trace-file.ts';
import { kill, type LostProcess, type Watched, watchWorkers } from './watchdog.ts';

export interface RanFile {
  readonly loadErrors: readonly SeenError[];
  readonly tests: readonly SeenTest[];
  readonly trace: TraceFile;
  readonly lostProcess: LostProcess | undefined;
}

export interface RunnerOptions {
  /** How many test files run at once. Default 2. */
  readonly concurrency?: number;
  /**
   * A folder of the caller's, for runners that come after each other: what one has translated the next need not. Default: one
   * of its own.
   */
  readonly translations?: string;
}

interface Running extends Watched {
  readonly name: string;
  readonly test: TestFile;
}

export class TestRunner {
  /** As given, with real paths, in the same order. */
  readonly tests: readonly TestFile[];
  readonly #folder: string;
  readonly #translations: string;
  readonly #concurrency: number;
  readonly #known = new KnownFiles();
  #vitest: Vitest | undefined;
  /** Counts the vitests: what an older one that is not gone yet still says or writes must not be taken for the new one's. */
  #generation = 0;
  readonly #leaving = new Set<Promise<void>>();
  #running: Running[] = [];
  /** Those whose process has begun: to look after a hundred that wait for their turn costs a core some percent. */
  #begun: Running[] = [];
  #onEnd: (test: TestFile) => void = () => {};

  constructor(tests: readonly TestFile[], { concurrency = 2, translations }: RunnerOptions = {}) {
    this.tests = tests.map((test) => ({ ...test, srcFolder: realpathSync(test.srcFolder) }));
    this.#folder = mkdtempSync(join(realpathSync(tmpdir()), 'kube-labs-check-'));
    this.#translations = translations ?? join(this.#folder, 'translations');
    mkdirSync(this.#translations, { recursive: true });
    this.#concurrency = concurrency;
  }

  /** The results come in the order of the files; `onEnd` hears of each that has come to its end. */
  async run(
    signal: AbortSignal,
    onEnd: (test: TestFile) => void = () => {},
  ): Promise<Map<TestFile, RanFile>> {
    signal.throwIfAborted();
    this.#onEnd = onEnd;
    this.#running = this.tests.map((test, index) => this.#start(test, index));
    if (this.#running.length === 0) return new Map();
    const vitest = await this.#ready();
    signal.throwIfAborted();
    const running = this.#running;
    this.#begun = [];
    const stopWatching = watchWorkers(this.#begun, signal);
    const specifications = running.map(({ name, test }) =>
      vitest.getProjectByName(name).createSpecification(join(test.labFolder, test.file)),
    );
    const run = vitest.runTestSpecifications(specifications);
    try {
      const { testModules } = await unlessAborted(run, signal);
      stopWatching();
      return new Map(running.map((each) => [each.test, ranFile(each, testModules)]));
    } catch (error) {
      // A vitest whose run was cancelled takes no other: its pool waits for ever for the workers that were killed.
      this.#leave(vitest, async () => {
        void vitest.cancelCurrentRun('keyboard-input').catch(() => {});
        await Promise.allSettled([killRest(running), run]);
        stopWatching();
      });
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#vitest !== undefined) this.#leave(this.#vitest);
    await Promise.all(this.#leaving);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The one of the last run, which reads again what has changed, or a new one. */
  async #ready(): Promise<Vitest> {
    const known = this.#vitest === undefined ? [] : translatedBy(this.#vitest);
    const folders = this.#running.flatMap(({ test: { srcFolder, labFolder, file } }) => [
      srcFolder,
      dirname(join(labFolder, file)),
    ]);
    const changed = this.#known.look(known, folders);
    for (const file of known) {
      if (changed === 'all' || changed.has(file)) this.#vitest?.invalidateFile(file);
    }
    this.#vitest ??= await this.#create();
    return this.#vitest;
  }

  /** Takes leave of a vitest, which takes a while: the next one may run meanwhile. */
  #leave(vitest: Vitest, endRun: () => Promise<void> = async () => {}): void {
    this.#vitest = undefined;
    this.#generation += 1;
    const gone = () => void this.#leaving.delete(leaving);
    const leaving = endRun()
      .then(() => vitest.close())
      .then(gone, gone); // Whatever it still complains of, nobody uses it any more.
    this.#leaving.add(leaving);
  }

  async #create(): Promise<Vitest> {
    const undo = listenersAddedFromNow();
    const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });
    const projects = this.tests.map((test, index) =>
      projectOf(test, {
        name: this.#nameOf(index),
        trace: this.#traceFileOf(index),
        translations: this.#translations,
        concurrency: this.#concurrency,
      }),
    );
    const vitest = await createVitest(
      'test',
      {
        config: false,
        watch: false,
        root: this.tests[0]?.labFolder ?? this.#folder,
        cache: false,
        maxWorkers: this.#concurrency,
        reporters: [
          {
            onTestModuleQueued: (module: TestModule) => this.#queued(module),
            onTestModuleEnd: (module: TestModule) => this.#ended(module),
          },
        ],
        projects,
      },
      {},
      { stdout: nowhere(), stderr: nowhere() },
    );
    undo();
    return vitest;
  }

  /** A process is there, and has loaded nothing yet. */
  #queued(module: TestModule): void {
    const running = this.#runningOf(module);
    if (running !== undefined) this.#begun.push(running);
  }

  #runningOf({ project }: TestModule): Running | undefined {
    return this.#running.find(({ name }) => name === project.name);
  }

  /** A file has come to its end by itself. */
  #ended(module: TestModule): void {
    const running = this.#runningOf(module);
    if (running === undefined) return;
    running.finished = true;
    this.#onEnd(running.test);
  }

  #nameOf(index: number): string {
    return `file-${this.#generation}-${index}`;
  }

  #traceFileOf(index: number): string {
    return join(this.#folder, `${this.#nameOf(index)}.trace`);
  }

  #start(test: TestFile, index: number): Running {
    const file = this.#traceFileOf(index);
    rmSync(file, { force: true });
    return {
      name: this.#nameOf(index),
      test,
      trace: new TraceFile(file),
      killed: false,
      finished: false,
      starved: false,
    };
  }
}

/** What is promised, or at once the signal's reason. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const listening = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    const { signal: until } = listening;
    signal.addEventListener('abort', () => reject(signal.reason), { once: true, signal: until });
  });
  try {
    const value = await Promise.race([promise, aborted]);
    signal.throwIfAborted();
    return value;
  } finally {
    listening.abort();
  }
}

/** vitest does not wait for workers that it gave up. */
async function killRest(running: readonly Running[]): Promise<void> {
  await Promise.all(
    running.map(async (each) => {
      each.trace.read();
      const { pid } = each.trace;
      if (pid !== undefined && !each.finished) await kill(each, pid);
    }),
  );
}

/** The files that vitest has read and keeps in its own words. */
function translatedBy(vitest: Vitest): readonly string[] {
  const environments = vitest.projects.flatMap(({ vite }) => Object.values(vite.environments));
  const files = environments.flatMap(({ moduleGraph }) => [...moduleGraph.fileToModulesMap.keys()]);
  return [...new Set(files)];
}

/** vitest ends the whole process a millisecond after Ctrl-C, and without a word when a promise is lost: both are ours to do. */
function listenersAddedFromNow(): () => void {
  const events = ['SIGINT', 'SIGTERM', 'unhandledRejection'] as const;
  const listenersOf = (event: string) => process.listeners(event as NodeJS.Signals);
  const before = new Map(events.map((event) => [event, listenersOf(event)]));
  return () => {
    for (const [event, known] of before) {
      for (const each of listenersOf(event)) if (!known.includes(each)) process.off(event, each);
    }
  };
}

function ranFile(running: Running, modules: readonly TestModule[]): RanFile {
  const { trace } = running;
  trace.read();
  const module = modules.find(({ project }) => project.name === running.name);
  const state = module?.state();
  const ended = state === 'passed' || state === 'failed' || state === 'skipped';
  return {
    loadErrors: (module?.errors() ?? []) as readonly SeenError[],
    tests: module === undefined ? [] : [...module.children.allTests()].map(seenTest),
    trace,
    lostProcess: ended ? undefined : lostAs(running),
  };
}

function lostAs({ trace, killed, starved }: Running): LostProcess {
  if (starved) return 'starved';
  if (killed) return 'killed';
  return trace.pid === undefined ? 'not-started' : 'gone';
}

function seenTest(test: TestCase): SeenTest {
  const { state, errors } = test.result();
  return {
    name: test.name,
    lesson: test.meta().lesson,
    state,
    durationMs: test.diagnostic()?.duration ?? 0,
    errors: (errors ?? []) as readonly SeenError[],
  };
}
