// Lines: compares what a test saw line by line, so that a failure shows text and no quotes, brackets or objects.
import { expect } from 'vitest';

export function expectLines(got: readonly string[], want: readonly string[]): void {
  expect(textOf(got)).toBe(textOf(want));
}

const textOf = (lines: readonly string[]): string =>
  lines.length === 0 ? '(nothing)' : lines.map(visible).join('\n');

/** A key as a person can read it: bytes that a terminal does not show as \xff, and the empty key named. */
export function visible(text: string): string {
  if (text === '') return '(empty)';
  return text.replace(
    /[^\x20-\x7e\n→]/g,
    (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
