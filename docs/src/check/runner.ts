// TestRunner: one vitest that runs many test files, each against a folder of sources of its own.
//
// Every file of every job is a project of that vitest: its root is the lab's folder, `#src` is an alias for the job's sources,
// and KUBE_LABS_SRC and KUBE_LABS_TRACE are in its environment. A project costs milliseconds; a process of its own would cost a second.
// Rules of use
//   - run() may be called again (`lab check --watch`); it looks at all sources anew. One run at a time.
//   - close() it, or it stays. Tests run in forked processes, which a watchdog can end.
//   - vitest sets process.exitCode; whoever uses a runner says at the end what its own is.
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createVitest, type TestCase, type TestModule, type Vite, type Vitest } from 'vitest/node';
import type { SeenError } from './failure.ts';
import type { SeenTest } from './outcome.ts';
import { TraceFile } from './trace-file.ts';
import { kill, type LostProcess, type Watched, watchWorkers } from './watchdog.ts';

/** One test file, with what it tests. */
export interface TestFile {
  /** Absolute path of the lab. */
  readonly labFolder: string;
  readonly srcFolder: string;
  /** Relative to the lab. */
  readonly file: string;
}

export interface RanFile {
  readonly loadErrors: readonly SeenError[];
  readonly tests: readonly SeenTest[];
  readonly trace: TraceFile;
  readonly lostProcess: LostProcess | undefined;
}

export interface RunnerOptions {
  /** How many test files run at once. Default 2. */
  readonly concurrency?: number;
}

export interface RunFilesOptions {
  readonly only?: (test: TestFile) => boolean;
  readonly onEnd?: (test: TestFile) => void;
}

interface Running extends Watched {
  readonly name: string;
  readonly test: TestFile;
}

/** What a test may use of memory, so that a loop that fills an array does not take the machine with it. */
const HEAP_MAX_MIB = 1_024;
const HOOK_TIMEOUT_MS = 20_000;

export class TestRunner {
  /** As given, with real paths, in the same order. */
  readonly tests: readonly TestFile[];
  readonly #folder: string;
  readonly #concurrency: number;
  #vitest: Vitest | undefined;
  #running: Running[] = [];
  #onEnd: (test: TestFile) => void = () => {};

  constructor(tests: readonly TestFile[], { concurrency = 2 }: RunnerOptions = {}) {
    this.tests = tests.map((test) => ({ ...test, srcFolder: realpathSync(test.srcFolder) }));
    this.#folder = mkdtempSync(join(realpathSync(tmpdir()), 'kube-labs-check-'));
    this.#concurrency = concurrency;
  }

  /** Runs all files, or those that `only` picks; the results come in their order. */
  async run(
    signal: AbortSignal,
    { only = () => true, onEnd = () => {} }: RunFilesOptions = {},
  ): Promise<Map<TestFile, RanFile>> {
    signal.throwIfAborted();
    this.#onEnd = onEnd;
    this.#running = this.tests.flatMap((test, index) =>
      only(test) ? [this.#start(test, index)] : [],
    );
    if (this.#running.length === 0) return new Map();
    const vitest = await this.#ready();
    const stopWatching = watchWorkers(this.#running, signal);
    const onAbort = () => void vitest.cancelCurrentRun('keyboard-input').catch(() => {});
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      const specifications = this.#running.map(({ name, test }) =>
        vitest.getProjectByName(name).createSpecification(join(test.labFolder, test.file)),
      );
      const { testModules } = await vitest.runTestSpecifications(specifications);
      signal.throwIfAborted();
      return new Map(this.#running.map((running) => [running.test, ranFile(running, testModules)]));
    } finally {
      signal.removeEventListener('abort', onAbort);
      stopWatching();
      // A vitest whose run was cancelled takes no other: its pool still waits for the workers that were killed.
      if (signal.aborted) {
        await this.#killRest();
        await this.#retire();
      }
    }
  }

  async close(): Promise<void> {
    await this.#retire();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** The one of the last run, which reads everything again, or a new one. */
  async #ready(): Promise<Vitest> {
    if (this.#vitest !== undefined) forget(this.#vitest);
    this.#vitest ??= await this.#create();
    return this.#vitest;
  }

  async #retire(): Promise<void> {
    const vitest = this.#vitest;
    this.#vitest = undefined;
    await vitest?.close();
  }

  async #create(): Promise<Vitest> {
    const undo = listenersAddedFromNow();
    const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });
    const projects = this.tests.map((test, index) =>
      projectOf(test, {
        name: nameOf(index),
        trace: traceFileOf(this.#folder, index),
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
        reporters: [{ onTestModuleEnd: (module: TestModule) => this.#ended(module) }],
        projects,
      },
      {},
      { stdout: nowhere(), stderr: nowhere() },
    );
    undo();
    return vitest;
  }

  /** A file has come to its end by itself. */
  #ended(module: TestModule): void {
    const running = this.#running.find(({ name }) => name === module.project.name);
    if (running === undefined) return;
    running.finished = true;
    this.#onEnd(running.test);
  }

  /** vitest does not wait for workers that it gave up. */
  async #killRest(): Promise<void> {
    await Promise.all(
      this.#running.map(async (running) => {
        running.trace.read();
        const { pid } = running.trace;
        if (pid !== undefined && !running.finished) await kill(running, pid);
      }),
    );
  }

  #start(test: TestFile, index: number): Running {
    const file = traceFileOf(this.#folder, index);
    rmSync(file, { force: true });
    return {
      name: nameOf(index),
      test,
      trace: new TraceFile(file),
      killed: false,
      finished: false,
      starved: false,
    };
  }
}

/** vitest keeps what it has read and translated; anything may have changed since. */
function forget(vitest: Vitest): void {
  for (const { vite } of vitest.projects) {
    for (const environment of Object.values(vite.environments)) {
      for (const file of environment.moduleGraph.fileToModulesMap.keys())
        vitest.invalidateFile(file);
    }
  }
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

const nameOf = (index: number): string => `file-${index}`;
const traceFileOf = (folder: string, index: number): string => join(folder, `${index}.trace`);

interface ProjectOptions {
  readonly name: string;
  readonly trace: string;
  readonly concurrency: number;
}

function projectOf(test: TestFile, { name, trace, concurrency }: ProjectOptions) {
  const { labFolder, srcFolder, file } = test;
  return {
    root: labFolder,
    resolve: { alias: { '#src': srcFolder } },
    plugins: [packagesOfTheLab(test)],
    test: {
      name,
      include: [file],
      pool: 'forks' as const,
      isolate: true,
      maxWorkers: concurrency,
      hookTimeout: HOOK_TIMEOUT_MS,
      execArgv: [`--max-old-space-size=${HEAP_MAX_MIB}`],
      setupFiles: [join(import.meta.dirname, 'worker.ts')],
      // The worker file takes the output from the streams themselves.
      disableConsoleIntercept: true,
      env: { KUBE_LABS_SRC: srcFolder, KUBE_LABS_TRACE: trace },
    },
  };
}

/** The sources may lie anywhere; the packages they import are those of the lab. */
function packagesOfTheLab({ labFolder, srcFolder }: TestFile): Vite.Plugin {
  return {
    name: 'kube-labs:packages-of-the-lab',
    enforce: 'pre',
    resolveId(source, importer) {
      const bare = /^[@a-z]/.test(source) && !isBuiltin(source);
      if (!bare || importer?.startsWith(`${srcFolder}/`) !== true) return null;
      return this.resolve(source, join(labFolder, 'src', 'index.ts'), { skipSelf: true });
    },
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
