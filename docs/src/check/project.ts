// Project: one test file as a project of vitest: the lab is its root, `#src` means the sources under test.
//
// A process for each file, as a test may leave anything behind. Where it runs, the process finds its sources in
// KUBE_LABS_SRC, and says what it does in the file that KUBE_LABS_TRACE names.
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { ForksPoolWorker, type PoolRunnerInitializer, type Vite } from 'vitest/node';

/** One test file, with what it tests. */
export interface TestFile {
  /** Absolute path of the lab. */
  readonly labFolder: string;
  readonly srcFolder: string;
  /** Relative to the lab. */
  readonly file: string;
}

/** What a test may use of memory, so that a loop that fills an array does not take the machine with it. */
const HEAP_MAX_MIB = 1_024;
const HOOK_TIMEOUT_MS = 20_000;

interface ProjectOptions {
  readonly name: string;
  readonly trace: string;
  /** Folder of what test-process.mjs shares. */
  readonly translations: string;
  readonly concurrency: number;
}

export function projectOf(
  test: TestFile,
  { name, trace, translations, concurrency }: ProjectOptions,
) {
  const { labFolder, srcFolder, file } = test;
  return {
    root: labFolder,
    resolve: { alias: { '#src': srcFolder } },
    plugins: [packagesOfTheLab(test)],
    test: {
      name,
      include: [file],
      pool: testProcesses,
      isolate: true,
      maxWorkers: concurrency,
      hookTimeout: HOOK_TIMEOUT_MS,
      execArgv: [`--max-old-space-size=${HEAP_MAX_MIB}`],
      setupFiles: [join(import.meta.dirname, 'worker.ts')],
      // The worker file takes the output from the streams themselves.
      disableConsoleIntercept: true,
      env: {
        KUBE_LABS_SRC: srcFolder,
        KUBE_LABS_TRACE: trace,
        KUBE_LABS_TRANSLATIONS: translations,
      },
    },
  };
}

/** A fork as vitest makes it, with an entry of ours. It sends code over the channel: there is not much to send. */
class TestProcess extends ForksPoolWorker {
  override readonly entrypoint = join(import.meta.dirname, 'test-process.mjs');
  override readonly cacheFs = false;
}

const testProcesses: PoolRunnerInitializer = {
  name: 'kube-labs',
  createPoolWorker: (options) => new TestProcess(options),
};

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
