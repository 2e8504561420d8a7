// task: the lesson of a step in the terminal. The answers to its questions stay folded until they are asked for.
import { existsSync } from 'node:fs';
import { wrapItems } from '../../check/text.ts';
import { pullCode } from '../../course/pull-code.ts';
import { readLesson, withoutAnswers } from '../../lesson/lesson-file.ts';
import { type Context, startedOrNamed, stepNamed } from '../context.ts';
import { LabError } from '../lab-error.ts';
import { toTerminal } from '../terminal-markdown.ts';
import type { CommonFlags, Ended } from '../verb.ts';

export interface TaskFlags {
  readonly answers?: boolean;
  readonly language?: string;
}

export async function task(
  context: Context,
  wanted: string | undefined,
  { answers = false, language, lab: labFlag }: TaskFlags & CommonFlags,
): Promise<Ended> {
  const { lab, folder, state } = startedOrNamed(context, labFlag);
  const step = stepNamed({ lab, state }, wanted);
  const { text } = readLesson(lab, step, language);
  if (text === '') throw new LabError(`Step ${step.id} has no lesson yet`, 3);
  const shown = answers ? text : withoutAnswers(text);
  context.print(
    toTerminal(shown, {
      width: context.width,
      paint: context.paint,
      pull: (ref, form) => pullCode(lab, ref, { form }),
    }),
  );
  const more = answers || shown === text ? [] : [`npx lab task ${step.number} --answers`];
  const isStarted = state.startedAt !== '' && existsSync(folder);
  const verbs = isStarted ? ['npx lab check', 'npx lab hint'] : [`npx lab start ${lab.id}`];
  const line = wrapItems([...verbs, ...more], context.width).join('\n');
  context.print(context.paint.dim(`\n${isStarted ? '' : 'Not started yet: '}${line}`));
  return 0;
}
