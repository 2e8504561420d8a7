// Write files: the one way in which a verb changes the learner's sources: all new texts are known, a copy is saved, then
// they are written. Nothing is written when there is nothing to change.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { wrapLines } from '../check/text.ts';
import type { Context, Work } from './context.ts';
import { noteWritten, type SavedCopy, save } from './saved.ts';

export function writeSaved(
  context: Context,
  work: Work,
  { texts, verb }: { readonly texts: ReadonlyMap<string, string>; readonly verb: string },
): SavedCopy | undefined {
  if (texts.size === 0) return undefined;
  const copy = save(context, work, verb);
  for (const [path, text] of texts) {
    const file = join(work.folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  noteWritten(
    work,
    copy,
    [...texts.keys()].map((path) => path.replace(/^src\//, '')),
  );
  return copy;
}

/** What to tell after a change. */
export function tellSaved(context: Context, work: Work, copy: SavedCopy): void {
  const { paint, pathOf, print, width } = context;
  const text = `Your code of before is in ${pathOf(copy.folder)}; npx lab undo brings it back into ${pathOf(work.srcFolder)}`;
  print(paint.dim(wrapLines(text, width)));
}
