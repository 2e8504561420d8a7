// Diffs and transcripts as markup.
import { createTwoFilesPatch } from 'diff';
import { expect, test } from 'vitest';
import { parseDiff, renderDiff } from '../../src/site/diff-view.ts';
import { colouredLines } from '../../src/site/transcript-view.ts';

const patch = (file: string, before: string, after: string): string =>
  createTwoFilesPatch(`a/${file}`, `b/${file}`, before, after);

test('parseDiff() divides files, and takes lines that look like headers for what they are', () => {
  const diff = `${patch('src/a.ts', 'one\n-- two\n', 'one\n++ two\n')}${patch('src/b.ts', '', 'new\n')}`;
  expect(parseDiff(diff)).toEqual([
    { path: 'src/a.ts', lines: ['@@ -1,2 +1,2 @@', ' one', '--- two', '+++ two'] },
    { path: 'src/b.ts', lines: ['@@ -0,0 +1,1 @@', '+new'] },
  ]);
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
