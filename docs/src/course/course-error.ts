// CourseError: a fault of the course itself, never of the learner. The command ends with exit code 3.
//
// Its message begins with the place, so that an author can click on it, and ends with what to do:
//   labs/01-store/lab.yaml:14:9: the reference has no KeyIndex.find in src/key-index.ts; similar: KeyIndex.get
import { relative } from 'node:path';

export interface Place {
  /** Absolute path. */
  readonly file: string;
  /** Both counted from 1. */
  readonly line?: number;
  readonly column?: number;
}

export class CourseError extends Error {
  readonly exitCode = 3;
  readonly place: Place | undefined;

  constructor(message: string, place?: Place, options?: ErrorOptions) {
    super(place === undefined ? message : `${describePlace(place)}: ${message}`, options);
    this.name = 'CourseError';
    this.place = place;
  }

  static is(error: unknown): error is CourseError {
    return error instanceof CourseError;
  }
}

/** `labs/01-store/lab.yaml:14:9`, from where the command was started. */
export function describePlace({ file, line, column }: Place): string {
  const path = relative(process.cwd(), file) || file;
  return [path.startsWith('../../') ? file : path, line, column]
    .filter((part) => part !== undefined)
    .join(':');
}
