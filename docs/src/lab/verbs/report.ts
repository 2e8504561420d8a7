// report: the learner's progress as JSON, for a teacher. The learner makes it and hands it over; nothing is sent. No code in it.
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Lab } from '../../course/model.ts';
import { type Context, labsOf } from '../context.ts';
import { type LabState, newStep } from '../state.ts';
import type { CommonFlags, Ended } from '../verb.ts';

export interface ReportFlags {
  readonly out?: string;
}

export async function report(
  context: Context,
  { out, lab }: ReportFlags & CommonFlags,
): Promise<Ended> {
  const { labs } = context.state.read();
  const started = labsOf(context).filter(
    ({ id }) => labs[id] !== undefined && (lab === undefined || lab === id),
  );
  const text = JSON.stringify(
    {
      version: 1,
      at: context.now(),
      labs: started.map((each) => labReport(each, labs[each.id] as LabState)),
    },
    null,
    2,
  );
  if (out === undefined) {
    context.print(text);
    return 0;
  }
  writeFileSync(resolve(out), `${text}\n`);
  context.print(`Written to ${out}`);
  return 0;
}

function labReport({ id, title, contract, steps }: Lab, state: LabState) {
  return {
    lab: id,
    title,
    startedAt: state.startedAt,
    contract: { atStart: state.contract, now: contract },
    step: state.step,
    steps: steps.map((step) => {
      const own = state.steps[step.id] ?? newStep();
      return {
        step: step.id,
        title: step.title,
        passed: own.passedAt !== undefined,
        startedAt: own.startedAt ?? null,
        passedAt: own.passedAt ?? null,
        minutes: minutesBetween(own.startedAt, own.passedAt),
        minutesPlanned: step.minutes,
        attempts: own.attempts,
        failing: own.failing,
        hints: own.hints,
        solutions: own.solutions,
        skippedAt: own.skippedAt ?? null,
      };
    }),
  };
}

function minutesBetween(from: string | undefined, to: string | undefined): number | null {
  if (from === undefined || to === undefined) return null;
  return Math.round((Date.parse(to) - Date.parse(from)) / 60_000);
}
