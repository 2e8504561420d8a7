// Steps: what takes long is a list of steps, and somebody shows it.
//
// A step says what it does while it does it (`say`), and ends or throws. showSteps() is the terminal's
// version: ticks and times as `kind create cluster` shows them, plain lines where there is no terminal.
// runSteps() is for programs.

import { Listr, PRESET_TIMER } from 'listr2';

export interface Step {
  readonly title: string;
  run(say: (line: string) => void): Promise<void>;
}

/** Runs the steps in order; the first that throws ends it. */
export type RunSteps = (steps: readonly Step[]) => Promise<void>;

export const runSteps: RunSteps = async (steps) => {
  for (const step of steps) await step.run(() => {});
};

export const showSteps: RunSteps = async (steps) => {
  let failure: unknown;
  const tasks = steps.map((step) => ({
    title: step.title,
    task: async (_: unknown, task: { output: string }) => {
      const say = (line: string) => {
        if (task.output !== line) task.output = line;
      };
      try {
        await step.run(say);
      } catch (error) {
        failure = error;
        // Why is told once, by the launcher, after it has cleaned up.
        throw new Error('see below');
      }
    },
  }));
  const list = new Listr(tasks, {
    rendererOptions: { timer: PRESET_TIMER, showErrorMessage: false },
    fallbackRenderer: 'simple',
    fallbackRendererOptions: { timer: PRESET_TIMER },
    registerSignalListeners: false,
    exitOnError: true,
  });
  try {
    await list.run();
  } catch (error) {
    throw failure ?? error;
  }
};
