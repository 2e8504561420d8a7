// cost: how much an expression may do.
//
// Whoever writes a rule must not be able to hold up the server, which has one thread. So every step of an expression costs something: a node 1,
// a list that is written out 10, a map 30, each character or item that a function looks at a tenth, and a pattern a
// quarter of its steps times the text's length. Evaluation ends as soon as the limit is passed, whatever would have come out of it.
//
// An evaluation never waits and never begins another one: one meter for the whole process will do.
//
// Same limits upstream: apiserver, pkg/apis/cel/config.go. Left out: the estimate of the worst case when an expression is
// written (there too expensive rules are refused); here only what really runs is limited.

/** Of one expression. */
export const PER_CALL_LIMIT = 1_000_000;
/** Of all rules that look at one object. */
export const OBJECT_BUDGET = 10_000_000;
/** Of all conditions of one webhook. */
export const MATCH_CONDITIONS_BUDGET = 2_500_000;

export const PER_UNIT = 0.1;
/** To begin at all: a cheap rule may stand at each of a million items. */
const PER_RUN = 10;

/** Thrown inside; nobody outside of this folder sees it. */
class CostExceeded extends Error {
  constructor() {
    super('operation cancelled: actual cost limit exceeded');
  }
}
/** One for all: it may be thrown at every step of a loop that ignores errors, and its stack tells nothing. */
const exceeded = new CostExceeded();

let left = 0;

/** Counts; throws when the limit is passed, then and at every later step. */
export function charge(cost: number): void {
  left -= cost;
  if (left < 0) throw exceeded;
}

/** A text, a list, bytes: what looks at all of it, pays for all of it. */
export function chargeLength({ length }: { readonly length: number }): void {
  charge(length * PER_UNIT);
}

/** Of a value of any type: lists are paid for by those who look into them. */
export function chargeText(value: unknown): void {
  if (typeof value === 'string' || value instanceof Uint8Array) chargeLength(value);
}

export interface Metered<T> {
  /** Absent when `run` threw, or the limit was passed. */
  readonly value?: T;
  readonly error?: unknown;
  readonly isExceeded: boolean;
  readonly cost: number;
}

export function metered<T>(limit: number, run: () => T): Metered<T> {
  left = limit - PER_RUN;
  try {
    const value = run();
    // Operators like `||` go on after an error, so the end of the meter is asked, not the error.
    return left < 0
      ? { isExceeded: true, cost: limit }
      : { value, isExceeded: false, cost: Math.ceil(limit - left) };
  } catch (error) {
    return left < 0
      ? { isExceeded: true, cost: limit }
      : { error, isExceeded: false, cost: Math.ceil(limit - left) };
  }
}
