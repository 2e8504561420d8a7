// ClusterError: something a person can do something about.
//
// Its message is one sentence that says what is wrong and the way out; the launcher prints it without a
// stack and exits 1. `details` are further lines below it (a component's last log lines), never a second
// explanation. Anything else that is thrown is a fault of our own.

export class ClusterError extends Error {
  readonly details: readonly string[];

  constructor(message: string, options: { details?: readonly string[]; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'ClusterError';
    this.details = options.details ?? [];
  }

  static is(error: unknown): error is ClusterError {
    return error instanceof ClusterError;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
