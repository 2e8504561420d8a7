import { expect, test } from 'vitest';
import { widthOf, wrap, wrapItems, wrapLines } from '../../src/check/text.ts';

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

test('wrap() breaks Chinese text at the width, never before a full stop, and keeps code whole', () => {
  const text =
    '键逐字节比较。没有终点的范围（缺省，或 `prefixEnd`）是一个键；见 src/key-range.ts，它是已知的。';
  expect(wrap(text, 20)).toEqual([
    '键逐字节比较。没有终',
    '点的范围（缺省，或',
    '`prefixEnd`）是一个',
    '键；见',
    'src/key-range.ts，它',
    '是已知的。',
  ]);
});

test('wrap() of any width makes no line too long but those of one piece, and loses nothing', () => {
  const text = '客户端说 `put a one` 之后，存储回答 revision 2。“之前”和“之后”，一个也不能少！';
  for (let width = 4; width <= 90; width++) {
    const lines = wrap(text, width);
    expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    for (const line of lines)
      expect([width, line, /^[，。！”]/.test(line)]).toEqual([width, line, false]);
    if (width >= 10) expect(lines.filter((line) => widthOf(line) > width)).toEqual([]);
  }
});
