// Watch folder: a round at the start, and one for each change of what is in a folder.
//
//   - Editors write a file in several moves: a round begins SETTLE_MS after the last of them, and only if the content differs.
//   - The signal of a round aborts when something changes while it is still running; then the next round begins at once.
//   - It ends when the outer signal aborts.
import { type FSWatcher, watch } from 'node:fs';
import { codeHash } from './code-hash.ts';

const SETTLE_MS = 60;

export async function* watchFolder(
  folder: string,
  signal: AbortSignal,
): AsyncGenerator<AbortSignal, void, void> {
  let seen = codeHash(folder);
  let dirty = true;
  let wake: () => void = () => {};
  let round: AbortController | undefined;
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const now = codeHash(folder);
    if (now === seen) return;
    seen = now;
    dirty = true;
    round?.abort();
    wake();
  };
  const onEvent = () => {
    clearTimeout(timer);
    timer = setTimeout(look, SETTLE_MS);
  };
  const onAbort = () => {
    round?.abort();
    wake();
  };
  const watcher: FSWatcher = watch(folder, { recursive: true }, onEvent);
  watcher.on('error', onEvent); // A folder that went away is a change too.
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal.aborted) {
      if (!dirty) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      dirty = false;
      round = new AbortController();
      yield round.signal;
      round = undefined;
    }
  } finally {
    clearTimeout(timer);
    watcher.close();
    signal.removeEventListener('abort', onAbort);
  }
}
