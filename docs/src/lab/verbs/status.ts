// status: where the learner is, in all labs, and what they should know: contracts that changed since the start, a skeleton
// that the course would make differently today, files of the course that were changed outside work/.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MARKS } from '../../check/render.ts';
import { count, widthOf, wrap } from '../../check/text.ts';
import type { Lab, Step } from '../../course/model.ts';
import { codeHash } from '../code-hash.ts';
import { type Context, labsOf, workOf } from '../context.ts';
import { courseHash, type SkeletonChanges, skeletonChanges } from '../skeleton.ts';
import { isCaughtUp, type LabState, newStep, type State, type StepState } from '../state.ts';
import type { CommonFlags, Ended } from '../verb.ts';

export interface StatusFlags {
  readonly json?: boolean;
}

interface LabStatus {
  readonly lab: Lab;
  readonly state: LabState;
  readonly isCurrent: boolean;
  readonly code: string;
  readonly isThere: boolean;
  readonly skeleton: SkeletonChanges | undefined;
}

const FILES_SHOWN = 6;

export async function status(context: Context, flags: StatusFlags & CommonFlags): Promise<Ended> {
  const state = context.state.read();
  const labs = labsOf(context).filter(({ id }) => flags.lab === undefined || flags.lab === id);
  const started = labs.flatMap((lab): LabStatus[] => {
    const own = state.labs[lab.id];
    return own === undefined ? [] : [statusOf(context, lab, { own, state })];
  });
  const changed = changedCourseFiles(context);
  if (flags.json === true) context.print(JSON.stringify(asJson(started, changed, state), null, 2));
  else context.say(blocks(context, { labs, started, changed, state }).join('\n\n'));
  return 0;
}

function statusOf(
  context: Context,
  lab: Lab,
  { own, state }: { own: LabState; state: State },
): LabStatus {
  const work = workOf(context, lab);
  return {
    lab,
    state: own,
    isCurrent: state.current === lab.id,
    code: codeHash(work.srcFolder),
    isThere: existsSync(work.folder),
    // Deriving is slow, so only when the course has changed at all.
    skeleton: own.course === courseHash(lab) ? undefined : skeletonChanges(context, lab),
  };
}

interface Shown {
  readonly labs: readonly Lab[];
  readonly started: readonly LabStatus[];
  readonly changed: readonly string[];
  readonly state: State;
}

function blocks(context: Context, { labs, started, changed, state }: Shown): string[] {
  const { paint } = context;
  const others = labs.filter(({ id }) => !started.some(({ lab }) => lab.id === id));
  return [
    ...started.map((each) => labLines(context, each).join('\n')),
    ...(others.length > 0
      ? [
          `${paint.bold('Not started')}\n${others.map(({ id, title }) => `  ${id}  ${title}`).join('\n')}`,
        ]
      : []),
    ...(changed.length > 0 ? [changedLines(context, changed)] : []),
    ...(state.class === undefined
      ? []
      : [`In the class at ${state.class.url} as ${state.class.name}`]),
    paint.dim(started.length === 0 ? 'npx lab start' : 'npx lab task · npx lab check --watch'),
  ];
}

function labLines(context: Context, each: LabStatus): string[] {
  const { lab, isCurrent, isThere, state } = each;
  const { paint, pathOf } = context;
  const title = `${lab.id} · ${lab.title}`;
  const steps = lab.steps.map(({ id }) => state.steps[id] ?? newStep());
  const passed = steps.filter(({ passedAt }) => passedAt !== undefined);
  const caughtUp = passed.filter(isCaughtUp).length;
  const how = caughtUp === 0 ? '' : `, ${caughtUp} of them by catch-up`;
  return [
    `${paint.bold(title)}  ${passed.length} of ${count(lab.steps.length, 'step')} passed${how}${isCurrent ? '' : '  (not the current lab)'}`,
    ...(isThere
      ? []
      : [`  ${pathOf(workOf(context, lab).folder)} is gone: npx lab start ${lab.id}`]),
    ...lab.steps.flatMap((step) => stepLines(context, step, each)),
    ...notices(context, each),
  ];
}

function stepLines({ paint, width }: Context, step: Step, { state, code }: LabStatus): string[] {
  const own = state.steps[step.id] ?? newStep();
  const isCurrent = state.step === step.id;
  const mark =
    own.passedAt !== undefined
      ? paint.green(MARKS.passed)
      : own.skippedAt !== undefined
        ? paint.yellow(MARKS['not-written'])
        : MARKS['not-reached'];
  const facts = factsOf(own, { isCurrent, code }).join(', ');
  const title = `${step.number} ${step.title}`;
  const head = `${isCurrent ? '→' : ' '} ${mark} ${title}`;
  if (facts === '') return [head];
  if ('→ ✓ '.length + widthOf(title) + 2 + widthOf(facts) <= width)
    return [`${head}  ${paint.dim(facts)}`];
  const indent = ' '.repeat('→ ✓ 1 '.length);
  return [head, ...wrap(facts, width - indent.length).map((line) => `${indent}${paint.dim(line)}`)];
}

