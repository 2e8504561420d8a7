// check: tests the learner's code, tells the result, remembers it, and with --watch does so again whenever a file is saved.
//
//   - A pass counts for the code that was tested: a file that changed meanwhile makes it count for nothing.
//   - After a green check it says what the compiler thinks; with --watch it does not, as that takes a second.
//   - --json prints one result a line, as it is in ../../course/model.ts, and nothing else on stdout.
//   - Ctrl-C ends --watch with the exit code of the last check.
import { existsSync } from 'node:fs';
import { Checker } from '../../check/check.ts';
import { renderCheck } from '../../check/render.ts';
import { count } from '../../check/text.ts';
import type { CheckResult, Step } from '../../course/model.ts';
import { codeHash } from '../code-hash.ts';
import { type Context, startedWork, stepNamed, type Work } from '../context.ts';
import { LabError } from '../lab-error.ts';
import { onCheck } from '../on-check.ts';
import type { LabState } from '../state.ts';
import { typeErrorsIn } from '../type-errors.ts';
import type { CommonFlags, Ended } from '../verb.ts';
import { watchFolder } from '../watch-folder.ts';

export interface CheckFlags {
  readonly all?: boolean;
  readonly watch?: boolean;
  readonly json?: boolean;
}

export async function checkVerb(
  context: Context,
  wanted: string | undefined,
  flags: CheckFlags & CommonFlags,
): Promise<Ended> {
  const work = startedWork(context, flags.lab);
  const step = stepNamed(work, wanted);
  if (!existsSync(work.srcFolder)) {
    throw new LabError(
      `There is no ${context.pathOf(work.srcFolder)} any more: npx lab undo brings back the last saved copy, npx lab reset lab the skeleton`,
    );
  }
  const { all = false } = flags;
  const checker = new Checker(work.lab, step, { srcFolder: work.srcFolder, all });
  try {
    const run = { checker, context, work, step, flags };
    return flags.watch === true ? await watch(run) : await checkOnce(run, context.signal);
  } finally {
    await checker.close();
    process.exitCode = undefined; // vitest has set it; what counts is what we return.
  }
}

interface Run {
  readonly checker: Checker;
  readonly context: Context;
  readonly work: Work & { readonly state: LabState };
  readonly step: Step;
  readonly flags: CheckFlags;
}

async function checkOnce(run: Run, signal: AbortSignal): Promise<CheckResult['exitCode']> {
  const { checker, context, work, step, flags } = run;
  const startedMs = performance.now();
  const before = codeHash(work.srcFolder);
  const result = await checker.run(signal, (current) => early(run, current, startedMs));
  const code = codeHash(work.srcFolder) === before ? before : undefined;
  if (flags.json === true) context.print(JSON.stringify(result));
  else context.print(rendered(run, result));
  if (flags.json !== true && flags.watch !== true && result.exitCode === 0) {
    await tellTypes(run, signal);
  }
  await onCheck(context, { lab: work.lab, step, result, code });
  return result.exitCode;
}

/** One line when only the compiler is not content: the code passes all the same. */
async function tellTypes({ context, work }: Run, signal: AbortSignal): Promise<void> {
  const [first, ...more] = await typeErrorsIn(work.folder, signal);
  if (first === undefined) return;
  const { folder } = work;
  const place = `${context.pathOf(`${folder}/${first.file}`)}:${first.line}`;
  const others = more.length === 0 ? '' : `, and ${more.length} more`;
  context.say(
    `\n! The tests pass, the types do not: ${place} ${first.message}${others} (npx tsc -p ${context.pathOf(folder)})`,
  );
}

/** Who saves every minute wants to see the current step at once; the earlier ones take their time. */
function early({ context, step, flags }: Run, current: CheckResult, startedMs: number): void {
  if (flags.watch !== true || flags.json === true) return;
  const { print, paint } = context;
  const ms = Math.round(performance.now() - startedMs);
  print(
    `${paint.green('✓')} step ${step.number} · ${step.title}: ${count(current.tests.length, 'test')} passed after ${ms} ms`,
  );
  print(paint.dim('  now the other steps …\n'));
}

function rendered({ context, work, step, flags }: Run, result: CheckResult): string {
  const { color, width } = context;
  return renderCheck(result, {
    lab: work.lab,
    srcFolder: work.srcFolder,
    color,
    width,
    times: true,
    watching: flags.watch === true,
    elsewhere: work.state.step !== step.id,
    pathOf: (file) => context.pathOf(`${work.folder}/${file}`),
  });
}

async function watch(run: Run): Promise<Ended> {
  const { context, work, flags } = run;
  const quiet = flags.json === true;
  let last: Ended = 0;
  try {
    for await (const signal of watchFolder(work.srcFolder, context.signal)) {
      // A page of its own for every run, where there are pages.
      if (!quiet && process.stdout.isTTY) context.print('\u001b[H\u001b[2J');
      const started = performance.now();
      try {
        last = await checkOnce(run, signal);
      } catch (error) {
        if (signal.aborted && !context.signal.aborted) continue; // Saved again: the next round is for that.
        throw error;
      }
      const ms = Math.round(performance.now() - started);
      if (!quiet)
        context.print(context.paint.dim(`\n${ms} ms · waiting for you to save · Ctrl-C ends\n`));
    }
  } catch (error) {
    if (!context.signal.aborted) throw error;
  }
  return last;
}
