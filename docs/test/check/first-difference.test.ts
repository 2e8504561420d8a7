import { describe, expect, test } from 'vitest';
import { firstDifference } from '../../src/check/first-difference.ts';

describe('firstDifference()', () => {
  test.each([
    {
      name: 'marks the first letter that differs',
      a: '"abc"',
      b: '"abd"',
      want: ['"abc"', '"abd"', '   ^'],
    },
    { name: 'marks the end of the shorter one', a: '12', b: '123', want: ['12', '123', '  ^'] },
    {
      name: 'marks the beginning when nothing is alike',
      a: '2',
      b: 'undefined',
      want: ['2', 'undefined', '^'],
    },
    {
      name: 'counts letters, not code units',
      a: '"😀a"',
      b: '"😀b"',
      want: ['"😀a"', '"😀b"', '  ^'],
    },
    { name: 'marks the end of what is empty', a: '', b: 'x', want: ['', 'x', '^'] },
  ])('one line: $name', ({ a, b, want }) => {
    expect(firstDifference(a, b, 60)).toEqual({ kind: 'one-line', lines: want });
  });

  test('cuts a long line around the difference, and the mark stays below it', () => {
    const common = 'x'.repeat(200);
    const { lines } = firstDifference(`${common}a${common}`, `${common}b${common}`, 40);
    const [expected = '', got = '', caret = ''] = lines;
    expect(expected.length).toBeLessThanOrEqual(40);
    expect([expected[caret.length - 1], got[caret.length - 1]]).toEqual(['a', 'b']);
    expect(expected).toMatch(/^…x+ax+…$/);
  });

  test('several lines: shows the lines around the one that differs, expected with - and got with +', () => {
    const before = ['{', '  "a": 1,', '  "b": 2,', '  "c": 3,', '  "d": 4,', '}'].join('\n');
    const after = before.replace('"c": 3', '"c": 9');
    expect(firstDifference(before, after, 60)).toEqual({
      kind: 'lines',
      lines: [
        '  {',
        '    "a": 1,',
        '    "b": 2,',
        '-   "c": 3,',
        '+   "c": 9,',
        '         ^',
        '    "d": 4,',
        '  }',
      ],
    });
  });

  test('several lines: one that is missing has nothing to point at', () => {
    const { lines } = firstDifference('[\n  1,\n  2,\n]', '[\n  1,\n]', 60);
    expect(lines).toEqual(['  [', '    1,', '-   2,', '  ]']);
  });

  test('several lines: says how many more there are', () => {
    const many = Array.from({ length: 20 }, (_, index) => `line ${index}`).join('\n');
    const { lines } = firstDifference('one\n', `${many}\n`, 60);
    expect(lines).toContain('+ … 16 more lines');
    expect(lines.length).toBeLessThan(12);
  });
});
