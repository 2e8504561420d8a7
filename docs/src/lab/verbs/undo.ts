// undo: brings back the files that a command changed, as they were before it, byte for byte. Files that it did not touch keep
// what has been written in them since; --all takes the whole folder back. What an undo replaces is saved as well, so an undo
// can be undone.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { count } from '../../check/text.ts';
import { type Context, startedWork, type Work } from '../context.ts';
import { LabError } from '../lab-error.ts';
import {
  differingFrom,
  hashAt,
  noteWritten,
  restore,
  type SavedCopy,
  save,
  savedCopies,
  writtenAfter,
} from '../saved.ts';
import type { CommonFlags, Ended } from '../verb.ts';

export interface UndoFlags {
  readonly list?: boolean;
  readonly all?: boolean;
}

export async function undo(
  context: Context,
  wanted: string | undefined,
  flags: UndoFlags & CommonFlags,
): Promise<Ended> {
  const work = startedWork(context, flags.lab);
  const copies = savedCopies(context, work);
  if (flags.list === true) {
    list(context, copies);
    return 0;
  }
  const copy = copyNamed(copies, wanted);
  const plan = planOf(work, copy, flags.all === true);
  if (plan.paths.length === 0) {
    context.say(
      `What that ${copy.verb} changed is already as it was before. Older copies: npx lab undo --list`,
    );
  } else {
    const replaced = save(context, work, 'undo');
    restore(work, copy, plan.paths);
    noteWritten(work, replaced, plan.paths);
    tell(context, copy, { ...plan, replaced });
  }
  if (plan.left.length > 0) {
    context.say(
      context.paint.dim(
        `Left as it is, for that ${copy.verb} had no part in it: ${plan.left.join(', ')} (npx lab undo ${copy.number} --all takes it back too)`,
      ),
    );
  }
  return 0;
}

interface Plan {
  /** To bring back. */
  readonly paths: readonly string[];
  /** Of these: what has been changed since by something else than the command. */
  readonly byHand: readonly string[];
  /** Different from the copy too, but not by the command. */
  readonly left: readonly string[];
}

function planOf(work: Work, copy: SavedCopy, all: boolean): Plan {
  const differing = differingFrom(work, copy);
  const written = writtenAfter(copy);
  // Without the folder there is nothing that could be left as it is.
  const whole = all || written === undefined || !existsSync(work.srcFolder);
  const isMeant = (path: string) => whole || path in written;
  const paths = differing.filter(isMeant);
  const byHand = paths.filter(
    (path) => written?.[path] !== undefined && written[path] !== hashAt(work.srcFolder, path),
  );
  return { paths, byHand, left: differing.filter((path) => !isMeant(path)) };
}

function tell(
  { say, paint, pathOf }: Context,
  copy: SavedCopy,
  { paths, byHand, replaced }: Plan & { readonly replaced: SavedCopy },
): void {
  say(
    `Brought back what you had before the ${copy.verb} of ${readable(copy.time)}: ${count(paths.length, 'file')} (${paths.join(', ')})`,
  );
  const changed =
    byHand.length === 0 ? '' : `You had gone on writing in ${byHand.join(', ')} since. `;
  say(
    paint.dim(
      `${changed}What was there until now is in ${pathOf(replaced.folder)}; npx lab undo brings that back.`,
    ),
  );
}

function copyNamed(copies: readonly SavedCopy[], wanted: string | undefined): SavedCopy {
  const copy =
    wanted === undefined ? copies.at(-1) : copies.find(({ number }) => String(number) === wanted);
  if (copy !== undefined) return copy;
  const numbers = copies.map(({ number }) => number).join(', ');
  throw new LabError(
    copies.length === 0
      ? 'There is nothing to undo: no command has replaced anything yet'
      : `There is no saved copy ${wanted}; there is ${numbers}: npx lab undo --list`,
  );
}

function list({ print, say, pathOf, paint }: Context, copies: readonly SavedCopy[]): void {
  const [first] = copies;
  if (first === undefined) {
    print('Nothing has been saved yet.');
    return;
  }
  print(copies.map(line).join('\n'));
  say(
    paint.dim(`\nThe whole folder, as it was before each, is in ${pathOf(dirname(first.folder))}`),
  );
}

function line(copy: SavedCopy): string {
  const written = writtenAfter(copy);
  const what =
    written === undefined ? '' : `  ${count(Object.keys(written).length, 'file')} changed`;
  return `${String(copy.number).padStart(3)}  ${readable(copy.time)}  before ${copy.verb.padEnd(9)}${what}`.trimEnd();
}

/** `2026-03-01 10:20:30` */
const readable = (time: string): string => time.replace(/T(\d\d)-(\d\d)-(\d\d)$/, ' $1:$2:$3');
