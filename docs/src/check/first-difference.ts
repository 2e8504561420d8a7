// First difference: expected and got, with the place marked where they part.
//
//   expected  "abc"          of one line each: a caret below the first letter that differs
//   got       "abd"
//                ^
//   - "twice": 42,           of several lines: the lines around the first that differs, `-` expected and `+` got
//   + "twice": 63,
// A long line is cut around the difference, a long value to the lines near it.

const CONTEXT = 3;
const CHANGED_MAX = 4;

export interface Difference {
  readonly kind: 'one-line' | 'lines';
  /** Ready to print, without indentation. One line: expected, got, caret. */
  readonly lines: readonly string[];
}

export function firstDifference(expected: string, actual: string, width: number): Difference {
  if (expected.includes('\n') || actual.includes('\n')) {
    return {
      kind: 'lines',
      lines: differingLines(expected.split('\n'), actual.split('\n'), width),
    };
  }
  const at = firstIndex([...expected], [...actual]);
  const [a, b] = [around([...expected], at, width), around([...actual], at, width)];
  return { kind: 'one-line', lines: [a.text, b.text, caret(a.column)] };
}

function differingLines(
  expected: readonly string[],
  actual: readonly string[],
  width: number,
): string[] {
  const at = firstIndex(expected, actual);
  const tail = commonTail(expected.slice(at), actual.slice(at));
  const wanted = expected.slice(at, expected.length - tail);
  const got = actual.slice(at, actual.length - tail);
  const start = Math.max(0, at - CONTEXT);
  const room = width - 2;
  const column = columnOf(wanted[0], got[0]);
  const cut = (line: string, index: number) =>
    around([...line], index === 0 ? column : 0, room).text;
  const marked = wanted.length === 1 && got.length === 1;
  return [
    ...(start > 0 ? ['  …'] : []),
    ...expected.slice(start, at).map((line) => `  ${around([...line], 0, room).text}`),
    ...limited(
      wanted.map((line, index) => `- ${cut(line, index)}`),
      '-',
    ),
    ...limited(
      got.map((line, index) => `+ ${cut(line, index)}`),
      '+',
    ),
    ...(marked ? [`  ${caret(around([...(wanted[0] ?? '')], column, room).column)}`] : []),
    ...expected
      .slice(expected.length - tail, expected.length - tail + CONTEXT)
      .map((line) => `  ${around([...line], 0, room).text}`),
    ...(tail > CONTEXT ? ['  …'] : []),
  ];
}

function limited(lines: readonly string[], sign: string): string[] {
  const left = lines.length - CHANGED_MAX;
  if (left <= 1) return [...lines];
  return [...lines.slice(0, CHANGED_MAX), `${sign} … ${left} more lines`];
}

const caret = (column: number): string => `${' '.repeat(column)}^`;

const columnOf = (a = '', b = ''): number => firstIndex([...a], [...b]);

function firstIndex(a: readonly string[], b: readonly string[]): number {
  let index = 0;
  while (index < a.length && index < b.length && a[index] === b[index]) index++;
  return index;
}

function commonTail(a: readonly string[], b: readonly string[]): number {
  let length = 0;
  const most = Math.min(a.length, b.length);
  while (length < most && a[a.length - 1 - length] === b[b.length - 1 - length]) length++;
  return length;
}

/** At most `width` letters with the one at `at` among them, and where that one then stands. */
function around(
  letters: readonly string[],
  at: number,
  width: number,
): { text: string; column: number } {
  const room = Math.max(20, width);
  if (letters.length <= room)
    return { text: letters.join(''), column: Math.min(at, letters.length) };
  // A third of the room for what both have in common.
  const start = at < room - 5 ? 0 : at - Math.floor(room / 3);
  const before = start === 0 ? '' : '…';
  const end = start + room - before.length - 1;
  const after = end < letters.length ? '…' : '';
  return {
    text: `${before}${letters.slice(start, end).join('')}${after}`,
    column: at - start + before.length,
  };
}
