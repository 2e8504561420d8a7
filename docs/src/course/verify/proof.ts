// Proof: one thing that must be true of a lab, and how it came out.

export type ProofKind = 'lesson' | 'types' | 'prefix' | 'symbol' | 'wrong' | 'last';

export interface Proof {
  readonly kind: ProofKind;
  /** `prefix 3`, `symbol src/mvcc.ts#Mvcc.put`: unique in a lab. */
  readonly name: string;
  /** What was seen, in half a sentence. */
  readonly says: string;
  /** Empty when the proof holds. */
  readonly complaints: readonly Complaint[];
  /** It was proven before, on exactly these files. */
  readonly remembered: boolean;
}

export interface Complaint {
  /** What is wrong. */
  readonly what: string;
  /** What the author can do about it. */
  readonly todo: string;
}

export interface VerifyReport {
  readonly lab: string;
  readonly proofs: readonly Proof[];
  readonly durationMs: number;
  readonly exitCode: 0 | 3;
}

export interface VerifyOptions {
  /** Write what overlays print to their expected.txt instead of comparing it. */
  readonly update?: boolean;
  /** Believe a proof that was made before on the same files. Default true. */
  readonly cache?: boolean;
  /** Only these steps, by number; an author's shortcut. Default all. */
  readonly steps?: readonly number[];
  /** How many test files run at once. Default: one for each core. */
  readonly concurrency?: number;
  readonly signal?: AbortSignal;
  /** Called whenever a test run has ended. */
  readonly onProgress?: (done: number, all: number) => void;
}

export const holds = ({ complaints }: Proof): boolean => complaints.length === 0;

export function countOf(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Whether the options ask for a step of the lab. */
export function isWanted({ steps }: VerifyOptions, number: number): boolean {
  return steps === undefined || steps.includes(number);
}
