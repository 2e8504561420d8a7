// Machine problem: an error that no code of the learner's can be blamed for, and what to do about it.
import { statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import type { SeenError } from './failure.ts';

const DISK_FULL_BYTES = 32 * 1024 * 1024;

export function machineProblemOf(errors: readonly SeenError[]): string | undefined {
  for (const error of errors) {
    const problem = problemOf(error);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function problemOf(error: SeenError): string | undefined {
  const inner = error.cause === undefined ? undefined : problemOf(error.cause);
  if (inner !== undefined) return inner;
  switch (error.code) {
    case 'MACHINE':
      return error.message;
    case 'EADDRINUSE':
      return `a port is in use (${error.message}): another program has it, or a server that was never closed; end it and check again`;
    case 'EMFILE':
    case 'ENFILE':
      return 'too many files are open on this machine: close programs, or raise the limit (ulimit -n 4096)';
    case 'ENOSPC':
      // The tests make disks full that are none: only a really full one is the machine's fault.
      return freeBytes() < DISK_FULL_BYTES
        ? `the disk of ${tmpdir()} is full: make room and check again`
        : undefined;
    default:
      return undefined;
  }
}

export function freeBytes(folder = tmpdir()): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
