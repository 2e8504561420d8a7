// TypeErrors: what the compiler has against code whose tests pass. The tests run without looking at types.
//
// It takes about a second, so it is asked after a check that was green and ends, never between two savings of --watch.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../course/repository.ts';

const TSC = join(repositoryRoot, 'node_modules/typescript/bin/tsc');
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

export interface TypeError {
  /** From the folder that was asked for. */
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Of the sources in a folder with a tsconfig.json; none when the compiler itself does not work, for that is not the code's fault. */
export async function typeErrorsIn(
  folder: string,
  signal: AbortSignal,
): Promise<readonly TypeError[]> {
  if (!existsSync(TSC) || !existsSync(join(folder, 'tsconfig.json'))) return [];
  return typeErrorsOf(await output([TSC, '-p', folder, '--pretty', 'false'], folder, signal));
}

/** Every line that begins with a place in a source; the lines behind it that explain are left out. Pure. */
export function typeErrorsOf(text: string): readonly TypeError[] {
  return text.split('\n').flatMap((line) => {
    const [, file, row, message] =
      /^(src\/[^(]+)\((\d+),\d+\): error (TS\d+: .*)$/.exec(line) ?? [];
    return file === undefined || message === undefined
      ? []
      : [{ file, line: Number(row), message }];
  });
}

/** Resolves to '' when it was stopped: somebody has stopped asking. */
function output(args: readonly string[], cwd: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    const options = { cwd, signal, maxBuffer: OUTPUT_BYTES_MAX };
    execFile(process.execPath, args, options, (_error, stdout) => resolve(String(stdout ?? '')));
  });
}