/** What there is to say of a step beside its name and mark. Pure. */
export function factsOf(
  own: StepState,
  { isCurrent, code }: { isCurrent: boolean; code: string },
): string[] {
  // What catch-up took is not a solution that somebody looked up: the class went on.
  const solutions = own.solutions.filter(({ how }) => how !== 'caught-up');
  const early = solutions.filter((each) => each.early).length;
  const hints = Object.values(own.hints).reduce((sum, level) => sum + level, 0);
  return [
    ...(own.passedAt === undefined ? [] : [`passed ${shortTime(own.passedAt)}`]),
    ...(isCurrent && own.passedAt !== undefined && own.passedCode !== code
      ? ['code changed since']
      : []),
    ...(isCaughtUp(own) ? ['by catch-up'] : []),
    ...(own.skippedAt !== undefined && own.passedAt === undefined && !isCaughtUp(own)
      ? ['skipped']
      : []),
    ...(own.failing.length > 0 ? [`failing ${own.failing.join(' ')}`] : []),
    ...(own.attempts > 0 ? [count(own.attempts, 'check')] : []),
    ...(hints > 0 ? [count(hints, 'hint')] : []),
    ...(solutions.length > 0
      ? [`${count(solutions.length, 'solution')} (${early} before the pass)`]
      : []),
  ];
}

/** `2026-03-01 10:20`, in the learner's own time. */
function shortTime(iso: string): string {
  const date = new Date(iso);
  const two = (value: number) => String(value).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${two(date.getHours())}:${two(date.getMinutes())}`;
}

function notices({ width }: Context, { lab, state, skeleton }: LabStatus): string[] {
  const lines: string[] = [];
  if (lab.contract !== state.contract) {
    lines.push(
      `The contract of this lab is ${lab.contract} now; you started with ${state.contract}:`,
    );
    for (let number = state.contract + 1; number <= lab.contract; number++)
      lines.push(`  ${number}: ${lab.changes[number] ?? ''}`);
  }
  const files =
    skeleton === undefined ? [] : [...skeleton.changed, ...skeleton.added, ...skeleton.removed];
  if (files.length > 0) {
    lines.push(
      `Today's course would give you another skeleton (${files.join(', ')}). Your files stay as they are; npx lab diff course shows the difference.`,
    );
  }
  return lines.flatMap((line) => wrap(line, width - 4).map((part) => `  ! ${part}`));
}

function changedLines({ paint, width }: Context, changed: readonly string[]): string {
  const shown = changed.slice(0, FILES_SHOWN).join(', ');
  const more = changed.length > FILES_SHOWN ? ` and ${changed.length - FILES_SHOWN} more` : '';
  return wrap(
    `! Files of the course were changed outside work/: ${shown}${more}. The tests run against work/ only; git restore brings one back.`,
    width,
  )
    .map(paint.yellow)
    .join('\n');
}

/** Tracked files that differ from the last commit; nothing where git or a repository is not at hand. */
function changedCourseFiles({ root }: Context): string[] {
  if (!existsSync(join(root, '.git'))) return [];
  try {
    const args = [
      '--no-optional-locks',
      'status',
      '--porcelain',
      '-z',
      '--untracked-files=no',
      '--',
      'labs',
      'docs',
      'test',
    ];
    const text = execFileSync('git', args, {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 5_000,
    });
    return text
      .split('\0')
      .filter((line) => line !== '')
      .map((line) => line.slice(3));
  } catch {
    return [];
  }
}

function asJson(started: readonly LabStatus[], changed: readonly string[], state: State) {
  return {
    current: state.current ?? null,
    labs: started.map(({ lab, state: own, code, skeleton }) => ({
      lab: lab.id,
      step: own.step,
      contract: { atStart: own.contract, now: lab.contract },
      skeletonChanged:
        skeleton === undefined ? [] : [...skeleton.changed, ...skeleton.added, ...skeleton.removed],
      steps: lab.steps.map(({ id }) => {
        const { passedCode, ...step } = own.steps[id] ?? newStep();
        return { step: id, passedForThisCode: passedCode === code, ...step };
      }),
    })),
    changedCourseFiles: changed,
    class: state.class === undefined ? null : { url: state.class.url, name: state.class.name },
  };
}
