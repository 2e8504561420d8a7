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
  const list = new Listr(
    steps.map(({ title, run }) => ({
      title,
      task: (_, task) =>
        run((line) => {
          if (task.output !== line) task.output = line;
        }),
    })),
    {
      // A failure is told once, by the launcher, after it has cleaned up.
      rendererOptions: { timer: PRESET_TIMER, showErrorMessage: false },
      fallbackRenderer: 'simple',
      fallbackRendererOptions: { timer: PRESET_TIMER },
      registerSignalListeners: false,
      exitOnError: true,
    },
  );
  await list.run();
};
