// A script of the tests as one plain file: as a process it starts in a tenth of the time that a loader of TypeScript needs.
import { join } from 'node:path';
import { build } from 'esbuild';

/** name, for example crash-writer.ts, in this folder; the path of what was made of it. */
export async function bundle(name: string, directory: string): Promise<string> {
  const outfile = join(directory, name.replace(/\.ts$/, '.mjs'));
  await build({
    entryPoints: [join(import.meta.dirname, name)],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  return outfile;
}
