// Diffs and transcripts as markup.
import { createTwoFilesPatch, FILE_HEADERS_ONLY, type HeaderOptions } from 'diff';
import { describe, expect, test } from 'vitest';
import { parseDiff, renderDiff } from '../../src/site/diff-view.ts';
import { colouredLines } from '../../src/site/transcript-view.ts';

const patch = (
  file: string,
  before: string,
  after: string,
  headerOptions?: HeaderOptions,
): string =>
  createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after, undefined, undefined, {
    context: 3,
    ...(headerOptions && { headerOptions }),
  });

describe.each([
  { name: 'with a rule between files', headers: undefined },
  { name: 'with the names of files only', headers: FILE_HEADERS_ONLY },
])('parseDiff() of a diff $name', ({ headers }) => {
  test('divides files, and takes lines that look like headers for what they are', () => {
    const first = patch('src/a.ts', 'one\n-- two\n', 'one\n++ two\n', headers);
    const second = patch('src/b.ts', 'old\n', 'new\n', headers);
    expect(parseDiff(first + second)).toEqual([
      { path: 'src/a.ts', hunks: [{ from: 1, lines: [' one', '--- two', '+++ two'] }] },
      { path: 'src/b.ts', hunks: [{ from: 1, lines: ['-old', '+new'] }] },
    ]);
  });
});

test('renderDiff() links the file and escapes the code', () => {
  const markup = renderDiff(patch('src/a.ts', 'a\n', 'if (a < b) c();\n'), (path) => `x/${path}`);
  expect(markup.toString()).toContain('href="x/src/a.ts"');
  expect(markup.toString()).toContain('class="added"');
  expect(markup.toString()).toContain('a &lt; b');
});

test('colouredLines() gives a sentence that goes on the colour of its mark', () => {
  expect(
    colouredLines('  ✓ one\n    goes on\n\n  ✗ two\n  ○ three\n  · four\nsaid\n').map(
      ({ kind }) => kind,
    ),
  ).toEqual(['passed', 'passed', 'said', 'failed', 'unwritten', 'waiting', 'said']);
});
