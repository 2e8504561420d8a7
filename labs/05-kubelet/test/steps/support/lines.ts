// Lines: compares what a test saw line by line, so that a failure shows text and no quotes, brackets or objects.
import { expect } from 'vitest';

export function expectLines(got: readonly string[], want: readonly string[]): void {
  expect(textOf(got)).toBe(textOf(want));
}

const textOf = (lines: readonly string[]): string => lines.join('\n') || '(nothing)';
