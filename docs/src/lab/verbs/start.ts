// start: makes work/<lab>, the whole skeleton in a git repository of its own, without a remote.
//
//   - What is there is never overwritten, however often start is called.
//   - The folder is made beside and moved into its place as a whole: it is there, or it is not.
//   - Without git everything else still works; start says so.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { writeTree } from '../../course/derive.ts';
import {
  type Context,
  currentLab,
  firstStep,
  labNamed,
  labsOf,
  type Work,
  workOf,
} from '../context.ts';
import { courseHash, keepSkeleton, wholeSkeleton } from '../skeleton.ts';
import { stepState } from '../state.ts';
import type { CommonFlags, Ended } from '../verb.ts';

export async function start(
  context: Context,
  wanted: string | undefined,
  flags: CommonFlags,
): Promise<Ended> {
  const work = workOf(context, labToStart(context, wanted ?? flags.lab));
  const isNew = !existsSync(work.folder);
  if (isNew) make(context, work);
  enter(context, work);
  const { lab } = work;
  const step = firstStep(lab);
  if (!isNew) {
    context.say(
      `${context.pathOf(work.folder)} is already there, and nothing in it was changed.\n\n  npx lab status      where you are\n  npx lab task        what the current step asks`,
    );
    return 0;
  }
  context.say(`${context.pathOf(work.folder)} is yours: the whole of lab ${lab.id} (${lab.title}), with ${lab.steps.length} steps to write.

Before the first step every test of it is red, and that is right: nothing is written yet.

  npx lab task intro     read what this lab is about, and how to work
  npx lab task           read step 1: ${step.title} (${step.minutes} minutes)
  npx lab check --watch  its tests, again whenever you save
  npx lab hint           when you are stuck`);
  return 0;
}

/** The one that was named, the current one, or the first. */
function labToStart(context: Context, wanted: string | undefined) {
  if (wanted !== undefined) return labNamed(context, wanted);
  const { current } = context.state.read();
  const [first] = labsOf(context);
  return current === undefined && first !== undefined ? first : currentLab(context, undefined);
}

function make(context: Context, work: Work): void {
  const half = join(context.root, 'work', '.lab', `half-${work.lab.id}-${process.pid}`);
  rmSync(half, { recursive: true, force: true });
  mkdirSync(half, { recursive: true });
  const tree = wholeSkeleton(work);
  writeTree(tree, half);
  keepSkeleton(context, work.lab, tree);
  firstCommit(context, half, work);
  mkdirSync(dirname(work.folder), { recursive: true });
  renameSync(half, work.folder);
}

function firstCommit(context: Context, folder: string, { lab }: Work): void {
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'init.defaultBranch=main', '-c', 'commit.gpgsign=false', ...args], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: {
        ...process.env,
        GIT_DIR: undefined,
        GIT_WORK_TREE: undefined,
        GIT_INDEX_FILE: undefined,
      },
    });
  const who = ['-c', 'user.name=kube-labs', '-c', 'user.email=course@kube-labs.invalid'];
  try {
    git('init', '--quiet');
    git('add', '--all');
    git(...who, 'commit', '--quiet', '--no-verify', '-m', `The skeleton of lab ${lab.id}`);
  } catch (error) {
    rmSync(join(folder, '.git'), { recursive: true, force: true });
    const [reason = ''] = (error as Error).message.split('\n');
    context.tell(
      `work/${lab.id} is made without a git repository of its own, as git did not work here: ${reason}`,
    );
  }
}

/** Remembers the lab as the current one; progress that is there stays. */
function enter(context: Context, { lab }: Work): void {
  context.state.update((state) => {
    state.current = lab.id;
    state.labs[lab.id] ??= {
      startedAt: context.now(),
      contract: lab.contract,
      course: courseHash(lab),
      step: firstStep(lab).id,
      steps: {},
    };
    const own = state.labs[lab.id];
    if (own !== undefined) stepState(own, own.step).startedAt ??= context.now();
  });
}
