import { expect, test } from 'vitest';
import { wrapItems, wrapLines } from '../../src/check/text.ts';

test('wrapLines() breaks sentences, and never a command', () => {
  const text = [
    'Your code of before is in work/.lab/saved; npx lab undo brings it back',
    '',
    '  indented words that are long enough to be broken into two lines',
    '  npx lab diff mine 2 --show   a list keeps its columns, however long the line gets',
    'What else there is: npx lab reset src/counter.ts',
  ].join('\n');
  expect(wrapLines(text, 40).split('\n')).toEqual([
    'Your code of before is in',
    'work/.lab/saved; npx lab undo brings it',
    'back',
    '',
    '  indented words that are long enough to',
    '  be broken into two lines',
    '  npx lab diff mine 2 --show   a list keeps its columns, however long the line gets',
    'What else there is:',
    'npx lab reset src/counter.ts',
  ]);
});

test('wrapItems() keeps items whole', () => {
  expect(wrapItems(['one', 'two', 'three'], 9)).toEqual(['one · two', 'three']);
  expect(wrapItems(['much too long', 'b'], 5)).toEqual(['much too long', 'b']);
});
