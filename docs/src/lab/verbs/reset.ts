// reset: back to "not written yet", for a symbol, a step, one whole file, or the lab. Saved first; files of the learner's own
// making are never taken away.
import { join, relative, resolve } from 'node:path';
import { count } from '../../check/text.ts';
import { deriveTree, type Tree } from '../../course/derive.ts';
import { type Context, startedWork, stepNamed, type Work } from '../context.ts';
import { LabError } from '../lab-error.ts';
import { nearest } from '../nearest.ts';
import type { LabState } from '../state.ts';
import { learnersText, withBodies } from '../symbol-edit.ts';
import { nameOf, stepOrSymbol } from '../symbol-name.ts';
import type { CommonFlags, Ended } from '../verb.ts';
import { tellSaved, writeSaved } from '../write-files.ts';

interface Plan {
  readonly what: string;
  readonly texts: ReadonlyMap<string, string>;
}

export async function reset(
  context: Context,
  wanted: string | undefined,
  flags: CommonFlags,
): Promise<Ended> {
  const work = startedWork(context, flags.lab);
  const plan = planOf(context, work, wanted);
  const copy = writeSaved(context, work, { texts: plan.texts, verb: 'reset' });
  if (copy === undefined) {
    context.say(`Nothing to do: ${plan.what} is as the skeleton has it.`);
    return 0;
  }
  const files = [...plan.texts.keys()].map((path) => context.pathOf(join(work.folder, path)));
  context.say(
    `${plan.what} is "not written yet" again, in ${count(files.length, 'file')}: ${files.join(', ')}`,
  );
  tellSaved(context, work, copy);
  return 0;
}

function planOf(
  context: Context,
  work: Work & { readonly state: LabState },
  wanted: string | undefined,
): Plan {
  const { lab } = work;
  const skeleton = deriveTree(lab, 0);
  if (wanted === 'lab' || wanted === lab.id) {
    return { what: `Lab ${lab.id}`, texts: differing(work, skeleton, [...skeleton.keys()]) };
  }
  if (wanted?.endsWith('.ts') === true) {
    const path = fileNamed(context, work, { wanted, skeleton });
    return { what: path, texts: differing(work, skeleton, [path]) };
  }
  const named =
    wanted === undefined
      ? { kind: 'step' as const, step: stepNamed(work) }
      : stepOrSymbol(lab, wanted);
  const symbols =
    named.kind === 'step' ? named.step.owns.map(({ symbol }) => symbol) : [named.symbol];
  const what =
    named.kind === 'step'
      ? `Step ${named.step.number} (${named.step.title})`
      : nameOf(named.symbol);
  return { what, texts: withBodies(work, { symbols, tree: skeleton, skeleton }) };
}

function differing(work: Work, skeleton: Tree, paths: readonly string[]): Map<string, string> {
  return new Map(
    paths
      .map((path): [string, string] => [path, skeleton.get(path) ?? ''])
      .filter(([path, text]) => learnersText(work, path) !== text),
  );
}

/** `src/mvcc.ts`, or a path from where the learner stands. */
function fileNamed(
  { root }: Context,
  work: Work,
  { wanted, skeleton }: { wanted: string; skeleton: Tree },
): string {
  const fromHere = relative(work.folder, resolve(wanted));
  const fromRoot = relative(work.folder, resolve(root, wanted));
  for (const path of [wanted, fromHere, fromRoot]) if (skeleton.has(path)) return path;
  const result = nearest(
    wanted,
    [...skeleton.keys()].map((path) => ({ names: [path, path.replace(/^.*\//, '')], value: path })),
  );
  if ('found' in result) return result.found;
  throw new LabError(`The skeleton has no file ${wanted}; near it: ${result.near.join(', ')}`);
}
