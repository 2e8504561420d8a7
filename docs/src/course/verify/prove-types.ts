// Prove types: every prefix and every overlay passes the strict type check. One run of the compiler over all of them, for it
// takes a second to read the libraries and a tenth of that for a tree.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../repository.ts';

const TSC = join(repositoryRoot, 'node_modules/typescript/bin/tsc');
/** A second checker would work out the types of all packages again: a fifth more, of what the tests beside it lack. */
const FRUGAL = ['--checkers', '1'];
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const ERRORS_MAX = 5;

/** Type errors by the tree they are in; `folder` holds the trees and a tsconfig.json. */
export async function typeErrors(
  folder: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const output = await compile(folder, signal);
  const found = new Map<string, string[]>();
  for (const line of output.split('\n')) {
    const error = /^([^/\s]+)\/(src\/\S+)\((\d+),\d+\): error (TS\d+: .*)$/.exec(line);
    if (error === null) continue;
    const [, tree = '', file, row, message] = error;
    const ofTree = found.get(tree) ?? [];
    found.set(tree, ofTree);
    if (ofTree.length < ERRORS_MAX) ofTree.push(`${file}:${row}: ${message}`);
  }
  if (output.trim() !== '' && found.size === 0) throw new Error(`the compiler says: ${output}`);
  return found;
}

function compile(folder: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, signal, maxBuffer: OUTPUT_BYTES_MAX };
    execFile(process.execPath, [TSC, '-p', folder, ...FRUGAL], options, (error, stdout, stderr) => {
      // It ends with 1 or 2 when there are errors in the code; anything else is its own end.
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number' && code <= 2) resolve(stdout + stderr);
      else reject(signal.aborted ? signal.reason : error);
    });
  });
}
