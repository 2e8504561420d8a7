// task: the lesson of a step in the terminal, or with `intro` the way into the lab. The answers to a lesson's questions stay folded
// until they are asked for.
import { existsSync } from 'node:fs';
import { wrapItems } from '../../check/text.ts';
import type { Lab } from '../../course/model.ts';
import { pullCode } from '../../course/pull-code.ts';
import { readIntro, readLesson, withoutAnswers } from '../../lesson/lesson-file.ts';
import { type Context, startedOrNamed, stepNamed } from '../context.ts';
import { LabError } from '../lab-error.ts';
import { toTerminal } from '../terminal-markdown.ts';
import type { CommonFlags, Ended } from '../verb.ts';

/** In place of a step. */
const INTRO = 'intro';

export interface TaskFlags {
  readonly answers?: boolean;
  readonly language?: string;
}

export async function task(
  context: Context,
  wanted: string | undefined,
  { answers = false, language, lab: labFlag }: TaskFlags & CommonFlags,
): Promise<Ended> {
  const started = startedOrNamed(context, labFlag);
  const { lab, folder, state } = started;
  const isStarted = state.startedAt !== '' && existsSync(folder);
  if (wanted === INTRO) {
    const text = readIntro(lab, language);
    if (text === '') throw new LabError(`Lab ${lab.id} has no introduction yet`, 3);
    show(context, lab, text);
    context.print(context.paint.dim(`\nnpx lab ${isStarted ? 'task' : `start ${lab.id}`}`));
    return 0;
  }
  const step = stepNamed({ lab, state }, wanted);
  const { text } = readLesson(lab, step, language);
  if (text === '') throw new LabError(`Step ${step.id} has no lesson yet`, 3);
  const shown = answers ? text : withoutAnswers(text);
  show(context, lab, shown);
  const more = answers || shown === text ? [] : [`npx lab task ${step.number} --answers`];
  const verbs = isStarted ? ['npx lab check', 'npx lab hint'] : [`npx lab start ${lab.id}`];
  const line = wrapItems([...verbs, ...more], context.width).join('\n');
  context.print(context.paint.dim(`\n${isStarted ? '' : 'Not started yet: '}${line}`));
  return 0;
}

function show(context: Context, lab: Lab, text: string): void {
  context.print(
    toTerminal(text, {
      width: context.width,
      paint: context.paint,
      pull: (ref, form) => pullCode(lab, ref, { form }),
    }),
  );
}
