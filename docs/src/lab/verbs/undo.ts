// undo: brings back the last saved copy, byte for byte. What it replaces is saved as well, so an undo can be undone.
import { count } from '../../check/text.ts';
import { filesBelow, wholeHash } from '../code-hash.ts';
import { type Context, startedWork } from '../context.ts';
import { LabError } from '../lab-error.ts';
import { restore, type SavedCopy, save, savedCopies } from '../saved.ts';
import type { CommonFlags, Ended } from '../verb.ts';

export interface UndoFlags {
  readonly list?: boolean;
}

export async function undo(
  context: Context,
  wanted: string | undefined,
  flags: UndoFlags & CommonFlags,
): Promise<Ended> {
  const work = startedWork(context, flags.lab);
  const copies = savedCopies(context, work);
  if (flags.list === true) {
    context.print(
      copies.length === 0
        ? 'Nothing has been saved yet.'
        : copies.map((copy) => line(context, copy)).join('\n'),
    );
    return 0;
  }
  const copy =
    wanted === undefined ? copies.at(-1) : copies.find(({ number }) => String(number) === wanted);
  if (copy === undefined) {
    const numbers = copies.map(({ number }) => number).join(', ');
    throw new LabError(
      copies.length === 0
        ? 'There is nothing to undo: no command has replaced anything yet'
        : `There is no saved copy ${wanted}; there is ${numbers}: npx lab undo --list`,
    );
  }
  if (wholeHash(copy.folder) === wholeHash(work.srcFolder)) {
    context.print(
      `Your code is already as it was before that ${copy.verb}. Older copies: npx lab undo --list`,
    );
    return 0;
  }
  const replaced = save(context, work, 'undo');
  const changed = restore(work, copy);
  context.print(
    `Brought back what you had before the ${copy.verb} of ${readable(copy.time)}: ${count(changed.length, 'file')} (${changed.join(', ')})`,
  );
  context.print(
    context.paint.dim(
      `What was there until now is in ${context.pathOf(replaced.folder)}; npx lab undo brings that back.`,
    ),
  );
  return 0;
}

function line({ pathOf }: Context, { number, time, verb, folder }: SavedCopy): string {
  return `${String(number).padStart(3)}  ${readable(time)}  before ${verb.padEnd(9)} ${count(filesBelow(folder).length, 'file')}  ${pathOf(folder)}`;
}

/** `2026-03-01 10:20:30` */
const readable = (time: string): string => time.replace(/T(\d\d)-(\d\d)-(\d\d)$/, ' $1:$2:$3');
