// Terminal table: a table as columns that fit a width. The first row is the head; a rule stands below it.
//
// Every column gets what its longest cell needs. When that is too much, the widest columns give way and their cells are
// wrapped; only a word that is longer than its column stands out.
import { type Paint, widthOf, wrap } from '../check/text.ts';

const GAP = '  ';

export function tableLines(
  rows: readonly (readonly string[])[],
  { width, paint }: { readonly width: number; readonly paint: Paint },
): string[] {
  const widths = widthsThatFit(rows, width);
  return rows.flatMap((row, index) => {
    const lines = rowLines(row, widths);
    if (index > 0) return lines;
    const rule = widths.map((each) => '─'.repeat(each)).join(GAP);
    return [...lines.map((line) => paint.bold(line)), paint.dim(rule)];
  });
}

function widthsThatFit(rows: readonly (readonly string[])[], width: number): readonly number[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(1, ...rows.map((row) => widthOf(row[column] ?? ''))),
  );
  const room = Math.max(columns, width - GAP.length * (columns - 1));
  for (let over = sum(widths) - room; over > 0; over--) {
    const widest = widths.indexOf(Math.max(...widths));
    widths[widest] = (widths[widest] ?? 1) - 1;
  }
  return widths;
}

function rowLines(row: readonly string[], widths: readonly number[]): string[] {
  const cells = widths.map((width, column) => wrap(row[column] ?? '', width));
  const height = Math.max(...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    cells
      .map((lines, column) => padded(lines[line] ?? '', widths[column] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
}

const padded = (text: string, width: number): string =>
  text + ' '.repeat(Math.max(0, width - widthOf(text)));

const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);
