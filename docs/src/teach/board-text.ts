// boardText: the class board for a terminal, the same facts as on the page.
import { type Board, type BoardRow, NAME_LENGTH_MAX } from './classroom.ts';

const NAME_COLUMN_MAX = 24;

export function boardText({ code, rows, steps }: Board): string {
  const width = Math.min(NAME_COLUMN_MAX, Math.max(4, ...rows.map(({ name }) => name.length)));
  const learners = rows.map((row) => learnerLine(row, width));
  const named = steps.filter(({ here, passed }) => here + passed > 0);
  return [
    `Class ${code}: ${rows.length} ${rows.length === 1 ? 'learner' : 'learners'}`,
    ...(learners.length === 0 ? ['  nobody has joined yet'] : learners),
    ...(named.length === 0
      ? []
      : ['', 'Step                            here  passed  planned  measured']),
    ...named.map(
      ({ key, here, passed, minutes, medianMinutes }) =>
        `${key.padEnd(30)}${pad(here, 6)}${pad(passed, 8)}${pad(minutes, 7)} m${medianMinutes === undefined ? '         –' : `${pad(Math.round(medianMinutes), 8)} m`}`,
    ),
    ...named.flatMap(({ hardest }) =>
      hardest.map(({ id, learners: count }) => `  ${id} fails for ${count}`),
    ),
  ].join('\n');
}

function learnerLine(row: BoardRow, width: number): string {
  const name = clip(row.name, width).padEnd(width);
  const hand = row.handUpMinutes === undefined ? '  ' : '!>';
  const where = row.step ?? 'has joined';
  return `${hand} ${name}  ${where.padEnd(26)} ${stateWords(row)}`;
}

/** `on it 12 min`, `stuck 31 min: 3-transactions/2`. */
export function stateWords(row: BoardRow): string {
  switch (row.state) {
    case 'new':
      return '';
    case 'passed':
      return 'passed';
    case 'away':
      return `away ${Math.round(row.withoutProgressMinutes)} min`;
    case 'working':
      return `on it ${Math.round(row.onStepMinutes)} min`;
    case 'stuck':
      return `stuck ${Math.round(row.withoutProgressMinutes)} min${row.failing.length === 0 ? '' : `: ${row.failing[0]}`}`;
    default:
      return row.state satisfies never;
  }
}

function clip(name: string, length: number): string {
  return name.length > Math.min(length, NAME_LENGTH_MAX) ? `${name.slice(0, length - 1)}…` : name;
}

function pad(value: number, width: number): string {
  return String(value).padStart(width);
}
