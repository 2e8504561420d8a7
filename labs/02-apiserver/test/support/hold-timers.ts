// holdTimers: timers of one length that end when a test says so, and not when their time is over.
//
// A server that stops cuts off what is left after its grace. That nothing had to be cut off is proved by a grace without an end;
// a stopwatch would only prove that the machine was not busy. All other timers are the machine's.
import { onTestFinished, vi } from 'vitest';

/** The grace of a server that stops: DRAIN_MS of api-server.ts. */
export const GRACE_MS = 3000;

export interface HeldTimers {
  /** How many were begun. */
  readonly begun: number;
  end(): void;
}

/** Until the test is over. */
export function holdTimers(heldMs: number): HeldTimers {
  const { setTimeout: begin } = globalThis;
  const held: (() => void)[] = [];
  const spy = vi.spyOn(globalThis, 'setTimeout');
  spy.mockImplementation(((callback: () => void, ms?: number, ...rest: []) => {
    if (ms !== heldMs) return begin(callback, ms, ...rest);
    held.push(callback);
    return begin(() => undefined, 0);
  }) as typeof setTimeout);
  onTestFinished(() => spy.mockRestore());
  return {
    get begun() {
      return held.length;
    },
    end() {
      for (const callback of held) callback();
    },
  };
}
