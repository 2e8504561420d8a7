// diff: the learner's code beside the reference (`mine`), two steps of the reference (`step A B`), or the skeleton of the
// start beside today's (`course`). What gives an answer away waits for the pass, or for --show, which is recorded.
import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import type { Paint } from '../../check/text.ts';
import { deriveTree, stepDiff } from '../../course/derive.ts';
import type { Step } from '../../course/model.ts';
import { parseRef } from '../../course/symbols.ts';
import { type Context, startedWork, stepNamed } from '../context.ts';
import { LabError } from '../lab-error.ts';
import { keptSkeleton } from '../skeleton.ts';
import { stepState } from '../state.ts';
import { learnersText } from '../symbol-edit.ts';
import type { CommonFlags, Ended } from '../verb.ts';

export interface DiffFlags {
  readonly show?: boolean;
}

type Started = ReturnType<typeof startedWork>;

export async function diff(
  context: Context,
  args: readonly (string | undefined)[],
  flags: DiffFlags & CommonFlags,
): Promise<Ended> {
  const work = startedWork(context, flags.lab);
  const [what = 'mine', ...rest] = args;
  if (what === 'course')
    return print(
      context,
      courseDiff(context, work),
      'Today the skeleton is what you started with.',
    );
  if (what === 'mine') return mine(context, work, { step: rest[0], show: flags.show === true });
  const [from, to] = what === 'step' ? rest : [what, rest[0]];
  if (from === undefined || to === undefined) {
    throw new LabError(
      'Say which steps: npx lab diff step 1 2 (0 is the skeleton), or npx lab diff mine',
    );
  }
  return steps(context, work, { from, to, show: flags.show === true });
}

function mine(
  context: Context,
  work: Started,
  { step: wanted, show }: { step: string | undefined; show: boolean },
): Ended {
  const step = stepToCompare(context, work, { wanted, show });
  if (!mayShow(context, work, { ids: [step.id], show, again: `mine ${step.number}` })) return 1;
  const reference = deriveTree(work.lab, step.number);
  const files = [...new Set(step.owns.map(({ symbol }) => parseRef(symbol).file))];
  const patch = files
    .map((file) =>
      patchOf(file, {
        from: learnersText(work, file) ?? '',
        to: reference.get(file) ?? '',
        names: ['yours', 'reference'],
      }),
    )
    .join('');
  return print(
    context,
    patch,
    `In the files of step ${step.number} your code is the reference, letter by letter.`,
  );
}

/** The current one; just after `next`, when there is nothing to compare in it yet, the one that passed last. */
function stepToCompare(
  context: Context,
  work: Started,
  { wanted, show }: { wanted: string | undefined; show: boolean },
): Step {
  const step = stepNamed(work, wanted);
  const hasPassed = ({ id }: Step) => work.state.steps[id]?.passedAt !== undefined;
  if (wanted !== undefined || show || hasPassed(step)) return step;
  const last = work.lab.steps.filter((each) => each.number < step.number && hasPassed(each)).at(-1);
  if (last === undefined) return step;
  context.tell(
    `Step ${last.number} (${last.title}), the last one that has passed. Step ${step.number} has not: npx lab diff mine ${step.number} --show\n`,
  );
  return last;
}

function steps(
  context: Context,
  work: Started,
  { from, to, show }: { from: string; to: string; show: boolean },
): Ended {
  const [a, b] = [from, to].map((wanted) => (wanted === '0' ? 0 : stepNamed(work, wanted).number));
  if (a === undefined || b === undefined || a >= b) {
    throw new LabError(
      `Cannot compare step ${from} with ${to}: the first must come before the second`,
    );
  }
  const between = work.lab.steps.slice(a, b).map(({ id }) => id);
  if (!mayShow(context, work, { ids: between, show, again: `step ${a} ${b}` })) return 1;
  return print(context, stepDiff(work.lab, a, b), 'These steps do not differ.');
}

/** Passed steps hold no secrets. */
function mayShow(
  context: Context,
  { lab, state }: Started,
  { ids, show, again }: { ids: readonly string[]; show: boolean; again: string },
): boolean {
  const open = ids.filter((id) => state.steps[id]?.passedAt === undefined);
  if (open.length === 0) return true;
  if (!show) {
    context.say(
      `This shows the answer of ${open.join(', ')}, which has not passed yet.\n\n  npx lab diff ${again} --show   shows it all the same; it is recorded`,
    );
    return false;
  }
  context.state.update(({ labs }) => {
    const own = labs[lab.id];
    if (own === undefined) return;
    for (const id of open)
      stepState(own, id).solutions.push({ what: id, how: 'shown', at: context.now(), early: true });
  });
  return true;
}

function courseDiff(context: Context, { lab }: Started): string {
  const then = keptSkeleton(context, lab);
  if (then.size === 0) return '';
  const now = deriveTree(lab, 0);
  const paths = [...new Set([...then.keys(), ...now.keys()])]
    .filter((path) => path.startsWith('src/'))
    .sort();
  return paths
    .map((path) =>
      patchOf(path, {
        from: then.get(path) ?? '',
        to: now.get(path) ?? '',
        names: ['start', 'today'],
      }),
    )
    .join('');
}

function patchOf(
  file: string,
  { from, to, names: [a, b] }: { from: string; to: string; names: readonly [string, string] },
): string {
  if (from === to) return '';
  const options = { context: 3, headerOptions: FILE_HEADERS_ONLY };
  return createTwoFilesPatch(
    `${a}/${file}`,
    `${b}/${file}`,
    from,
    to,
    undefined,
    undefined,
    options,
  );
}

function print(context: Context, patch: string, nothing: string): Ended {
  context.print(patch === '' ? nothing : colored(patch, context.paint));
  return 0;
}

function colored(patch: string, paint: Paint): string {
  return patch
    .split('\n')
    .map((line) => {
      if (/^(---|\+\+\+) /.test(line)) return paint.bold(line);
      if (line.startsWith('@@')) return paint.dim(line);
      if (line.startsWith('-')) return paint.red(line);
      return line.startsWith('+') ? paint.green(line) : line;
    })
    .join('\n');
}
