// writeFileDurably: a small file that is either the old one or the new one, whatever happens in between.
//
// The new text goes to a file of its own, which is synced and then renamed over the old one; the directory is synced too, or the
// name could still be the old one after a power failure. The store removes files that end in .tmp when it opens.
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { diskError, syncDirectory } from '../disk.ts';

export async function writeFileDurably(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    throw diskError(error, `write ${path}`);
  }
}
