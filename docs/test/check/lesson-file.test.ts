import { describe, expect, test } from 'vitest';
import { parseHints, parseLesson, plain } from '../../src/lesson/lesson-file.ts';

describe('parseLesson()', () => {
  const text = [
    '# Ranges',
    '',
    '## Why',
    'Because.',
    '',
    '```ts',
    '## Keep true',
    '1. not this one',
    '```',
    '',
    '## Keep true',
    '1. A range ends',
    '   before its end.',
    '2. `a` comes before **b**.',
    '',
    '   More about it.',
    '',
    'Not an item.',
    '',
    '## Predict',
    'What?',
  ].join('\n');

  test('finds the title and the sections, but no heading inside a fence', () => {
    const lesson = parseLesson(text);
    expect(lesson.title).toBe('Ranges');
    expect([...lesson.sections.keys()]).toEqual(['Why', 'Keep true', 'Predict']);
    expect(lesson.sections.get('Why')).toContain('not this one');
  });

  test('reads the invariants, each on one line', () => {
    expect(parseLesson(text).invariants).toEqual([
      'A range ends before its end.',
      '`a` comes before **b**. More about it.',
    ]);
  });

  test('takes the second section of a translation for the invariants', () => {
    const translated = '# 范围\n\n## 为什么\n因为。\n\n## 保持为真\n1. 一\n2. 二\n';
    expect(parseLesson(translated).invariants).toEqual(['一', '二']);
  });
});

test('parseHints() finds the levels of each symbol and of the step', () => {
  const hints = parseHints(
    '# Hints\n\n## src/a.ts#B.c\n\n### 1\nq\n\n### 2\nw\n\n## The step\n\n### 1\ns\n',
  );
  expect(hints).toEqual([
    { symbol: 'src/a.ts#B.c', levels: ['q', 'w'] },
    { symbol: undefined, levels: ['s'] },
  ]);
});

test('plain() leaves the words', () => {
  expect(plain('a [link](x.md), `code` and **bold** and *thin*, but 2 * 3 * 4')).toBe(
    'a link, code and bold and thin, but 2 * 3 * 4',
  );
});
