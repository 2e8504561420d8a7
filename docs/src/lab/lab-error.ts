// LabError: what a command cannot do for the learner, why, and what to do. It ends with the message alone, never with a stack.
import type { ExitCode } from '../course/model.ts';

export class LabError extends Error {
  /** 1: what was asked for, or the learner's files; 2: the machine. */
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = 1) {
    super(message);
    this.name = 'LabError';
    this.exitCode = exitCode;
  }
}
