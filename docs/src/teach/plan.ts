// planOf: the steps of the course in order, with the minutes that they are planned for.
import { findLabs } from '../course/load-lab.ts';
import type { Lab } from '../course/model.ts';
import type { PlannedStep } from './classroom.ts';

export function planOf(root: string): readonly PlannedStep[] {
  return findLabs(root, { symbols: false, files: false }).flatMap(stepsOf);
}

export function stepsOf({ id, title, steps }: Lab): readonly PlannedStep[] {
  return steps.map((step) => ({
    key: `${id}/${step.id}`,
    title: `${title} ${step.number}: ${step.title}`,
    minutes: step.minutes,
  }));
}
